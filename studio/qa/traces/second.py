"""The cut-out against a second look of the matting network: the whole photo, mirrored.

What went wrong after the network shows here in full; of the network's own mistakes only those that it does not repeat."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.imaging.views import frame, item
from studio.qa.subject import Subject, above, bounds
from studio.take import F32, U8

SURE, NOT = 0.7, 0.3
"""From where on, and up to where, a map is sure of product and of ground."""
GRAIN = 2
"""Width in map pixels of disagreement that is only the network's soft edge: it is opened away by twice this."""
NAMES = (
    *(f"{side}_{what}" for side in ("lost", "gained") for what in ("share", "largest", "deep", "solid", "low")),
    *("overlap", "apart", "doubt", "lost_inside", "lost_straight", "rim_apart", "rim_soft"),
)


def asked(subject: Subject, side: int) -> U8:
    """What the network is shown: uint8 (side, side, 3), the glance at the photo, mirrored."""
    return np.ascontiguousarray(item(subject.thumb.rgb, frame(subject.thumb.rgb), side)[:, ::-1])


def second(subject: Subject) -> dict[str, float]:
    """Shares of the product's area where cut-out and second look disagree; NaN for a photo with its own alpha, and where nobody
    looked again."""
    seen = subject.take.evidence.second_look
    if subject.matte.source == "alpha" or seen is None:
        return dict.fromkeys(NAMES, float("nan"))
    theirs = np.ascontiguousarray(seen[:, ::-1], np.float32)
    alpha = subject.thumb.alpha
    shrinks = min(alpha.shape) >= theirs.shape[0]
    ours = cv2.resize(alpha, theirs.shape[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return _compared(np.asarray(ours, np.float32), theirs)


def _compared(ours: F32, theirs: F32) -> dict[str, float]:
    solid, found = above(ours, 0.5), above(theirs, 0.5)
    either = cv2.countNonZero(cv2.bitwise_or(solid, found))
    area = max(1.0, float(max(cv2.countNonZero(solid), cv2.countNonZero(found))))
    lost = _differing(theirs > SURE, ours < NOT)
    rim = cv2.dilate(solid, np.ones((9, 9), np.uint8)) - cv2.erode(solid, np.ones((9, 9), np.uint8)) > 0
    off = np.abs(ours - theirs)
    return (
        _parts("lost", lost, theirs, area)
        | _parts("gained", _differing(ours > SURE, theirs < NOT), 1 - theirs, area)
        | {
            "overlap": cv2.countNonZero(cv2.bitwise_and(solid, found)) / max(either, 1),
            "apart": float(off.sum()) / area,
            "doubt": float((4 * theirs * (1 - theirs)).sum()) / area,
            "lost_inside": float((lost & (_filled(solid) > 0)).sum()) / area,
            "lost_straight": _straight(lost, solid),
            "rim_apart": float(off[rim].mean()) if rim.any() else 0.0,
            "rim_soft": float((4 * ours * (1 - ours)).sum()) / max(1.0, float(np.sqrt(area))),
        }
    )


def _differing(yes: NDArray[np.bool_], no: NDArray[np.bool_]) -> NDArray[np.bool_]:
    mask = (yes & no).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((2 * GRAIN, 2 * GRAIN), np.uint8)) > 0)


def _parts(name: str, mask: NDArray[np.bool_], surety: F32, area: float) -> dict[str, float]:
    """Share, largest part, its depth over the product's size, how sure the network is of it, and share in the lower fifth."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    sizes = stats[1:count, cv2.CC_STAT_AREA]
    if not sizes.size:
        return {f"{name}_{what}": 0.0 for what in ("share", "largest", "deep", "solid", "low")}
    largest = labels == 1 + int(sizes.argmax())
    depth = cv2.distanceTransform(largest.astype(np.uint8), cv2.DIST_L2, 3)
    rows = np.flatnonzero(mask.any(axis=1))
    low = mask[rows[-1] - mask.shape[0] // 10 :].sum() if rows.size else 0
    return {
        f"{name}_share": float(mask.sum()) / area,
        f"{name}_largest": float(sizes.max()) / area,
        f"{name}_deep": float(depth.max()) / float(np.sqrt(area)),
        f"{name}_solid": float(surety[largest].mean()),
        f"{name}_low": float(low) / area,
    }


def _filled(solid: U8) -> U8:
    filled = np.zeros_like(solid)
    contours, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(filled, contours, -1, 255, cv2.FILLED)
    return filled


def _straight(lost: NDArray[np.bool_], solid: U8) -> float:
    """Of the four sides of the product's box: the largest share along which what was lost lies just beyond it."""
    x, y, w, h = bounds(solid)
    if not min(w, h):
        return 0.0
    reach = 2 * GRAIN
    sides = (
        lost[max(0, y - reach) : y, x : x + w].any(axis=0),
        lost[y + h : y + h + reach, x : x + w].any(axis=0),
        lost[y : y + h, max(0, x - reach) : x].any(axis=1),
        lost[y : y + h, x + w : x + w + reach].any(axis=1),
    )
    return max(float(side.mean()) if side.size else 0.0 for side in sides)
