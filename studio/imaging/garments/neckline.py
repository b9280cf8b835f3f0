"""The neck of a garment's silhouette: its two corners at the shoulders, and the line between them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.errors import StepError
from studio.take import F32

F64 = NDArray[np.float64]

SOLID = 0.5
MIDDLE = 0.3
"""The neck's middle lies within this share of the breadth around the centre."""
SMALLEST = 0.06
"""A neck is at least this share of the garment's breadth wide."""
FLAT = 0.003
"""Columns within this share of the breadth under a peak belong to it: bindings are round."""
STEPS = 65


@dataclass(frozen=True, slots=True)
class Neck:
    """Corners (x, y) in pixels, left and right in the picture, and `dip` float64 (65,): how far the line between them lies below
    their chord, at equal steps along it, as shares of the chord."""

    left: tuple[float, float]
    right: tuple[float, float]
    dip: F64

    @property
    def width(self) -> float:
        """Length of the chord in pixels."""
        return float(np.hypot(self.right[0] - self.left[0], self.right[1] - self.left[1]))

    @property
    def axes(self) -> tuple[F64, F64]:
        """Unit vectors along the chord and at right angles to it, downwards."""
        along = np.array([self.right[0] - self.left[0], self.right[1] - self.left[1]]) / self.width
        return along, np.array([-along[1], along[0]])


def neck_of(alpha: F32, what: str) -> Neck:
    """Find the neck in a garment's coverage, float32 (H, W) 0..1: the upper outline falls between two tops, left and right of
    the middle. Raises StepError, saying `what` was looked at, where there is no such dip.
    """
    solid = alpha > SOLID
    columns = np.flatnonzero(solid.any(axis=0))
    if columns.size < 16:
        raise StepError(f"{what}: there is no garment to find a neckline in")
    start, breadth = int(columns[0]), int(columns[-1] - columns[0] + 1)
    top = np.argmax(solid[:, start : start + breadth], axis=0).astype(np.float64)
    top[~solid[:, start : start + breadth].any(axis=0)] = alpha.shape[0]
    low = _valley(top, breadth)
    left, right = _peak(top[:low], last=True), low + _peak(top[low:], last=False)
    if low in (left, right) or right - left < SMALLEST * breadth:
        raise StepError(f"{what}: the garment's upper edge has no neckline between two shoulders")
    corners = _corner(top, left), _corner(top, right)
    (x0, y0), (x1, y1) = corners
    along = np.linspace(0, 1, STEPS)
    length = np.hypot(x1 - x0, y1 - y0)
    rows = np.interp(x0 + along * (x1 - x0), np.arange(breadth), _smooth(top))
    dip = (rows - (y0 + along * (y1 - y0))) * (x1 - x0) / length**2
    dip[[0, -1]] = 0
    return Neck((x0 + start + 0.5, y0), (x1 + start + 0.5, y1), np.maximum(dip, 0))


def _valley(top: F64, breadth: int) -> int:
    """Column of the lowest point of the upper outline in the middle part."""
    near = round(MIDDLE * breadth)
    return near + int(np.argmax(top[near : breadth - near])) if near else breadth // 2


def _peak(top: F64, *, last: bool) -> int:
    """Column of the highest point, of several the one next to the valley."""
    found = np.flatnonzero(top <= top.min())
    return int(found[-1] if last else found[0])


def _corner(top: F64, column: int) -> tuple[float, float]:
    """The middle of the flat part around a peak, and the peak's row."""
    high = top <= top[column] + max(1.0, FLAT * len(top))
    start, end = column, column
    while start > 0 and high[start - 1]:
        start -= 1
    while end + 1 < len(top) and high[end + 1]:
        end += 1
    return (start + end) / 2, float(top[column])


def _smooth(top: F64) -> F64:
    return np.asarray(cv2.GaussianBlur(top.reshape(1, -1), (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE), np.float64).ravel()
