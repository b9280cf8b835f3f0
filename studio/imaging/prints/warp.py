"""Artwork sampled at positions on a surface: linear light, premultiplied, the right level of detail for every pixel."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.colour import u8_to_linear
from studio.take import F32, U8

LEVELS = 4
CALM = 0.2
"""Share of the pixels that may need more detail than the finest level keeps."""


def sampled(rgb: U8, alpha: F32 | None, at: F32, seen: F32) -> F32:
    """Artwork uint8 (h, w, 3) with alpha float32 (h, w) or None, at positions float32 (H, W, 2) where (0, 0)..(1, 1) is all of
    it: float32 (H, W, 4) premultiplied linear light; nothing beyond its edges. `seen` float32 (H, W) says which pixels matter.
    """
    density = density_of(at, (rgb.shape[1], rgb.shape[0]))
    wanted = density[(seen > 0.5) & (at > 0).all(axis=2) & (at < 1).all(axis=2)]
    if not wanted.size:
        return np.zeros((*at.shape[:2], 4), np.float32)
    shrink = max(1.0, float(np.quantile(wanted[:: max(1, wanted.size // 50_000)], CALM)))
    levels = [_reduced(rgb, alpha, shrink)]
    for _ in range(LEVELS - 1):
        if min(levels[-1].shape[:2]) < 4:
            break
        levels.append(_shrunk(levels[-1], 2.0))
    level = np.clip(np.log2(np.maximum(density / shrink, 1.0)), 0, len(levels) - 1).astype(np.float32)
    return _mixed(levels, at, level)


def density_of(at: F32, size: tuple[int, int]) -> F32:
    """Artwork pixels per picture pixel along a side, float32 (H, W): the root of the area that one pixel covers."""
    sides = np.asarray(size, np.float32)
    dx = np.asarray(np.gradient(at, axis=1)) * sides
    dy = np.asarray(np.gradient(at, axis=0)) * sides
    return np.asarray(np.sqrt(np.abs(dx[..., 0] * dy[..., 1] - dx[..., 1] * dy[..., 0])), np.float32)


def _reduced(rgb: U8, alpha: F32 | None, factor: float) -> F32:
    """Premultiplied linear light, float32 (h, w, 4), shrunk by a factor."""
    light = np.asarray(cv2.LUT(rgb, _table()), np.float32)
    if alpha is None:
        colour = _shrunk(light, factor)
        return np.asarray(cv2.merge([*cv2.split(colour), np.ones(colour.shape[:2], np.float32)]), np.float32)
    colour = _shrunk(np.asarray(cv2.multiply(light, cv2.merge([alpha, alpha, alpha])), np.float32), factor)
    return np.asarray(cv2.merge([*cv2.split(colour), _shrunk(alpha, factor)]), np.float32)


def _table() -> F32:
    return u8_to_linear(np.arange(256, dtype=np.uint8))


def _shrunk(planes: F32, factor: float) -> F32:
    if factor <= 1.0:
        return planes
    size = max(2, round(planes.shape[1] / factor)), max(2, round(planes.shape[0] / factor))
    return np.asarray(cv2.resize(planes, size, interpolation=cv2.INTER_AREA), np.float32)


def _mixed(levels: list[F32], at: F32, level: F32) -> F32:
    """Between the two nearest levels of detail; cubic within each, its overshoot clipped."""
    result = np.zeros((*at.shape[:2], 4), np.float32)
    for index, planes in enumerate(levels):
        weight = np.clip(1 - np.abs(level - index), 0, 1)
        if not weight.any():
            continue
        place = at * np.asarray((planes.shape[1], planes.shape[0]), np.float32) - np.float32(0.5)
        part = cv2.remap(
            planes,
            np.ascontiguousarray(place[..., 0]),
            np.ascontiguousarray(place[..., 1]),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(0.0, 0.0, 0.0, 0.0),
        )
        result += part * weight[..., None]
    result[..., 3] = np.clip(result[..., 3], 0, 1)
    result[..., :3] = np.clip(result[..., :3], 0, result[..., 3:])
    return result
