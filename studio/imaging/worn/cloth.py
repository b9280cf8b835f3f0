"""A garment on a person against its own photo: where it may be drawn, where it was, and whether it is the same cloth."""

from __future__ import annotations

import cv2
import numpy as np

from studio.body import (
    LEFT_ANKLE,
    LEFT_ELBOW,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    LEFT_WRIST,
    RIGHT_ANKLE,
    RIGHT_ELBOW,
    RIGHT_HIP,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    Pose,
)
from studio.briefs.on_model import Item
from studio.imaging.colour import delta_e_2000, srgb_to_lab
from studio.take import F32, U8

_ARMS = ((LEFT_SHOULDER, LEFT_ELBOW), (LEFT_ELBOW, LEFT_WRIST), (RIGHT_SHOULDER, RIGHT_ELBOW), (RIGHT_ELBOW, RIGHT_WRIST))
_TRUNK = (LEFT_SHOULDER, RIGHT_SHOULDER, RIGHT_HIP, LEFT_HIP)
_LEGS = ((LEFT_HIP, LEFT_KNEE), (LEFT_KNEE, LEFT_ANKLE), (RIGHT_HIP, RIGHT_KNEE), (RIGHT_KNEE, RIGHT_ANKLE))
ROOM = 0.30
"""Half the width of a limb in clothes, over the distance of the shoulders."""
CHANGED = 6.0
"""CIEDE2000 from which a generator has drawn something else than the photo shows."""
COLOURS, FEW = 4, 0.08
"""Colours of a garment that are compared at most, and the share of it that each must have."""
BANDS = ((1, 2), (2, 4), (4, 8))
"""Texture is compared in octaves: spreads of differences of Gaussians, sigma in pixels at `SIDE`."""
SIDE = 256


def room_for(item: Item, pose: Pose, shape: tuple[int, ...]) -> F32:
    """Where a garment may lie: float32 (H, W) 0..1, soft at its edge, around trunk and limbs; never on face or hands."""
    points = pose.points[:, :2]
    shoulders = float(np.linalg.norm(points[LEFT_SHOULDER] - points[RIGHT_SHOULDER]))
    torso = float(np.linalg.norm(points[LEFT_SHOULDER] - points[LEFT_HIP]))
    wide = max(shoulders, 0.4 * torso, 8.0)
    mask = np.zeros(shape[:2], np.uint8)
    limbs = (_ARMS if item != "lower" else ()) + (_LEGS if item != "upper" else ())
    for first, second in limbs:
        start, stop = _pixel(points[first]), _pixel(points[second])
        cv2.line(mask, start, stop, 1, max(1, round(2 * ROOM * wide * (1.4 if item == "dress" else 1.0))))
    trunk = points[list(_TRUNK)] if item != "lower" else points[[LEFT_HIP, RIGHT_HIP]]
    hull = cv2.convexHull(np.rint(trunk).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1)
    if item == "dress":
        skirt = points[[LEFT_HIP, RIGHT_HIP, LEFT_KNEE, RIGHT_KNEE]]
        cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(skirt).astype(np.int32)), 1)
    reach = max(1, round(ROOM * wide))
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    for row in range(11):
        cv2.circle(mask, _pixel(points[row]), max(1, round(0.12 * wide)), 0, -1)
    for row in range(LEFT_WRIST + 2, LEFT_HIP):
        cv2.circle(mask, _pixel(points[row]), max(1, round(0.14 * wide)), 0, -1)
    soft: F32 = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.04 * wide, 1.0))
    return soft


def drawn(before: U8, after: U8, room: F32) -> tuple[F32, float]:
    """Where a generator drew inside the room, float32 (H, W) 0 or 1, and the share of the picture outside it that it changed."""
    gap = delta_e_2000(srgb_to_lab(_calm(before)), srgb_to_lab(_calm(after)))
    changed = (gap > CHANGED).astype(np.uint8)
    inside = cv2.morphologyEx(changed * (room > 0.5), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    inside = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    free = room < 0.02
    spill = float(changed[free].mean()) if free.any() else 0.0
    return np.asarray(inside, np.float32), spill


def colour_gap(garment: U8, mask: F32, worn: U8, region: F32) -> float:
    """CIEDE2000 between a garment's main colours (uint8 (H, W, 3), where `mask` is above 0.6) and the nearest ones on the person
    (uint8 (h, w, 3), where `region` is), weighted by how much of the garment has them. NaN where one is not seen."""
    own, other = _palette(garment, mask), _palette(worn, region)
    if not own or not other:
        return float("nan")
    gaps = [min(float(delta_e_2000(colour, seen)) for seen, _ in other) for colour, _ in own]
    return float(np.average(gaps, weights=[share for _, share in own]))


def texture_gap(garment: U8, mask: F32, worn: U8, region: F32) -> float:
    """How much rougher or smoother the cloth became: the largest difference of the bands' strengths, in octaves (1: twice or half
    as strong). Both are brought to the same area first. NaN where one is not seen."""
    own, other = _bands(garment, mask), _bands(worn, region)
    if own is None or other is None:
        return float("nan")
    return float(np.abs(np.log2(own / other)).max())


def _palette(rgb: U8, mask: F32) -> list[tuple[F32, float]]:
    """Main colours in Lab with their shares; shading is folded in by counting a* and b* finer than L*."""
    chosen = np.flatnonzero(mask > 0.6)
    if chosen.size < 16:
        return []
    chosen = chosen[:: max(1, chosen.size // 20_000)]
    lab = srgb_to_lab(rgb.reshape(-1, 3)[chosen])
    bins = np.round(lab / np.array([24, 10, 10], np.float32)).astype(np.int64)
    _, which, counts = np.unique(bins, axis=0, return_inverse=True, return_counts=True)
    order = [int(index) for index in np.argsort(-counts, kind="stable")[:COLOURS] if counts[index] >= FEW * len(lab)]
    parts = [(lab[which.ravel() == index], float(counts[index] / len(lab))) for index in order]
    return [(np.median(part, axis=0).astype(np.float32), share) for part, share in parts]


def _bands(rgb: U8, mask: F32) -> F32 | None:
    """Strength of each band of the lightness inside a region brought to `SIDE` squared pixels of area."""
    area = float((mask > 0.9).sum())
    if area < 64:
        return None
    scale = min(1.0, SIDE / np.sqrt(area))
    size = max(8, round(rgb.shape[1] * scale)), max(8, round(rgb.shape[0] * scale))
    light = srgb_to_lab(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))[..., 0]
    solid = (cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > 0.9).astype(np.uint8)
    inside = cv2.erode(solid, np.ones((9, 9), np.uint8)) > 0
    if inside.sum() < 64:
        return None
    blurred = {sigma: cv2.GaussianBlur(light, (0, 0), sigma) for band in BANDS for sigma in band}
    strengths = [max(_spread((blurred[low] - blurred[high])[inside]), 0.2) for low, high in BANDS]
    return np.array(strengths, np.float32)


def _spread(values: F32) -> float:
    """Standard deviation by the median absolute deviation: the edges of a print are few, and would hide the cloth around it."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def _calm(rgb: U8) -> U8:
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), 1.5), np.uint8)


def _pixel(point: F32) -> tuple[int, int]:
    return int(np.clip(point[0], -30000, 30000)), int(np.clip(point[1], -30000, 30000))
