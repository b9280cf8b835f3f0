"""Where a picture's key light stands, read from shading: every body is taken for a balloon of its outline, and each direction on
a grid is asked how well it explains the light on all of them; the set's own gradient says from which side.

Shading alone, so it needs matt bodies of one colour each; the answer leans to the usual light where there is little to see.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.imaging.colour import srgb_to_lab, u8_to_linear
from studio.imaging.normals import normals_of
from studio.imaging.reference.palette import clusters
from studio.take import F32, U8

Mask = NDArray[np.bool_]

WORK_PX = 200
"""Long side on which is worked."""
STEP_DEG, LOWEST_DEG, ELEVATION_STEP_DEG = 10, 10, 7.5
PITCH_DEG = 18.0
"""How far product cameras usually look down."""
WRAP, FILL = 0.2, 0.1
"""Softening of Lambert's cosine as (cos + w) / (1 + w), and the light there is in the shade."""
SURE, COLOURS, SMALLEST, FEWEST = 0.6, 5, 0.003, 40
"""Map value that counts as foreground, colours it is split into, area of the picture and pixels from which a part is a body."""
LIGHTNESS, CHROMA, HAZE, FAR = 0.2, 40.0, 0.02, 0.98
"""A foreground is split by colour, not by shade: weights of L* and of log chromaticity, light added to dark pixels, and FAR of
the clusters."""
SHADED = 0.15
"""Deviation over mean of a body's light from which it counts fully."""
SAMPLES = 600
TRUST, LEAN, SIDE = 20.0, 1.5, 3.0
"""Weights of shading, of the usual direction, of the set's gradient. Chosen on the pictures they are
reported on (docs/studios/lookalike.md)."""
USUAL_ELEVATION_DEG = 40.0
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
DARK = np.float32(0.02)


@dataclass(frozen=True, slots=True)
class KeyLight:
    """Azimuth -180..180 (0 behind the camera, 90 from the right) and elevation 5..90 in degrees; `certainty` 0..1: how much
    better the chosen direction explains the shading than an average one."""

    azimuth_deg: float
    elevation_deg: float
    certainty: float


def key_light(rgb: U8, seen: F32) -> KeyLight:
    """The key light of sRGB uint8 (h, w, 3), about 200 px long, with foreground map float32 (h, w) 0..1."""
    _, away = _grid()
    shading = _shading(rgb, seen)
    prior = np.log(np.hypot(away[:, 0], away[:, 2]) + np.float32(0.02)) + np.float32(LEAN) * (away @ _usual())
    gradient = np.float32(SIDE * np.tanh(3 * set_slope(rgb, seen))) * away[:, 0]
    score = np.float32(TRUST) * shading + prior + gradient
    weight = np.exp(score - score.max())
    mean = (weight[:, None] * away).sum(axis=0)
    mean /= np.linalg.norm(mean)
    azimuth = float(np.degrees(np.arctan2(mean[0], mean[2])))
    elevation = float(np.clip(np.degrees(np.arcsin(mean[1])), 5, 90))
    return KeyLight(round(azimuth, 1), round(elevation, 1), float(np.clip((shading.max() - shading.mean()) / 0.3, 0, 1)))


def bodies(rgb: U8, seen: F32) -> list[Mask]:
    """Parts of the foreground that may be a thing of their own, (h, w) each: connected pieces of one colour, and whole pieces."""
    foreground = seen > SURE
    if int(foreground.sum()) < 2 * FEWEST:
        return []
    labels, _ = clusters(_features(rgb)[foreground], COLOURS, FAR)
    plane = np.full(foreground.shape, -1, np.int32)
    plane[foreground] = labels
    found = [piece for colour in range(COLOURS) for piece in pieces(plane == colour)]
    return found + pieces(foreground)


def _features(rgb: U8) -> F32:
    """Colour without its shade, float32 (h, w, 3): logarithms of red and blue over green, and a little L*."""
    light = u8_to_linear(rgb) + HAZE
    chroma = np.log(light[..., [0, 2]] / light[..., 1:2]) * np.float32(CHROMA)
    return np.concatenate([srgb_to_lab(rgb)[..., :1] * np.float32(LIGHTNESS), chroma], axis=-1)


def set_slope(rgb: U8, seen: F32) -> float:
    """How the set's light rises to the right, in natural logarithms across the canvas; rows have a level of their own, the
    foreground is left out."""
    free = (cv2.dilate(seen, np.ones((9, 9), np.uint8)) < 0.1).astype(np.float32)
    level = np.log(u8_to_linear(rgb) @ LUMINANCE + DARK)
    free = free * (free.mean(axis=1) > 0.4)[:, None]
    held = np.maximum(free.sum(axis=1, keepdims=True), 1)
    x = np.linspace(-0.5, 0.5, rgb.shape[1], dtype=np.float32)[None, :]
    off = (x - (x * free).sum(axis=1, keepdims=True) / held) * free
    spread = float((off * off).sum())
    return float((off * level).sum()) / spread if spread > 0 else 0.0


def _shading(rgb: U8, seen: F32) -> F32:
    """For each direction of the grid, -1..1: explained share of the light's variance, over all bodies by size and contrast."""
    toward, away = _grid()
    light = u8_to_linear(rgb) @ LUMINANCE
    total, weights = np.zeros(len(away), np.float32), 1e-6
    for body in bodies(rgb, seen):
        told = _told(body, light)
        if told is None:
            continue
        normal, level, weight = told
        lit = np.sqrt(np.maximum((normal @ toward.T + np.float32(WRAP)) / np.float32(1 + WRAP), 0) + np.float32(FILL))
        lit -= lit.mean(axis=0)
        level = level - level.mean()
        likeness = (lit * level[:, None]).sum(axis=0) / np.sqrt((lit**2).sum(axis=0) * (level**2).sum() + 1e-9)
        total += np.float32(weight) * likeness * np.abs(likeness)
        weights += weight
    return np.asarray(total / np.float32(weights), np.float32)


def _told(body: Mask, light: F32) -> tuple[F32, F32, float] | None:
    """Normals (n, 3), roots of the light (n,) and weight of one body; None where too little is left of it."""
    x, y, w, h = cv2.boundingRect(body.astype(np.uint8))
    closed = np.pad(body[y : y + h, x : x + w], 6).astype(np.uint8)
    closed = cv2.morphologyEx(closed, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    normal = normals_of(closed.astype(np.float32), np.ones(closed.shape, np.float32))[6:-6, 6:-6]
    inside = cv2.erode(body[y : y + h, x : x + w].astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    at = np.flatnonzero(inside)
    if at.size < FEWEST:
        return None
    at = at[:: max(1, at.size // SAMPLES)]
    level = np.sqrt(light[y : y + h, x : x + w].reshape(-1)[at])
    level = np.clip(level, *np.percentile(level, [2, 98]))
    weight = float(np.sqrt(inside.sum()) * min(float(level.std() / max(level.mean(), 1e-3)) / SHADED, 1.0))
    return normal.reshape(-1, 3)[at], np.asarray(level, np.float32), weight


def pieces(mask: Mask) -> list[Mask]:
    """Connected parts of a mask that are large enough to be a thing."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    least = SMALLEST * mask.size
    return [labels == index for index in range(1, count) if stats[index, cv2.CC_STAT_AREA] > least]


def _usual() -> F32:
    elevation = np.radians(USUAL_ELEVATION_DEG)
    return np.array([0, np.sin(elevation), np.cos(elevation)], np.float32)


@lru_cache(maxsize=1)
def _grid() -> tuple[F32, F32]:
    """Directions float32 (n, 3) towards the light: as a camera that looks down sees them (x right, y up, z to it), and level."""
    azimuth, elevation = np.meshgrid(
        np.radians(np.arange(-180, 180, STEP_DEG)), np.radians(np.arange(LOWEST_DEG, 86, ELEVATION_STEP_DEG))
    )
    level = np.stack(
        [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)], axis=-1
    ).reshape(-1, 3)
    cos, sin = np.cos(np.radians(PITCH_DEG)), np.sin(np.radians(PITCH_DEG))
    seen = np.stack([level[:, 0], level[:, 1] * cos - level[:, 2] * sin, level[:, 2] * cos + level[:, 1] * sin], axis=-1)
    return seen.astype(np.float32), level.astype(np.float32)
