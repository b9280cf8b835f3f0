"""What a set is made of: where its table ends, the colour, light and roughness of wall and floor, which kind of ground it is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.imaging.colour import delta_e_2000, srgb_to_lab, u8_to_linear
from studio.imaging.reference.palette import hex_of, lab_of
from studio.reading import BackgroundKind, Part
from studio.take import F32, U8

Mask = NDArray[np.bool_]

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
DARK = np.float32(0.01)
REACH = 0.02
"""Rows above and below a horizon that are compared, as part of the height."""
FIRST, LAST = 0.12, 0.88
"""Between these heights a horizon is looked for."""
STEP, AGREED, STEEP = 5.0, 0.6, 2.0
"""A horizon: the median step in Lab across it, the share of columns that step the same way, and how many times steeper than
the rows around it."""
APART = 4.0
"""CIEDE2000 from which wall and floor are two things: a sweep in its own shadow is one."""
SEEN_WIDTH = 0.15
"""Part of the width that has to be free of things."""
PLAIN, SMOOTH = 0.06, 0.03
"""Deviation of the logarithm of light of a plain ground; roughness up to which a ground is a gradient."""


def free_of(seen: F32) -> Mask:
    """The set alone: where the foreground map float32 (h, w) says nothing stands, some room left around things."""
    room = max(3, round(0.02 * max(seen.shape)) | 1)
    free = cv2.dilate(seen, np.ones((room, room), np.uint8)) < 0.15
    return free if free.mean() > 0.05 else seen < 0.5


def horizon_of(rgb: U8, free: Mask) -> float | None:
    """Height 0..1 of the strongest level edge that runs over most of the set of uint8 (h, w, 3); None where there is none."""
    height = rgb.shape[0]
    lab = cv2.GaussianBlur(srgb_to_lab(rgb), (0, 0), 1.0)
    reach = max(2, round(REACH * height))
    rows = range(max(reach, round(FIRST * height)), min(height - reach, round(LAST * height)))
    strengths = np.array([_step(lab, free, row, reach) for row in rows])
    if not strengths.size or strengths.max() < STEP:
        return None
    best = int(strengths.argmax())
    away = np.abs(np.arange(strengths.size) - best) > 2 * reach
    if away.any() and strengths[best] < STEEP * float(np.percentile(strengths[away], 90)):
        return None
    return float((rows[best] + 0.5) / height)


def part_of(rgb: U8, where: Mask) -> Part:
    """Mean colour (of logarithms of light, so that grain counts as it looks), slopes and roughness of uint8 (h, w, 3) `where`."""
    light = u8_to_linear(rgb)
    level = np.log(light @ LUMINANCE + DARK)
    y, x = np.nonzero(where)
    terms = np.stack([np.ones(x.size), x / rgb.shape[1] - 0.5, y / rgb.shape[0] - 0.5], axis=1)
    values = level[where].astype(np.float64)
    weights = np.ones(x.size)
    plane = np.zeros(3)
    for _ in range(4):
        plane = np.linalg.solve((terms * weights[:, None]).T @ terms + np.eye(3) * 1e-3, (terms * weights[:, None]).T @ values)
        off = np.abs(values - terms @ plane)
        weights = 1 / (1 + (off / (2 * np.median(off) + 1e-4)) ** 2)
    fine = level - cv2.GaussianBlur(level, (0, 0), 0.01 * max(rgb.shape[:2]))
    inner = cv2.erode(where.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    texture = float(fine[inner].std()) if inner.any() else 0.0
    seen = np.log(light[where] + DARK)
    colour = hex_of(np.asarray(np.exp((seen * weights[:, None]).sum(axis=0) / weights.sum()) - DARK, np.float32))
    return Part(colour=colour, across=_slope(plane[1]), down=_slope(plane[2]), texture=round(texture, 4))


def parts_of(rgb: U8, free: Mask, horizon: float | None) -> tuple[Part, Part | None]:
    """Wall and floor; where no horizon is seen, or nothing of the floor, the wall is all of the set."""
    if horizon is None:
        return part_of(rgb, free), None
    height = rgb.shape[0]
    rows = (np.arange(height)[:, None] + 0.5) / height
    above, below = free & (rows < horizon - REACH), free & (rows > horizon + REACH)
    if above.sum() < 50 or below.sum() < 50:
        return part_of(rgb, free), None
    wall, floor = part_of(rgb, above), part_of(rgb, below)
    apart = float(delta_e_2000(lab_of(wall.colour), lab_of(floor.colour)))
    return (wall, floor) if apart > APART else (part_of(rgb, free), None)


def kind_of(rgb: U8, free: Mask, wall: Part, floor: Part | None) -> BackgroundKind:
    """`surface`: a table before a wall; `plain` and `gradient`: one sheet; `scene`: anything else."""
    if floor is not None:
        return "surface"
    if wall.texture > SMOOTH:
        return "scene"
    level = np.log(u8_to_linear(rgb)[free] @ LUMINANCE + DARK)
    low, high = np.percentile(level, [5, 95])
    return "plain" if high - low < 2 * PLAIN else "gradient"


def _step(lab: F32, free: Mask, row: int, reach: int) -> float:
    """Median step in Lab over one row's free columns, times the share of them that agree; 0 where too few are free."""
    open_columns = free[row - reach] & free[row + reach - 1]
    if open_columns.mean() < SEEN_WIDTH:
        return 0.0
    step = (lab[row + reach - 1] - lab[row - reach])[open_columns]
    median = np.median(step, axis=0)
    length = float(np.linalg.norm(median))
    agree = float(((step @ median) > 0.25 * length * length).mean()) if length > 0 else 0.0
    return length if agree > AGREED else 0.0


def _slope(value: float) -> float:
    return round(float(np.clip(value, -3, 3)), 4)
