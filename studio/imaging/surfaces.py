"""A table before a wall: perspective, light that falls off, sheen, depth of field."""

from __future__ import annotations

import cv2
import numpy as np

from studio.grounds import SurfaceGround
from studio.imaging.light import side, tint
from studio.imaging.materials import MATERIALS
from studio.imaging.pigment import linear
from studio.imaging.plane import smooth, table_plane, wall_plane
from studio.imaging.sweep import dithered
from studio.take import F32, U8
from studio.template import Light

FOCUS = 0.86
"""Height of the canvas on which products usually stand: the set is sharp there."""
WALL_FACTOR = 4
BLUR = 0.022
"""Sigma of the far end at `blur` 1, in canvas widths."""


def surface_scene(ground: SurfaceGround, light: Light, size: tuple[int, int], seed: int) -> U8:
    """The set, uint8 (H, W, 3) sRGB for size (width, height)."""
    height = size[1]
    horizon = min(max(round(ground.horizon * height), 2), height - 2)
    sweep = ground.material == "paper"
    scene = _wall(ground, light, size, seed)
    first = max(0, horizon - round(0.25 * height)) if sweep else horizon
    table = _table(ground, light, size, first, seed)
    if sweep:
        table = _bend(scene[first:], table, first, horizon, height)
    scene[first:] = table
    _depth_of_field(scene, horizon, ground.blur)
    for channel, gain in enumerate(tint(light)):
        scene[..., channel] *= gain
    return dithered(scene, seed)


def _wall(ground: SurfaceGround, light: Light, size: tuple[int, int], seed: int) -> F32:
    """Painted plaster with a wide pool of light on the light's side; out of focus, so drawn small."""
    small = max(2, size[0] // WALL_FACTOR), max(2, size[1] // WALL_FACTOR)
    plane = wall_plane(*small)
    x, y = plane.u, plane.v * np.float32(small[0] / small[1])
    lean = side(light)
    pool = np.exp(-(((x - np.float32(0.5 + 0.42 * lean)) / 0.62) ** 2) - ((y - np.float32(0.30)) / 0.60) ** 2)
    spread = np.float32(0.30 + 0.25 * (1 - light.softness))
    level = np.float32(0.80) - spread * np.float32(0.42) + spread * pool
    plaster = plane.noise(seed + 901, 2.4, 2.4, 5, 0.6) * np.float32(0.018)
    near_table = np.float32(0.10) * np.exp(-np.abs(np.float32(ground.horizon) - y) / np.float32(0.05))
    scene = linear(ground.wall) * (level * (1 + plaster) * (1 - near_table))[..., None]
    return np.asarray(cv2.resize(scene, size, interpolation=cv2.INTER_CUBIC), np.float32)


def _table(ground: SurfaceGround, light: Light, size: tuple[int, int], first: int, seed: int) -> F32:
    """The table top from row `first` down, lit by a pool of light around the product's place, mirroring some of the wall."""
    width, height = size
    material = MATERIALS[ground.material]
    plane = table_plane(width, (first, height), height)
    albedo = material.albedo(plane, seed)
    if ground.tint is not None:
        albedo = albedo * (linear(ground.tint) / linear(material.colour))
    lean = np.float32(side(light))
    y = (np.arange(first, height, dtype=np.float32)[:, None] + 0.5) / height
    x = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :]
    pool = np.exp(-(((x - lean * np.float32(0.22)) / 0.66) ** 2) - ((y - np.float32(0.78)) / 0.36) ** 2)
    level = np.float32(0.56) + np.float32(0.42) * pool
    far = np.clip((np.float32(1) - y) / np.float32(max(1e-3, 1 - ground.horizon)), 0, 1)
    sheen = np.float32(material.gloss) * (np.float32(0.25) + np.float32(0.75) * far**2) * (1 + np.float32(0.5) * lean * x * 2)
    mirrored = linear(ground.wall) * np.float32(0.75)
    shaded = [plain * level for plain in cv2.split(albedo)]
    return np.asarray(
        cv2.merge([s + (m - s * np.float32(0.5)) * sheen for s, m in zip(shaded, mirrored, strict=True)]), np.float32
    )


def _bend(wall: F32, table: F32, first: int, horizon: int, height: int) -> F32:
    """One sheet that curves up into the wall."""
    rows = np.arange(first, height, dtype=np.float32)[:, None]
    share = smooth(first, horizon + 0.12 * height, rows)[..., None]
    return np.asarray(wall * (1 - share) + table * share, np.float32)


def _depth_of_field(scene: F32, horizon: int, blur: float) -> None:
    """Blur in place, growing from the product's place to the far edge; the wall, smooth as it is, only near that edge."""
    height, width = scene.shape[:2]
    sigma = blur * BLUR * width
    if sigma < 0.5:
        return
    top = max(0, int(horizon - 4 * sigma))
    part = scene[top:]
    rows = (np.arange(top, height, dtype=np.float32) + np.float32(0.5)) / height
    edge = horizon / height
    amount = np.clip((FOCUS - rows) / max(FOCUS - edge, 0.05), 0, 1) ** np.float32(1.3)
    knots = (0.0, 0.25, 0.5, 1.0)
    softer = [part.copy(), *(blurred(part, sigma * knot) for knot in knots[1:])]
    for i in range(3):
        here = np.flatnonzero((amount >= knots[i]) & (amount <= knots[i + 1]))
        if here.size:
            window = slice(here[0], here[-1] + 1)
            share = ((amount[window] - knots[i]) / (knots[i + 1] - knots[i]))[:, None, None]
            part[window] = softer[i][window] + (softer[i + 1][window] - softer[i][window]) * share


def blurred(picture: F32, sigma: float) -> F32:
    """Gaussian blur, wide ones at reduced size."""
    factor = max(1, int(sigma / 4))
    if factor == 1:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (max(1, width // factor), max(1, height // factor)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))
