"""What a generator did at the product: what it added, and its blurred copy of the edge taken out of the set."""

from __future__ import annotations

import cv2
import numpy as np

from studio.take import F32, U8

TOLERANCE = 7 / 320
"""Width of a net's soft edge as a share of its map's side (`studio.imaging.views.EDGE`): so much more is no growth."""


def outgrowth(seen: F32, alpha: F32) -> float:
    """Area that was added to the product over the product's own, from 0 up.

    `seen` float32 (S, S) 0..1 is the net's map of the generated picture, `alpha` float32 (H, W) 0..1 the product as it was
    placed, both over the same frame. Only what hangs together with the product counts: a vase beside it is scenery. 0 where
    nothing was placed.
    """
    side = seen.shape[0]
    old = (cv2.resize(alpha, (side, side), interpolation=cv2.INTER_AREA) > 0.5).astype(np.uint8)
    area = cv2.countNonZero(old)
    if not area:
        return 0.0
    reach = max(1, round(side * TOLERANCE))
    near = cv2.dilate(old, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    new = ((seen > 0.5) & (near == 0)).astype(np.uint8)
    count, labels = cv2.connectedComponents(new, connectivity=8)
    touching = np.unique(labels[cv2.dilate(near, np.ones((3, 3), np.uint8)) > 0])
    grown = np.isin(labels, touching[touching > 0]) if count > 1 else np.zeros(labels.shape, bool)
    return float(grown.sum()) / area


def cleared(ground: U8, alpha: F32, reach: int) -> U8:
    """A generated set uint8 (H, W, 3) without the copy of the product's edge that it holds: within `reach` pixels of the product,
    and under its edge, colours come from further out. Elsewhere the set is as it was.
    """
    solid = (alpha > 0.5).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    outer, core = cv2.dilate(np.maximum(solid, (alpha > 0).astype(np.uint8)), kernel), cv2.erode(solid, kernel)
    rows, columns = np.flatnonzero(outer.any(axis=1)), np.flatnonzero(outer.any(axis=0))
    if not rows.size:
        return ground
    room = 6 * reach
    window = (
        slice(max(0, rows[0] - room), rows[-1] + 1 + room),
        slice(max(0, columns[0] - room), columns[-1] + 1 + room),
    )
    free = (outer[window] == 0).astype(np.float32)
    part = ground[window].astype(np.float32)
    total = cv2.GaussianBlur(part * free[..., None], (0, 0), reach * 1.5)
    weight = cv2.GaussianBlur(free, (0, 0), reach * 1.5)
    band = (outer[window] > 0) & (core[window] == 0) & (weight > 1e-4)
    result = ground.copy()
    result[window][band] = np.rint(np.clip(total[band] / weight[band][:, None], 0, 255)).astype(np.uint8)
    return result
