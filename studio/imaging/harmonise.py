"""Bringing a product and its set together: the light's colour, the set's brightness gradient, light that wraps around edges."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.colour import u8_to_linear
from studio.imaging.geometry import Box
from studio.imaging.light import side, tint
from studio.imaging.relight import LUMINANCE, brightened
from studio.imaging.resample import padded
from studio.imaging.tone import quick_u8
from studio.take import F32, U8
from studio.template import Harmonise, Light

WORK_PX = 160
"""Long side on which the set is looked at."""
STEEPEST = 0.8
"""Largest gradient that is followed, in natural logarithms of luminance across the canvas."""
WRAP = 0.012
"""How far light wraps around an edge, as part of the product's longer side."""
NEAR = 0.06
"""Sigma of the ground's light that wraps, as part of the canvas's longer side."""
SHARE = 0.35
"""Part of the ground's light that the outermost pixels take on at `edge` 1."""
DARK = 0.02


def harmonised(
    rgb: U8, alpha: F32, box: Box, light: Light, wanted: Harmonise, ground: U8 | None = None, shade: F32 | None = None
) -> U8:
    """The product uint8 (H, W, 3) as it would look in the set; the same array where all three amounts are 0.

    `ground` uint8 (H, W, 3) and `shade` float32 (H, W) are the set and its shadow; without a ground only `temperature` acts.
    """
    if not (wanted.temperature or wanted.light or wanted.edge) or not min(box[2:]):
        return rgb
    x, y, w, h = padded(box, max(2, round(0.02 * max(box[2:]))), (alpha.shape[1], alpha.shape[0]))
    part, cover = rgb[y : y + h, x : x + w], alpha[y : y + h, x : x + w]
    if wanted.light and ground is not None:
        slope = wanted.light * set_slope(ground, light)
        across = (np.arange(x, x + w, dtype=np.float32) + 0.5 - (box[0] + box[2] / 2)) / np.float32(alpha.shape[1])
        gain = np.exp(np.broadcast_to(np.float32(slope) * across, (h, w)))
        part = brightened(part, np.asarray(gain, np.float32))
    if wanted.temperature:
        part = tinted(part, tint(light, 0.5 * wanted.temperature))
    if wanted.edge and ground is not None:
        wrap = _edge_weight(cover, WRAP * max(box[2:])) * np.float32(SHARE * wanted.edge)
        part = _wrapped(part, wrap, _glow(ground, shade, (x, y, w, h)))
    result = rgb.copy()
    result[y : y + h, x : x + w] = np.where(cover[..., None] > 0, part, result[y : y + h, x : x + w])
    return result


def set_slope(ground: U8, light: Light) -> float:
    """How the set's brightness rises to the right, in natural logarithms of luminance across the canvas; 0 where it does not
    rise towards the key light.

    Least squares over rows with a level of their own, so that a wall that is lighter than its table says nothing.
    """
    factor = max(1.0, max(ground.shape[:2]) / WORK_PX)
    size = max(2, round(ground.shape[1] / factor)), max(2, round(ground.shape[0] / factor))
    level = np.log(u8_to_linear(cv2.resize(ground, size, interpolation=cv2.INTER_AREA)) @ LUMINANCE + np.float32(DARK))
    across = np.linspace(-0.5, 0.5, size[0], dtype=np.float64)
    slope = float((level @ across).mean() / (across @ across))
    return float(np.clip(slope, -STEEPEST, STEEPEST)) if slope * side(light) > 0 else 0.0


def tinted(rgb: U8, gains: F32) -> U8:
    """Levels uint8 (H, W, 3) times a gain a channel, float32 (3,), in linear light; what would clip comes close to white."""
    linear = u8_to_linear(rgb)
    over = np.maximum(gains - 1, 0)
    return quick_u8(linear * gains / (1 + over * linear * linear))


def _edge_weight(cover: F32, reach: float) -> F32:
    """1 at the product's outline, 0 from `reach` pixels inside on; what the canvas cuts is no outline."""
    sigma = max(0.6, reach / 2)
    inside = cv2.GaussianBlur(cover, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip((1 - inside) * 2, 0, 1) ** 2, np.float32)


def _glow(ground: U8, shade: F32 | None, window: Box) -> F32:
    """The ground's soft light behind the window, linear float32 (h, w, 3)."""
    x, y, w, h = window
    height, width = ground.shape[:2]
    factor = max(1.0, max(height, width) / WORK_PX)
    size = max(2, round(width / factor)), max(2, round(height / factor))
    small = u8_to_linear(cv2.resize(ground, size, interpolation=cv2.INTER_AREA))
    if shade is not None:
        small = small * (1 - cv2.resize(shade, size, interpolation=cv2.INTER_AREA))[..., None]
    soft = cv2.GaussianBlur(small, (0, 0), NEAR * max(size), borderType=cv2.BORDER_REPLICATE)
    move = np.array([[size[0] / width, 0, x * size[0] / width], [0, size[1] / height, y * size[1] / height]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(soft, move, (w, h), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _wrapped(rgb: U8, weight: F32, glow: F32) -> U8:
    """Light only adds: where the ground is darker than the edge nothing happens."""
    linear = u8_to_linear(rgb)
    return quick_u8(linear + weight[..., None] * np.maximum(glow - linear, 0))
