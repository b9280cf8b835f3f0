"""Lines and shapes as masks: float32 (h, w) 0..1, smooth at the edge, with the place of their upper left corner.

Points are continuous canvas pixels: (0, 0) is the upper left corner of the first pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.take import F32

Point = tuple[float, float]
Shape = tuple[F32, tuple[int, int]]
OVER = 4
"""Samples a pixel, in each direction."""


def stroke(points: Sequence[Point], width: float) -> Shape:
    """A line through two or more points, `width` pixels thick, its ends cut square."""
    bars = [_bar(a, b, width) for a, b in pairwise(points)]
    joints = [disc_outline(p, width / 2) for p in points[1:-1]]
    return _filled([*bars, *joints])


def head(tip: Point, back: Point, length: float) -> Shape:
    """An arrow head whose tip is exactly at `tip`, coming from `back`."""
    away = np.subtract(back, tip)
    along = away / max(float(np.hypot(*away)), 1e-6)
    across = np.array([-along[1], along[0]]) * length * 0.30
    base = np.asarray(tip) + along * length
    return _filled([np.array([tip, base + across, base - across])])


def disc(centre: Point, radius: float) -> Shape:
    """A filled circle."""
    return _filled([disc_outline(centre, radius)])


def area(outlines: Sequence[NDArray[np.floating]]) -> Shape:
    """Filled outlines, (n, 2) points each; where they lie on each other they are one."""
    return _filled(outlines)


def disc_outline(centre: Point, radius: float) -> NDArray[np.float64]:
    """A circle as points (n, 2)."""
    turn = np.linspace(0, 2 * np.pi, max(120, int(radius * 3)), endpoint=False)
    return np.asarray(centre) + radius * np.stack((np.cos(turn), np.sin(turn)), axis=1)


def rounded(box: tuple[float, float, float, float], radius: float) -> NDArray[np.float64]:
    """A rectangle x, y, width, height with round corners as points (n, 2)."""
    x, y, w, h = box
    turns = np.linspace(0, np.pi / 2, 12)
    corners = (
        (x + w - radius, y + h - radius),
        (x + radius, y + h - radius),
        (x + radius, y + radius),
        (x + w - radius, y + radius),
    )
    arcs = [
        np.array(corner) + radius * np.stack((np.cos(turns + k * np.pi / 2), np.sin(turns + k * np.pi / 2)), axis=1)
        for k, corner in enumerate(corners)
    ]
    return np.concatenate(arcs)


def crossing(a: tuple[Point, Point], b: tuple[Point, Point]) -> bool:
    """Whether two straight lines cross within their lengths."""

    def side(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(*a, b[0]) * side(*a, b[1]) < 0 and side(*b, a[0]) * side(*b, a[1]) < 0


def _bar(a: Point, b: Point, width: float) -> NDArray[np.float64]:
    along = np.subtract(b, a)
    across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6) * width / 2
    return np.array([a + across, b + across, b - across, a - across], np.float64)


def _filled(outlines: Sequence[NDArray[np.floating]]) -> Shape:
    """Outlines filled at `OVER` times the size and averaged."""
    every = np.concatenate(outlines)
    left, top = (int(v) for v in np.floor(every.min(axis=0)))
    right, bottom = (int(v) for v in np.ceil(every.max(axis=0)))
    w, h = max(1, right - left), max(1, bottom - top)
    fine = np.zeros((h * OVER, w * OVER), np.uint8)
    for outline in outlines:
        cells = (np.asarray(outline, np.float64) - (left, top)) * OVER - 0.5
        cv2.fillPoly(fine, [np.rint(cells * 256).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=8)
    mask = cv2.resize(fine, (w, h), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return np.asarray(mask, np.float32), (left, top)
