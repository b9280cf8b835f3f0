"""Where on a surface every pixel of a photo lies: from a UV map, four corners or a mesh of points.

All answer `Field`s at any enlargement of the photo. Pixel positions are continuous: the centre of the first pixel is (0.5, 0.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.errors import CorruptImage, StepError
from studio.take import F32

F64 = NDArray[np.float64]
Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""
FINE = 16
"""Steps between two points of a mesh at which its smooth sheet is worked out."""
ROUNDS = 12
EVERY = 4
FAR = 1.5
"""How far outside the surface (in its own widths) a position is still followed."""


@dataclass(frozen=True, slots=True)
class Field:
    """`uv` float32 (H, W, 2): position on the surface, (0, 0) its upper left, (1, 1) its lower right; what lies outside 0..1 is
    beyond it. `cover` float32 (H, W) 0..1: how much of the pixel the surface fills."""

    uv: F32
    cover: F32


@dataclass(frozen=True, slots=True)
class Spots:
    """Positions in the photo, float64 (H, W) each, of the pixels of an enlargement."""

    x: F64
    y: F64

    @classmethod
    def of(cls, size: tuple[int, int], photo: tuple[int, int], box: Box | None = None) -> Spots:
        """Pixel centres of a picture (width, height), or of a box of it, in pixels of the photo (width, height)."""
        left, top, width, height = box or (0, 0, *size)
        columns = (np.arange(left, left + width) + 0.5) * (photo[0] / size[0])
        rows = (np.arange(top, top + height) + 0.5) * (photo[1] / size[1])
        x, y = np.meshgrid(columns, rows)
        return cls(x, y)

    def moved(self, dx: F32, dy: F32) -> Spots:
        """The same with every position shifted."""
        return Spots(self.x + dx, self.y + dy)


def map_field(levels: NDArray[np.uint16], size: tuple[int, int]) -> Field:
    """A 16-bit RGB map uint16 (h, w, 3) at another size (width, height). Positions are means weighted by coverage, so that the
    map's empty ground draws nothing towards it."""
    if levels.ndim != 3 or levels.shape[2] != 3 or levels.dtype != np.uint16:
        raise CorruptImage("a UV map is a 16-bit RGB PNG: u, v, coverage")
    plane = levels.astype(np.float32) / np.float32(65535)
    cover = plane[..., 2]
    if not (cover > 0.5).any():
        raise CorruptImage("the UV map's blue channel, its coverage, is empty")
    larger = size[0] > levels.shape[1]
    weighted = np.dstack([_grown(plane[..., :2], cover), cover])
    if (levels.shape[1], levels.shape[0]) != size:
        weighted = cv2.resize(weighted, size, interpolation=cv2.INTER_CUBIC if larger else cv2.INTER_AREA)
    return Field(np.ascontiguousarray(weighted[..., :2]), np.clip(weighted[..., 2], 0, 1).astype(np.float32))


def _grown(uv: F32, cover: F32) -> F32:
    """Positions continued a few pixels beyond the surface along their own slope, so that no kernel meets a cliff."""
    known = cover > 0.98
    if not known.any():
        known = cover > 0.5
    grown, seen = np.where(known[..., None], uv, 0).astype(np.float32), known.astype(np.float32)
    slope = np.dstack([cv2.Sobel(uv, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(uv, cv2.CV_32F, 0, 1, scale=1 / 8)])
    calm = cv2.erode(seen, np.ones((3, 3), np.uint8)) > 0
    slope = np.where(calm[..., None], slope, 0).astype(np.float32)
    slope = _mean(slope, calm.astype(np.float32), 9)
    for _ in range(4):
        total = cv2.blur(seen, (3, 3), borderType=cv2.BORDER_CONSTANT)
        new = (seen == 0) & (total > 0)
        ahead = _ahead(grown, seen, slope)
        grown[new] = ahead[new]
        seen[new] = 1
    return np.where(seen[..., None] > 0, grown, uv).astype(np.float32)


def _mean(values: F32, weight: F32, side: int) -> F32:
    total = cv2.blur(weight, (side, side), borderType=cv2.BORDER_CONSTANT)
    mean = cv2.blur(values * weight[..., None], (side, side), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(mean / np.maximum(total, 1e-6)[..., None], np.float32)


def _ahead(uv: F32, seen: F32, slope: F32) -> F32:
    """Mean over the eight neighbours of what each says about its neighbour's position."""
    total = np.zeros(uv.shape, np.float32)
    count = np.zeros(seen.shape, np.float32)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            shift = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
            size = seen.shape[1], seen.shape[0]
            said = uv + slope[..., :2] * dx + slope[..., 2:] * dy
            weight = cv2.warpAffine(seen, shift, size)
            total += cv2.warpAffine(np.ascontiguousarray(said * seen[..., None]), shift, size)
            count += weight
    return np.asarray(total / np.maximum(count, 1e-6)[..., None], np.float32)


def corners_field(points: Sequence[tuple[float, float]], spots: Spots) -> Field:
    """A flat rectangle through its four corners (upper left, upper right, lower right, lower left): a homography."""
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    outline = np.asarray(points, np.float64)
    turns = np.cross(np.roll(outline, -1, axis=0) - outline, np.roll(outline, -2, axis=0) - np.roll(outline, -1, axis=0))
    if not (turns > 1e-6).all():
        raise StepError("the four corners are no convex quadrilateral, clockwise from the upper left")
    into = cv2.getPerspectiveTransform(outline.astype(np.float32), square).astype(np.float64)
    u, v, w = (row[0] * spots.x + row[1] * spots.y + row[2] for row in into)
    safe = np.where(np.sign(w) == np.sign(into[2] @ [*outline.mean(axis=0), 1]), w, np.nan)
    uv = np.nan_to_num(np.stack([u / safe, v / safe], axis=-1), nan=-FAR)
    return bounded(uv)


def mesh_field(points: Sequence[Sequence[tuple[float, float]]], spots: Spots) -> Field:
    """A smooth sheet (Catmull-Rom in both directions) through a grid of points, turned round by Newton's method: in every fourth
    pixel from the corners' homography, then everywhere from there."""
    sheet = fine_sheet(np.asarray(points, np.float64))
    corners = np.asarray([sheet[0, 0], sheet[0, -1], sheet[-1, -1], sheet[-1, 0]], np.float32)
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    into = cv2.getPerspectiveTransform(corners, square).astype(np.float64)
    height, width = spots.x.shape
    few = np.stack([spots.x[::EVERY, ::EVERY], spots.y[::EVERY, ::EVERY]])
    w = into[2, 0] * few[0] + into[2, 1] * few[1] + into[2, 2]
    guess = np.stack([(row[0] * few[0] + row[1] * few[1] + row[2]) / w for row in into[:2]])
    rough = _turned_round(sheet, few.reshape(2, -1), np.clip(guess, -0.2, 1.2).reshape(2, -1), ROUNDS).reshape(few.shape)
    column, row = (np.arange(side, dtype=np.float32) / EVERY for side in (width, height))
    at = [
        cv2.remap(plane.astype(np.float32), *np.meshgrid(column, row), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for plane in rough
    ]
    target = np.stack([spots.x.ravel(), spots.y.ravel()])
    found = _turned_round(sheet, target, np.stack([plane.ravel() for plane in at]).astype(np.float64), 2)
    return bounded(found.T.reshape(height, width, 2))


def fine_sheet(points: F64) -> F64:
    """(rows, columns, 2) -> a grid FINE times as fine through the same points; the ends go straight on."""
    return _refined(_refined(points).swapaxes(0, 1)).swapaxes(0, 1)


def _refined(points: F64) -> F64:
    """Catmull-Rom along the first axis."""
    ends = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = (np.arange(FINE) / FINE)[:, None, None]
    before, here, there, after = (ends[k : len(ends) - 3 + k][:, None] for k in range(4))
    bend = 2 * before - 5 * here + 4 * there - after
    curve = here + 0.5 * t * (there - before + t * (bend + t * (3 * (here - there) + after - before)))
    return np.concatenate([curve.reshape(-1, *points.shape[1:]), points[-1:]])


def _turned_round(sheet: F64, target: F64, guess: F64, rounds: int) -> F64:
    """Positions (2, N) on the sheet whose points are the targets (2, N): Newton with the sheet's own slopes."""
    rows, columns = sheet.shape[0] - 1, sheet.shape[1] - 1
    slopes = np.concatenate([np.gradient(sheet, axis=1) * columns, np.gradient(sheet, axis=0) * rows], axis=2)
    table = np.concatenate([sheet, slopes], axis=2).astype(np.float32)
    at = guess.copy()
    for _ in range(rounds):
        inside = np.clip(at, 0, 1)
        found = _looked_up(table, inside[0] * columns, inside[1] * rows).astype(np.float64)
        here = found[0:2] + found[2:4] * (at[0] - inside[0]) + found[4:6] * (at[1] - inside[1])
        away = target - here
        a, c, b, d = found[2], found[3], found[4], found[5]
        area = a * d - b * c
        safe = np.where(np.abs(area) > 1e-6, area, 1e-6)
        step = np.stack([(d * away[0] - b * away[1]) / safe, (a * away[1] - c * away[0]) / safe])
        at += np.clip(step, -0.25, 0.25)
        at = np.clip(at, -FAR, 1 + FAR)
    return at


def _looked_up(table: F32, x: F64, y: F64) -> F32:
    """Channels (C, N) of a table (h, w, C) at positions, bilinear."""
    x0 = np.clip(x.astype(np.intp), 0, table.shape[1] - 2)
    y0 = np.clip(y.astype(np.intp), 0, table.shape[0] - 2)
    fx, fy = (x - x0).astype(np.float32)[:, None], (y - y0).astype(np.float32)[:, None]
    upper = table[y0, x0] * (1 - fx) + table[y0, x0 + 1] * fx
    lower = table[y0 + 1, x0] * (1 - fx) + table[y0 + 1, x0 + 1] * fx
    return np.asarray((upper * (1 - fy) + lower * fy).T, np.float32)


def bounded(uv: F64) -> Field:
    """Positions with the coverage of their own rectangle: its edges are one pixel soft."""
    plane = np.ascontiguousarray(uv, np.float32)
    return Field(plane, window(plane, (0.0, 0.0, 1.0, 1.0)))


def window(uv: F32, rect: tuple[float, float, float, float]) -> F32:
    """How much of each pixel lies inside left, top, right, bottom of the surface: float32 (H, W) 0..1."""
    cover = np.ones(uv.shape[:2], np.float32)
    for axis, (low, high) in enumerate(((rect[0], rect[2]), (rect[1], rect[3]))):
        plane = np.ascontiguousarray(uv[..., axis])
        pace = np.hypot(_pace(plane, 0), _pace(plane, 1)) + 1e-9
        cover = cover * np.clip((plane - low) / pace + 0.5, 0, 1) * np.clip((high - plane) / pace + 0.5, 0, 1)
    return np.asarray(cover, np.float32)


def _pace(plane: F32, axis: int) -> F32:
    """Change from pixel to pixel: the smaller of both neighbours', so that a jump beside the surface does not count."""
    step = np.abs(np.diff(plane, axis=axis))
    pad = [(0, 0), (0, 0)]
    pad[axis] = (1, 0)
    before = np.pad(step, pad, mode="edge")
    pad[axis] = (0, 1)
    after = np.pad(step, pad, mode="edge")
    return np.asarray(np.minimum(before, after), np.float32)
