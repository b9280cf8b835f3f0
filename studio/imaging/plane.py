"""A plane seen in perspective, and noise on it that never aliases: every octave fades out before it gets finer than a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from studio.take import F32

CELLS, OVERSAMPLE = 64, 16
"""Noise repeats after 64 cells; each is stored 16 texels wide, because cv2.remap knows 1/32 of a texel only."""

FOCAL = 2.2
"""Focal length in canvas widths: the moderate telephoto of product work (about 80 mm on a 36 mm frame)."""
TILT = 0.33
"""Tangent of the angle under which the near edge of the table is seen: 18 degrees, as in the usual three-quarter view."""


@dataclass(frozen=True, slots=True)
class Plane:
    """Plane coordinates of pixels: `u` to the right and `v` away from the camera, float32 (h, w), 1 = the canvas width at the
    near edge. `du`, `dv` float32 (h, 1): how much of the plane one pixel spans.
    """

    u: F32
    v: F32
    du: F32
    dv: F32

    def noise(self, seed: int, fu: float, fv: float, octaves: int = 1, gain: float = 0.5, shift: F32 | float = 0.0) -> F32:
        """Smooth noise, float32 (h, w), about -1..1, with `fu`, `fv` cells a unit; each octave is twice as fine and `gain` as
        strong. `shift` moves the pattern (cells of the first octave), by pixel or as a whole.
        """
        total = np.zeros(self.u.shape, np.float32)
        weight = 0.0
        for octave in range(octaves):
            size, part = 2.0**octave, gain**octave
            weight += part
            visible = fade(self.du * fu * size) * fade(self.dv * fv * size)
            if not visible.any():
                continue
            at_u = (self.u * np.float32(fu) + shift) * np.float32(size) + np.float32(17.3 * octave)
            at_v = (self.v * np.float32(fv) + shift) * np.float32(size) + np.float32(9.1 * octave)
            total += sampled(seed + octave, at_u, at_v) * (visible * np.float32(part))
        return total / np.float32(weight)


def table_plane(width: int, rows: tuple[int, int], height: int) -> Plane:
    """The table top on canvas rows `rows` (first, end): a camera that looks slightly down, its horizon above the canvas's
    upper third. The bottom of the canvas is v = 0.
    """
    vanishing = height - TILT * FOCAL * width
    y = np.arange(rows[0], rows[1], dtype=np.float32)[:, None] + np.float32(0.5)
    x = np.arange(width, dtype=np.float32)[None, :] + np.float32(0.5)
    depth = np.float32(height - vanishing) / (y - np.float32(vanishing))
    u = (x / np.float32(width) - np.float32(0.5)) * depth
    v = np.broadcast_to((depth - 1) * np.float32(FOCAL), u.shape)
    dv = np.float32(FOCAL) * depth**2 / np.float32(height - vanishing)
    return Plane(u, np.ascontiguousarray(v, np.float32), depth / np.float32(width), dv)


def wall_plane(width: int, height: int) -> Plane:
    """A plane parallel to the canvas, v downwards."""
    x = (np.arange(width, dtype=np.float32)[None, :] + 0.5) / width
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / width
    step = np.full((height, 1), 1 / width, np.float32)
    shape = (height, width)
    u, v = (np.ascontiguousarray(np.broadcast_to(a, shape), np.float32) for a in (x, y))
    return Plane(u, v, step, step)


def sampled(seed: int, u: F32, v: F32) -> F32:
    """Noise at cell coordinates, float32, mean 0, about -1..1."""
    at_u, at_v = u * np.float32(OVERSAMPLE), v * np.float32(OVERSAMPLE)
    return np.asarray(cv2.remap(_tile(seed), at_u, at_v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP))


def fade(cells: F32) -> F32:
    """1 while a pixel spans less than a quarter of a cell, 0 from half a cell on (Nyquist)."""
    return np.clip(2 - 4 * cells, 0, 1).astype(np.float32)


def smooth(low: float, high: float, value: F32) -> F32:
    """Hermite step: 0 below `low`, 1 above `high`; falls instead where low > high."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


@lru_cache(maxsize=96)
def _tile(seed: int) -> F32:
    """One period of noise."""
    rng = np.random.Generator(np.random.PCG64(seed))
    cells = rng.uniform(-1, 1, (CELLS, CELLS)).astype(np.float32)
    wrapped = np.pad(cells, 4, mode="wrap")
    big = cv2.resize(wrapped, None, fx=OVERSAMPLE, fy=OVERSAMPLE, interpolation=cv2.INTER_CUBIC)
    edge, side = 4 * OVERSAMPLE, CELLS * OVERSAMPLE
    tile = np.ascontiguousarray(big[edge : edge + side, edge : edge + side])
    tile.setflags(write=False)
    return tile
