"""The outline on the canvas: how soft, how rough, how straight it is."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.qa.subject import Subject, cut
from studio.take import F32, U8

NAMES = (
    "soft_width",
    "roughness",
    "wiggle",
    "stairs",
    "flat_top",
    "flat_right",
    "flat_bottom",
    "flat_left",
    "hull_share",
    "parts",
)
LOOK_PX = 1000
"""Long side of the canvas at which the outline is walked."""
SMOOTH = 6.0
"""Deviation, in pixels of the walk, of the smoothed outline that the real one is compared with."""
STAIR = (4.0, 30.0)
"""Lengths of axis-parallel pieces that make a staircase, in pixels of the walk."""


def rim(subject: Subject) -> dict[str, float]:
    """Ratios and shares of the placed product's outline; NaN without a product."""
    alpha = _scaled(subject.placed.alpha)
    solid = (alpha > 0.5).astype(np.uint8)
    contours, _ = cv2.findContours(solid, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    walked = [contour[:, 0].astype(np.float32) for contour in contours if len(contour) >= 24]
    if not walked:
        return dict.fromkeys(NAMES, float("nan"))
    length = sum(len(places) for places in walked)
    soft = float(((alpha > 0.05) & (alpha < 0.95)).sum())
    smooth = [_smoothed(places) for places in walked]
    off = [np.linalg.norm(a - b, axis=1) for a, b in zip(walked, smooth, strict=True)]
    return {
        "soft_width": soft / length,
        "roughness": sum(map(_length, walked)) / max(1.0, sum(map(_length, smooth))),
        "wiggle": float(np.concatenate(off).mean()),
        "stairs": sum(map(_stairs, contours)) / length,
        "hull_share": _hull_share(solid, contours),
        "parts": float(len(walked)),
    } | _flat(solid)


def _scaled(alpha: F32) -> F32:
    scale = LOOK_PX / max(alpha.shape)
    size = max(1, round(alpha.shape[1] * scale)), max(1, round(alpha.shape[0] * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return alpha if scale == 1 else np.asarray(cv2.resize(alpha, size, interpolation=way), np.float32)


def _smoothed(places: F32) -> F32:
    """The closed outline with every coordinate averaged over its neighbours."""
    reach = round(3 * SMOOTH)
    around = np.concatenate((places[-reach:], places, places[:reach])) if len(places) > reach else np.tile(places, (3, 1))
    blurred = cv2.GaussianBlur(around, (1, 2 * reach + 1), SMOOTH, sigmaY=SMOOTH, borderType=cv2.BORDER_REPLICATE)
    start = (len(around) - len(places)) // 2
    return np.asarray(blurred[start : start + len(places)], np.float32)


def _length(places: F32) -> float:
    return float(np.linalg.norm(np.diff(places, axis=0, append=places[:1]), axis=1).sum())


def _stairs(contour: NDArray[np.int32]) -> float:
    """Length of short axis-parallel pieces that meet at right angles."""
    corners = cv2.approxPolyDP(contour, 1.0, closed=True)[:, 0].astype(np.float32)
    steps = np.diff(corners, axis=0, append=corners[:1])
    lengths = np.linalg.norm(steps, axis=1)
    parallel = (np.abs(steps).min(axis=1) <= 1) & (lengths >= STAIR[0]) & (lengths <= STAIR[1])
    upright = np.abs(steps[:, 1]) > np.abs(steps[:, 0])
    turned = parallel & np.roll(parallel, 1) & (upright != np.roll(upright, 1))
    return float(lengths[turned].sum())


def _flat(solid: U8) -> dict[str, float]:
    """Share of each side of the product's box that the product touches: a straight cut fills it."""
    x, y, width, height = cv2.boundingRect(solid)
    inside = cut(solid, (x, y, width, height))
    return {
        "flat_top": float(inside[:2].max(axis=0).mean()),
        "flat_bottom": float(inside[-2:].max(axis=0).mean()),
        "flat_left": float(inside[:, :2].max(axis=1).mean()),
        "flat_right": float(inside[:, -2:].max(axis=1).mean()),
    }


def _hull_share(solid: U8, contours: Sequence[NDArray[np.int32]]) -> float:
    hull = cv2.convexHull(np.concatenate(contours))
    return float(cv2.countNonZero(solid)) / max(1.0, float(cv2.contourArea(hull)))
