"""Ink on a material: the design takes on the blank's light, folds and weave. Everything is linear light."""

from __future__ import annotations

import cv2
import numpy as np

from studio.briefs.mockup import Ink
from studio.imaging.colour import hex_to_rgb, srgb_to_lab, u8_to_linear
from studio.imaging.tone import quick_u8
from studio.take import F32, U8

WHITE = 0.9
"""Reflectance of a good white ink."""
DARK, LIGHT = 45.0, 75.0
"""L* of the material: up to DARK the white underbase is full, from LIGHT there is none."""
FIELD = 0.03
"""Size, as a share of the picture, of what counts as a small highlight."""
GRAIN = 0.0025
"""Size, as a share of the picture, of what counts as fine texture."""
QUIET = 0.0015
"""Blur, as a share of the picture, before highlights are looked for."""
FLOOR = 0.012
"""Linear light by which a highlight must stand out."""


def linear_of(colour: str) -> F32:
    """`#rrggbb` as linear light float32 (3,)."""
    return u8_to_linear(np.asarray(hex_to_rgb(colour), np.uint8))


def underbase_of(ink: Ink, colour: str) -> float:
    """How much white lies under the colours, 0..1: said, or as dark as the material is."""
    if ink.underbase is not None:
        return ink.underbase
    lightness = float(srgb_to_lab(np.asarray([hex_to_rgb(colour)], np.uint8))[0, 0])
    return float(np.clip((LIGHT - lightness) / (LIGHT - DARK), 0, 1))


def dyed(blank: U8, alpha: F32, base: str, colour: str) -> U8:
    """The blank uint8 (H, W, 3) in another colour where alpha covers it; its shading stays."""
    result = blank.copy()
    there = alpha > 0
    tint = np.minimum(linear_of(colour) / np.maximum(linear_of(base), 1e-3), 4.0)
    result[there] = quick_u8(np.minimum(u8_to_linear(blank[there]) * (1 + (tint - 1) * alpha[there][:, None]), 1.0))
    return result


def pressed(blank: F32, design: F32, cover: F32, material: str, ink: Ink, side: int) -> F32:
    """The blank float32 (H, W, 3) with a design float32 (H, W, 4, premultiplied) on it where `cover` 0..1: (H, W, 3). `side` is
    the whole picture's longer one in pixels.

    A pixel of the print is `ink x substrate x shading`, shading being the blank over its material's own colour. Without
    underbase that is the design multiplied with the photo; with white underneath, the material's colour no longer counts.
    """
    under = underbase_of(ink, material)
    own = np.asarray(np.maximum(linear_of(material), 0.004), np.float32)
    substrate = own * (1 - under) + WHITE * under
    shading = _shading(np.asarray(blank / own, np.float32), ink.texture * (1 - 0.5 * under), side)
    amount = (ink.opacity * cover)[..., None]
    result = blank * (1 - design[..., 3:] * amount) + design[..., :3] * (substrate * shading * amount)
    if ink.gloss > 0:
        result = result + ink.gloss * _highlights(blank, side)[..., None] * (design[..., 3:] * amount)
    return np.asarray(result, np.float32)


def _shading(shading: F32, texture: float, side: int) -> F32:
    """The same light with its fine texture at `texture` of its strength."""
    if texture >= 1.0:
        return shading
    smooth = cv2.GaussianBlur(shading, (0, 0), max(1.0, GRAIN * side))
    return np.asarray(smooth * (1 - texture) + shading * texture, np.float32)


def _highlights(blank: F32, side: int) -> F32:
    """Light of small bright spots and streaks, which lies on the surface and not in the colour: float32 (H, W). What the camera's
    noise and the file's compression make is none."""
    level = cv2.GaussianBlur(np.ascontiguousarray(blank.mean(axis=2)), (0, 0), max(1.0, QUIET * side))
    reach = max(3, round(FIELD * side)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (reach, reach))
    opened = cv2.GaussianBlur(cv2.morphologyEx(level, cv2.MORPH_OPEN, kernel), (0, 0), reach / 4)
    return np.asarray(np.maximum(level - opened - FLOOR, 0), np.float32)


def folds(blank: U8, strength: float) -> tuple[F32, F32]:
    """How far folds move a print, in pixels, float32 (H, W) each: along the slope of the blank's smoothed shading."""
    level = cv2.GaussianBlur(u8_to_linear(blank).mean(axis=2), (0, 0), max(1.5, 0.008 * max(blank.shape[:2])))
    dx, dy = cv2.Sobel(level, cv2.CV_32F, 1, 0), cv2.Sobel(level, cv2.CV_32F, 0, 1)
    steep = float(np.quantile(np.hypot(dx, dy), 0.98)) + 1e-6
    return np.clip(dx / steep, -1, 1) * np.float32(strength), np.clip(dy / steep, -1, 1) * np.float32(strength)
