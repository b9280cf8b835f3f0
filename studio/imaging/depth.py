"""Depth of field: a set blurs with its distance from the product's plane, as a lens would blur it."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from studio.imaging.colour import u8_to_linear
from studio.imaging.plane import FOCAL, TILT
from studio.imaging.surfaces import blurred
from studio.imaging.sweep import dithered
from studio.take import F32, U8

FRAME_MM, SEEN_MM = 36.0, 300.0
"""Width of the camera's frame, and of the scene that fills it at the product's place: a table-top set."""
LEAST_PX = 0.35
"""Sigma below which a row is left as it is."""
LEVELS = (0.0, 0.25, 0.5, 1.0)
"""Shares of the softest row between which is interpolated."""


def sigmas(size: tuple[int, int], base: float, far: float, f_stop: float) -> F32:
    """Blur by canvas row, sigma in pixels, float32 (H,), for a canvas (width, height).

    `base` is the row on which the product stands, in focus; `far` the row where the ground ends and an upright wall begins.
    Thin lens: the circle of confusion is f^2 / (N (D0 - f)) |1 - D0 / D|, and on a plane seen in perspective D0 / D is linear in
    the row. A disc of diameter c has the sigma c / 4.
    """
    width, height = size
    vanishing = min(height - TILT * FOCAL * width, far - 0.05 * height, base - 0.05 * height)
    rows = np.maximum(np.arange(height, dtype=np.float32) + np.float32(0.5), np.float32(far))
    away = np.abs(1 - (rows - vanishing) / np.float32(base - vanishing))
    lens, distance = FOCAL * FRAME_MM, FOCAL * SEEN_MM
    circle = lens**2 / (f_stop * (distance - lens)) / FRAME_MM * width
    return np.asarray(circle / 4 * away, np.float32)


def focused(ground: U8, sigma: F32) -> U8:
    """The set uint8 (H, W, 3) with its rows blurred by `sigma` (H,) in linear light; rows that stay sharp keep their bytes."""
    most = float(sigma.max())
    if most < LEAST_PX:
        return ground
    light = u8_to_linear(ground)
    result = light.copy()
    softer = [light, *(blurred(light, most * level) for level in LEVELS[1:])]
    share = sigma / np.float32(most)
    for i, (low, high) in enumerate(pairwise(LEVELS)):
        here = (share > low) & (share <= high)
        part = ((share[here] - low) / (high - low))[:, None, None]
        result[here] = softer[i][here] * (1 - part) + softer[i + 1][here] * part
    soft = dithered(result, 0)
    return np.asarray(np.where((sigma < LEAST_PX)[:, None, None], ground, soft), np.uint8)


def far_row(size: tuple[int, int], horizon: float) -> float:
    """A horizon, 0 top .. 1 bottom, as a row of the canvas (width, height)."""
    return float(np.clip(horizon, 0.02, 0.98)) * size[1]


def softness(picture: U8, rows: slice) -> float:
    """Mean step between neighbours of a picture's rows, levels: what blur takes away."""
    grey = cv2.cvtColor(np.ascontiguousarray(picture[rows]), cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.abs(np.diff(grey, axis=1)).mean())
