"""The shade of a group on its ground: each product's own, worked out in the part of the canvas that it reaches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.imaging.base import FORESHORTEN
from studio.imaging.geometry import Box
from studio.imaging.light import shadow_run
from studio.imaging.plane import smooth
from studio.imaging.shadow import BORDER, shade_of
from studio.standing import Standing
from studio.take import F32
from studio.template import Light, Shadow

POOL = 0.6
"""Room around a product for its contact shadow and soft edges, as part of its larger side."""
FAR = 1.6
"""Heights of a product after which its cast shadow has faded."""
EVERYWHERE = -1e6
"""A far edge above any canvas."""


def shade_together(
    group: Sequence[Standing], canvas: tuple[int, int], shadow: Shadow, light: Light, horizon: float | None
) -> F32:
    """Shade float32 (H, W) 0..1 of products on a canvas of (width, height). `horizon` is the table's far edge as a row; None on a
    seamless ground, whose border stays free of shade.

    Contact shadows add up (two products close together leave a darker crevice); cast shadows do not, since they take away the
    same light once.
    """
    cast, lit = np.zeros(canvas[::-1], np.float32), np.ones(canvas[::-1], np.float32)
    touching, thrown = shadow.model_copy(update={"cast": 0.0}), shadow.model_copy(update={"contact": 0.0})
    for item in group:
        x, y, w, h = reached(item, canvas, light)
        rows = slice(y, y + h), slice(x, x + w)
        alpha = np.zeros((h, w), np.float32)
        left, top = item.window[0] - x, item.window[1] - y
        alpha[top : top + item.window[3], left : left + item.window[2]] = item.alpha
        box = item.box[0] - x, item.box[1] - y, *item.box[2:]
        if shadow.cast > 0:
            cast[rows] = np.maximum(cast[rows], shade_of(alpha, box, thrown, light, EVERYWHERE))
        if shadow.contact > 0:
            lit[rows] *= 1 - shade_of(alpha, box, touching, light, EVERYWHERE)
    return np.asarray((1 - lit * (1 - cast)) * _free(canvas, horizon), np.float32)


def reached(item: Standing, canvas: tuple[int, int], light: Light) -> Box:
    """The part of the canvas that a product and its shadow may reach: x, y, width, height."""
    (x, y, w, h), (run_x, run_away) = item.box, shadow_run(light)
    room, side = POOL * max(w, h), min(1.0, FAR * 1.0 / max(np.hypot(run_x, run_away), 1e-6))
    right, up = run_x * side * h, run_away * side * h * FORESHORTEN
    left = max(0, int(min(x, item.window[0]) + min(right, 0) - room))
    top = max(0, int(min(y, item.window[1], y + h - up - room)))
    end = min(canvas[0], int(max(x + w, item.window[0] + item.window[2]) + max(right, 0) + room))
    bottom = min(canvas[1], int(max(y + h - min(up, 0) + room, item.window[1] + item.window[3])))
    return left, top, end - left, bottom - top


def _free(canvas: tuple[int, int], horizon: float | None) -> F32:
    """1 where shade may lie. It ends at a table's far edge, and on a seamless ground before the canvas does."""
    width, height = canvas
    y = np.arange(height, dtype=np.float32)[:, None]
    if horizon is not None:
        return np.asarray(smooth(horizon - 0.01 * height, horizon + 0.06 * height, y), np.float32)
    x = np.arange(width, dtype=np.float32)[None, :]
    across = smooth(0, BORDER * width, np.minimum(x, width - 1 - x) - np.float32(0.006 * width))
    down = smooth(0, BORDER * height, np.minimum(y, height - 1 - y) - np.float32(0.006 * height))
    return np.asarray(down * across, np.float32)
