"""Outlines of things that everybody knows the size of, in millimetres; drawn here, nothing is copied.

Sizes: coin, 2 euro, 25.75 mm (European Central Bank, coin specifications); card, 85.60 x 53.98 mm (ISO/IEC 7810, ID-1); sheet,
210 x 297 mm (ISO 216, A4). Hand and person are round numbers near the middle of adults: hand length 180 mm, stature 1700 mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.imaging.drawings.drawing import disc_outline, rounded

Name = Literal["coin", "card", "hand", "a4", "person"]
F64 = NDArray[np.float64]
UPTO: tuple[tuple[Name, float], ...] = (("coin", 45.0), ("card", 85.0), ("hand", 320.0), ("a4", 650.0))
"""Longest product, in mm, that each is put beside; beyond the last, a person."""
FINE = 3.0
"""Samples a millimetre at which a hand is shaped."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """`outline` (n, 2) and `inner` lines (each (m, 2)) in mm: x to the right, y downwards, its box from (0, 0) to its size."""

    name: Name
    title: str
    width_mm: float
    height_mm: float
    shown_mm: float
    """The length that is named beside it."""
    outline: F64
    inner: tuple[F64, ...] = ()


def nearest(mm: float) -> Name:
    """The figure that says most about a length: what is held between fingers, in a pocket, in a hand, on a desk, in a room."""
    return next((name for name, longest in UPTO if mm <= longest), "person")


@lru_cache
def figure(name: Name) -> Figure:
    """One of them by name."""
    if name == "coin":
        rim = disc_outline((12.875, 12.875), 9.2)
        return Figure(name, "2 euro coin", 25.75, 25.75, 25.75, disc_outline((12.875, 12.875), 12.875), (_closed(rim),))
    if name == "card":
        strip = rounded((7.5, 19.0, 12.0, 9.5), 1.6)
        lines = tuple(np.array([[7.5, y], [7.5 + w, y]]) for y, w in ((38.0, 52.0), (44.0, 30.0)))
        return Figure(name, "Bank card", 85.6, 53.98, 85.6, rounded((0, 0, 85.6, 53.98), 3.18), (_closed(strip), *lines))
    if name == "a4":
        lines = tuple(np.array([[25.0, y], [185.0 - 60 * (k == 9), y]]) for k, y in enumerate(range(50, 250, 20)))
        return Figure(
            name, "A4 sheet", 210.0, 297.0, 297.0, np.array([[0, 0], [210, 0], [210, 297], [0, 297]], np.float64), lines
        )
    return _shaped(name, "Hand", 180.0, _HAND, 5.0) if name == "hand" else _shaped(name, "Person", 1700.0, _PERSON, 26.0)


Bone = tuple[float, float, float, float, float, float]
"""From x, y to x, y, thick r at the start and r at the end; y upwards."""
_HAND: tuple[Bone, ...] = (
    (3, 86, 5, 170, 9.4, 7.6),
    (-17, 84, -23, 156, 9.4, 7.4),
    (22, 82, 29, 159, 9.0, 7.2),
    (38, 72, 52, 130, 7.8, 6.2),
    (-20, 34, -44, 62, 14.0, 10.5),
    (-44, 62, -62, 98, 10.5, 7.8),
    (-15, 30, -16, 82, 16.0, 15.5),
    (14, 26, 26, 72, 15.0, 17.0),
    (0, 24, 5, 80, 20.0, 18.0),
    (0, -12, 0, 24, 23.0, 24.0),
)
_PERSON: tuple[Bone, ...] = (
    (0, 1585, 0, 1605, 78, 86),
    (0, 1420, 0, 1520, 44, 42),
    (-130, 1382, 130, 1382, 44, 44),
    (-58, 1320, -42, 1010, 92, 74),
    (58, 1320, 42, 1010, 92, 74),
    (0, 1320, 0, 950, 100, 96),
    (-60, 920, 60, 920, 82, 82),
    (-172, 1372, -212, 1105, 44, 33),
    (-212, 1105, -232, 870, 32, 24),
    (-232, 862, -236, 790, 27, 18),
    (172, 1372, 212, 1105, 44, 33),
    (212, 1105, 232, 870, 32, 24),
    (232, 862, 236, 790, 27, 18),
    (-74, 890, -80, 480, 74, 48),
    (-80, 480, -84, 90, 47, 30),
    (74, 890, 80, 480, 74, 48),
    (80, 480, 84, 90, 47, 30),
    (-86, 28, -116, 22, 28, 22),
    (86, 28, 116, 22, 28, 22),
)


def _shaped(name: Name, title: str, height: float, bones: tuple[Bone, ...], soft: float) -> Figure:
    """Bones melted into one outline, brought to exactly the height that it stands for."""
    scale = FINE if height < 500 else 0.5
    outline = _melted(bones, scale, soft, flat=name == "hand")
    low, high = outline.min(axis=0), outline.max(axis=0)
    outline = (outline - low) * (height / (high[1] - low[1]))
    width = float(outline[:, 0].max())
    return Figure(name, title, width, height, height, outline)


def _melted(bones: tuple[Bone, ...], scale: float, soft: float, *, flat: bool) -> F64:
    """Outline (n, 2) of tapered bones whose joints run softly into each other, y downwards; `flat`: cut at y = 0."""
    ends = np.array([(x, y, r) for a in bones for x, y, r in ((a[0], a[1], a[4]), (a[2], a[3], a[5]))])
    left, right = (ends[:, 0] - ends[:, 2]).min() - soft, (ends[:, 0] + ends[:, 2]).max() + soft
    top = (ends[:, 1] + ends[:, 2]).max() + soft
    bottom = -soft if flat else (ends[:, 1] - ends[:, 2]).min() - soft
    xs, ys = np.arange(left, right, 1 / scale), np.arange(top, bottom, -1 / scale)
    grid = np.stack(np.meshgrid(xs, ys), axis=-1)
    field = np.zeros(grid.shape[:2])
    for bone in bones:
        field += np.exp(-_distance(grid, bone) / (soft / 3))
    inside = field >= 1
    if flat:
        inside &= grid[..., 1] >= 0
    found, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    path = max(found, key=len)[:, 0, :].astype(np.float64)
    return _smooth(path) / scale


def _distance(grid: F64, bone: Bone) -> F64:
    """Signed distance to a bone, mm, its thickness growing evenly from end to end."""
    start, end = np.array(bone[:2]), np.array(bone[2:4])
    axis = end - start
    along = np.clip(((grid - start) @ axis) / float(axis @ axis), 0, 1)
    away = np.linalg.norm(grid - start - along[..., None] * axis, axis=-1)
    return np.asarray(away - (bone[4] + along * (bone[5] - bone[4])), np.float64)


def _smooth(path: F64, reach: int = 4) -> F64:
    """A closed outline without the steps of its pixels."""
    shifted = [np.roll(path, k, axis=0) for k in range(-reach, reach + 1)]
    return np.asarray(np.mean(shifted, axis=0), np.float64)


def _closed(outline: F64) -> F64:
    return np.concatenate([outline, outline[:1]])
