"""Where a product stands: its lowest contour, column by column, and how the ground lies under the rest of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.imaging.geometry import Box
from studio.take import F32

FORESHORTEN = 0.30
"""How deep a circle on the ground looks, as part of its width: a camera that looks 15 to 20 degrees down."""
GENTLE, STEEP = 0.25, 0.60
"""Slopes of the contour up to which it surely lies on the ground, and from which it surely does not."""
STEEPEST = 0.36
"""Mean slope from the lowest point that a footprint can have: a box turned by 45 degrees has FORESHORTEN."""
FRAY = (0.09, 0.015)
"""Teeth and notches up to these parts of the product's width and height are frays of the cut-out."""
BACK = 0.40
"""How far above the nearest foot the farthest one may end, as part of the product's width."""

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Base:
    """The base contour of a product with solid box `box`. By canvas column, float32 (W,): `line`, the row just below the
    product where it stands, continued level beyond its ends; `weight`, 0..1, how much it stands there. `depth` is how far
    the footprint reaches away from the camera, in canvas pixels.
    """

    box: Box
    line: F32
    weight: F32
    depth: float


def base_of(alpha: F32, box: Box) -> Base:
    """Find the base contour of alpha float32 (H, W).

    From its lowest point the product stands on the ground to both sides as long as its contour rises no steeper than a
    footprint seen from slightly above does; what begins higher up hangs over (a lamp's shade, a mug's handle). Further feet
    may stand further back.
    """
    x, y, w, h = box
    rise = np.full(alpha.shape[1], np.inf)
    rise[x : x + w] = _rises(alpha, box)
    calm = _calm(rise, w, h)
    weight = _standing(rise, calm, int(np.argmin(rise)), w, h)
    for foot in _further_feet(rise, weight, w, h):
        weight = np.maximum(weight, _standing(rise, calm, foot, w, h))
    seen = np.flatnonzero(weight > 0.02)
    if not seen.size:
        seen = np.array([int(np.argmin(rise))])
    span = max(float(np.ptp(seen)), 4.0)
    line = np.interp(np.arange(rise.size), seen, y + h - calm[seen])
    spread = float(np.percentile(rise[seen], 90))
    depth = float(np.clip(2.2 * spread, 0.03 * w, FORESHORTEN * max(span, 0.12 * w)))
    middle = float(np.median(rise[seen])) * 0.5 + depth / 2
    return Base(box, _levelled(line, seen, y + h - middle, 0.5 * span).astype(np.float32), weight.astype(np.float32), depth)


def runs(row: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end (exclusive) of each run of true values."""
    steps = np.flatnonzero(np.diff(np.concatenate(([0], row.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(steps[::2], steps[1::2], strict=True)]


def _rises(alpha: F32, box: Box) -> F64:
    """How far above the product's lowest point each column of the box ends, float64 (w,); inf for an empty column."""
    x, y, w, h = box
    solid = alpha[y : y + h, x : x + w] > 0.5
    return np.where(solid.any(axis=0), np.argmax(solid[::-1], axis=0).astype(np.float64), np.inf)


def _calm(rise: F64, width: int, height: int) -> F64:
    """The contour without the low teeth and notches of a frayed cut-out, whose flanks say nothing about its slope."""
    window = np.ones((1, max(3, round(FRAY[0] * width)) | 1), np.uint8)
    calm = np.minimum(rise, 10.0 * height).astype(np.float32)[None]
    for way in (cv2.MORPH_CLOSE, cv2.MORPH_OPEN):
        move = cv2.morphologyEx(calm, way, window, borderType=cv2.BORDER_REPLICATE) - calm
        calm = calm + move * np.clip(2 - np.abs(move) / np.float32(FRAY[1] * height), 0, 1)
    return np.asarray(np.where(np.isfinite(rise), calm[0], np.inf), np.float64)


def _standing(rise: F64, calm: F64, lowest: int, width: int, height: int) -> F64:
    """Weight 0..1 of the columns that stand around a foot's lowest one: 1 where the contour runs level, 0 from where it is
    too steep to lie on the ground.
    """
    weight = np.zeros(rise.size)
    window = max(7, round(0.03 * width)) | 1
    for step, stop in ((1, rise.size), (-1, -1)):
        way = np.arange(lowest, stop, step)
        up = rise[way] - rise[lowest]
        free = np.flatnonzero(~np.isfinite(up) | (up > STEEPEST * np.arange(way.size) + max(2.0, 0.012 * height)))
        way = way[: free[0]] if free.size else way
        up = calm[way] - calm[lowest]
        level = cv2.blur(np.pad(up, (0, window), mode="edge")[None], (window, 1), borderType=cv2.BORDER_REPLICATE)[0]
        slope = np.abs(np.gradient(level))[: way.size]
        part = 1 - np.clip((slope - GENTLE) / (STEEP - GENTLE), 0, 1)
        weight[way] = np.maximum(weight[way], np.minimum.accumulate(part))
    return weight


def _further_feet(rise: F64, weight: F64, width: int, height: int) -> list[int]:
    """Lowest columns of feet behind the nearest one. A foot ends bluntly, as a chair's leg does, or stands clear of the rest,
    as a headphone's second cup does; a handle's bow does neither.
    """
    farthest = min(BACK * width, 0.25 * height)
    found = []
    for run in runs(rise <= farthest):
        for start, end in _valleys(rise, run, height):
            lowest = start + int(np.argmin(rise[start:end]))
            if weight[start:end].max() < 0.02 and _is_foot(rise, lowest, height):
                found.append(lowest)
    return found


def _valleys(rise: F64, run: tuple[int, int], height: int) -> list[tuple[int, int]]:
    """Cut a run of low columns at the contour's ridges."""
    start, end = run
    even = cv2.blur(rise[None, start:end], (max(3, height // 100), 1), borderType=cv2.BORDER_REPLICATE)[0]
    cuts = [start, *(start + i for i in _ridges(even, 0.05 * height)), end]
    return [(a, b) for a, b in pairwise(cuts) if b > a]


def _ridges(values: F64, prominence: float) -> list[int]:
    """Positions of the peaks that stand out from the valleys on both sides by `prominence`."""
    peaks: list[int] = []
    low = top = float(values[0])
    where, climbing = 0, False
    for i, value in enumerate(values.tolist()):
        if climbing:
            if value > top:
                top, where = value, i
            elif value < top - prominence:
                peaks.append(where)
                climbing, low = False, value
        elif value < low:
            low = value
        elif value > low + prominence:
            climbing, top, where = True, value, i
    return peaks


def _is_foot(rise: F64, lowest: int, height: int) -> bool:
    low = float(rise[lowest])
    blunt = _width_at(rise, lowest, low + 0.07 * height) <= 1.9 * _width_at(rise, lowest, low + 0.015 * height)
    return blunt or _stands_clear(rise, lowest, 3 * max(low, 0.02 * height))


def _stands_clear(rise: F64, lowest: int, level: float) -> bool:
    """Whether the contour climbs above `level` on the way from a foot to the product's lowest column."""
    nearest = int(np.argmin(rise))
    first, last = sorted((lowest, nearest))
    way = rise[first : last + 1]
    return float(np.where(np.isfinite(way), way, np.inf).max()) >= level


def _width_at(rise: F64, at: int, level: float) -> int:
    """Columns around `at` that end below `level`."""
    high = rise > level
    before, after = np.flatnonzero(high[: at + 1]), np.flatnonzero(high[at:])
    first = before[-1] + 1 if before.size else 0
    last = at + after[0] if after.size else rise.size
    return max(1, int(last - first))


def _levelled(line: F64, seen: NDArray[np.intp], level: float, over: float) -> F64:
    """Beyond its ends the contour runs on, and tends to `level` within `over` pixels."""
    columns = np.arange(line.size)
    away = np.maximum(seen[0] - columns, columns - seen[-1]).clip(0)
    share = np.clip(away / over, 0, 1)
    return np.asarray(line * (1 - share) + level * share)


def smoothed(line: F32, sigma: float) -> F32:
    """A contour without its small steps, float32 (W,)."""
    even = cv2.GaussianBlur(line[None, :], (0, 0), max(sigma, 0.3), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(even[0], np.float32)
