"""Where a product stands on a canvas: pure arithmetic on boxes. Boxes are (x, y, width, height) in pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.errors import NoProductFound
from studio.take import F32
from studio.template import Composition

Box = tuple[int, int, int, int]
Edges = tuple[bool, bool, bool, bool]
"""Top, right, bottom, left."""

SOLID = 0.5
SOFT = 0.02
"""Alpha from which a pixel is part of the product's soft edge (5 levels of 8 bit)."""
HAZE = 1.5 / 255
ROOM = 0.02
"""Largest part of a canvas side that soft edges may claim as a margin of their own."""

OVER = 4.0
"""`scaling: fill` enlarges up to so many times beyond what would be visible as a whole: a stick never becomes a kilometre."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Solid box and soft box of a cut-out, in source pixels, and the photo's edges that cut it."""

    solid: Box
    soft: Box
    cropped: Edges = (False, False, False, False)


def box_of(mask: NDArray[np.bool_]) -> Box | None:
    """Smallest box around the true pixels of a bool (H, W) mask; None when there are none."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)


def without_haze(alpha: F32) -> F32:
    """Alpha float32 (H, W) without islands that are solid nowhere: shadows painted into a photo's own alpha channel, dust. The
    set throws its own shadow. Returns its argument where there is nothing to remove.
    """
    islands, labels = cv2.connectedComponents((alpha > HAZE).astype(np.uint8), connectivity=8)
    solid = np.zeros(islands, bool)
    solid[labels[alpha > SOLID]] = True
    solid[0] = True
    if solid.all():
        return alpha
    return np.where(solid[labels] & (alpha > HAZE), alpha, np.float32(0)).astype(np.float32)


def extent_of(alpha: F32, cropped: Edges) -> Extent:
    """Measure alpha float32 (H, W) 0..1. Raises NoProductFound when nothing of it is solid."""
    solid, soft = box_of(alpha > SOLID), box_of(alpha > SOFT)
    if solid is None or soft is None:
        raise NoProductFound("the cut-out is empty: nothing in the photo is more than half covered by a product")
    return Extent(solid, soft, cropped)


def framed(extent: Extent, photo: tuple[int, int]) -> Extent:
    """The extent of the whole photo (width, height) instead of the product's; its cropped sides stay."""
    whole = (0, 0, *photo)
    return Extent(whole, whole, extent.cropped)


def scaled(box: Box, crop: Box, scale: float) -> Box:
    """A box of the photo in pixels of the crop that was resized by `scale`."""
    x, y = round((box[0] - crop[0]) * scale), round((box[1] - crop[1]) * scale)
    return x, y, round(box[2] * scale), round(box[3] * scale)


def scale_of(extent: Extent, canvas: tuple[int, int], rules: Composition) -> float:
    """Canvas pixels per source pixel: the wanted fill, or less where margins, baseline or soft edges leave less room."""
    (width, height), (_, _, w, h) = canvas, extent.solid
    top, right, bottom, left = _flush(extent, rules)
    if (left and right) or (top and bottom):
        cover = max(width / w if left and right else 0.0, height / h if top and bottom else 0.0)
        if w * cover <= width + 1 and h * cover <= height + 1:
            return cover
    if rules.scaling == "fill":
        sides = _covered(0, extent, width, rules) / w, _covered(1, extent, height, rules) / h
        return min(max(sides), OVER * min(sides))
    wanted = rules.fill * min(width / w, height / h)
    rooms = [
        _room(extent, axis, wanted, canvas[axis], rules) / (w, h)[axis]
        for axis, snapped in ((0, (left, right)), (1, (top, bottom)))
        if not all(snapped)
    ]
    return min([wanted, *rooms])


def offset_of(box: Box, extent: Extent, canvas: tuple[int, int], rules: Composition) -> tuple[int, int]:
    """Whole-pixel shift that brings the scaled product's solid box to its place on the canvas."""
    x = _start(0, box[2], extent, canvas[0], rules)
    y = _start(1, box[3], extent, canvas[1], rules)
    return x - box[0], y - box[1]


def _flush(extent: Extent, rules: Composition) -> Edges:
    return extent.cropped if rules.snap_cropped_sides else (False, False, False, False)


def _sides(axis: int, values: tuple[float, float, float, float] | Edges) -> tuple[float, float]:
    top, right, bottom, left = values
    return (left, right) if axis == 0 else (top, bottom)


def _room(extent: Extent, axis: int, scale: float, side: int, rules: Composition) -> float:
    """Pixels the solid box may take on an axis: up to the margins, wider where the soft edge needs it, and the baseline."""
    margins = rules.margins
    near, far = _sides(axis, (margins.top, margins.right, margins.bottom, margins.left))
    flush_near, flush_far = _sides(axis, _flush(extent, rules))
    start, size = extent.solid[axis], extent.solid[axis + 2]
    soft_start, soft_size = extent.soft[axis], extent.soft[axis + 2]
    limit = ROOM * side
    near_px = 0.0 if flush_near else max(near * side, min((start - soft_start) * scale, limit))
    far_px = 0.0 if flush_far else max(far * side, min((soft_start + soft_size - start - size) * scale, limit))
    if axis == 1 and rules.baseline is not None and not (flush_far or flush_near):
        far_px = max(far_px, (1 - rules.baseline) * side)
    return max(1.0, side - near_px - far_px)


def _covered(axis: int, extent: Extent, side: int, rules: Composition) -> float:
    """Pixels that `scaling: fill` covers on an axis: the canvas without its margins; flush sides have none."""
    near, far = _sides(axis, (rules.margins.top, rules.margins.right, rules.margins.bottom, rules.margins.left))
    flush_near, flush_far = _sides(axis, _flush(extent, rules))
    return max(1.0, side * (1 - (0 if flush_near else near) - (0 if flush_far else far)))


def _start(axis: int, length: int, extent: Extent, side: int, rules: Composition) -> int:
    flush_near, flush_far = _sides(axis, _flush(extent, rules))
    if flush_near and flush_far:
        return round((side - length) / 2)
    if flush_near or flush_far:
        return 0 if flush_near else side - length
    margins = rules.margins
    near, far = _sides(axis, (margins.top, margins.right, margins.bottom, margins.left))
    low, high = near * side, (1 - far) * side - length
    if low > high:
        return round(_over(axis, low, high, rules) if rules.scaling == "fill" else (low + high) / 2)
    return round(min(max(_wanted(axis, length, side, rules, low, high), low), high))


def _over(axis: int, low: float, high: float, rules: Composition) -> float:
    """Start of what is larger than its room: the aligned side stays inside, a baseline counts as the lower side."""
    align = rules.align_x if axis == 0 else "bottom" if rules.baseline is not None else rules.align_y
    return {"left": low, "top": low, "right": high, "bottom": high}.get(align, (low + high) / 2)


def _wanted(axis: int, length: int, side: int, rules: Composition, low: float, high: float) -> float:
    if rules.focal_point is not None:
        return rules.focal_point[axis] * side - length / 2
    if axis == 1 and rules.baseline is not None:
        return rules.baseline * side - length
    align = rules.align_x if axis == 0 else rules.align_y
    return {"left": low, "top": low, "right": high, "bottom": high}.get(align, (low + high) / 2)
