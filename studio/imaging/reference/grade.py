"""A finished set pulled to a reference's colours and light; and, where asked, a product a bounded way after it."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.colour import hex_to_rgb, u8_to_linear
from studio.imaging.light import tint
from studio.imaging.reference.key_light import WORK_PX
from studio.imaging.reference.set_parts import REACH, part_of
from studio.imaging.relight import drift
from studio.imaging.sweep import dithered
from studio.imaging.tone import quick_u8
from studio.reading import Part, Reading
from studio.take import F32, U8
from studio.template import Light

MOST = 1.6
"""Largest gain of a set's part as a natural logarithm: five times lighter or darker."""
SEAM = 0.004
"""Half the height, as part of the canvas, over which floor turns into wall."""
STEEPEST = 1.2
"""Largest slope of light that is added, in natural logarithms across the canvas."""
BUDGET = 6.0
"""Mean CIEDE2000 by which a product may be changed at amount 1."""
MIDDLE = 0.18
"""Linear light that a change of contrast leaves where it is."""


def graded_set(ground: U8, wanted: Reading, horizon: float | None, amount: float, seed: int) -> U8:
    """The set uint8 (H, W, 3) with wall and floor (or all of it) given the reference's mean colour and slope of light.

    `horizon`: height 0..1 of this set's own table edge; None where it has none. `amount` 0 (as it is) .. 1.
    """
    if amount <= 0:
        return ground
    height, width = ground.shape[:2]
    scale = WORK_PX / max(height, width)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    small = np.asarray(cv2.resize(ground, size, interpolation=cv2.INTER_AREA), np.uint8)
    light = u8_to_linear(ground)
    if horizon is None or wanted.floor is None:
        light *= _gain(part_of(small, np.ones(small.shape[:2], bool)), wanted.wall, width, amount)
        return dithered(light, seed)
    rows = np.broadcast_to((np.arange(size[1], dtype=np.float32)[:, None] + 0.5) / size[1], small.shape[:2])
    wall = _gain(part_of(small, rows < horizon - REACH), wanted.wall, width, amount)
    floor = _gain(part_of(small, rows > horizon + REACH), wanted.floor, width, amount)
    first, last = (round(float(np.clip(horizon + side * SEAM, 0, 1)) * height) for side in (-1, 1))
    light[:first] *= wall
    light[last:] *= floor
    share = np.linspace(0, 1, last - first, dtype=np.float32)[:, None, None]
    light[first:last] *= wall + (floor - wall) * share
    return dithered(light, seed)


def graded_product(rgb: U8, alpha: F32, light: Light, contrast: float, amount: float) -> U8:
    """The product uint8 (H, W, 3) under the light's colour and with its contrast times `contrast` (0.8..1.25), both by `amount`
    0..1; weaker where the mean change would be more than BUDGET times that. Equal array at 0."""
    if amount <= 0:
        return rgb
    share, bent = amount, rgb
    for _ in range(8):
        bent = _bent(rgb, light, contrast, share)
        if drift(rgb, bent, alpha)[0] <= BUDGET * amount:
            break
        share *= 0.7
    return np.where(alpha[..., None] > 0, bent, rgb)


def _bent(rgb: U8, light: Light, contrast: float, share: float) -> U8:
    linear = u8_to_linear(rgb)
    power = np.float32(1 + (float(np.clip(contrast, 0.8, 1.25)) - 1) * share)
    curved = np.float32(MIDDLE) * (linear / np.float32(MIDDLE)) ** power
    gains = tint(light, 0.5 * share)
    return quick_u8(curved * gains / (1 + np.maximum(gains - 1, 0) * curved * curved))


def _gain(now: Part, wanted: Part, width: int, amount: float) -> F32:
    """Gain float32 (1, W, 3): the quotient of mean colours, and the missing slope to the right."""
    here, there = (u8_to_linear(np.array(hex_to_rgb(part.colour), np.uint8)) + np.float32(0.003) for part in (now, wanted))
    colour = np.clip(np.log(there / here), -MOST, MOST)
    across = np.float32(np.clip(wanted.across - now.across, -STEEPEST, STEEPEST))
    tilt = np.linspace(-0.5, 0.5, width, dtype=np.float32) * across
    return np.asarray(np.exp(np.float32(amount) * (colour + tilt[:, None]))[None], np.float32)
