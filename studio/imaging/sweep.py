"""Plain grounds: one colour, a studio sweep, a picture that covers the canvas."""

from __future__ import annotations

import cv2
import numpy as np

from studio.grounds import GradientGround
from studio.imaging.colour import hex_to_rgb
from studio.imaging.light import side, tint
from studio.imaging.plane import smooth
from studio.imaging.tone import quick_srgb
from studio.take import F32, U8
from studio.template import Light


def colour_ground(colour: str, size: tuple[int, int]) -> U8:
    """One flat colour, uint8 (H, W, 3)."""
    ground = np.empty((size[1], size[0], 3), np.uint8)
    ground[:] = hex_to_rgb(colour)
    return ground


def gradient_ground(ground: GradientGround, light: Light, size: tuple[int, int], seed: int) -> U8:
    """A seamless sweep, uint8 (H, W, 3) sRGB: the far wall's colour turns into the floor's in a wide bend, a pool of light lies
    on the light's side, corners fall off by `vignette`. Dithered, so that no bands show.
    """
    width, height = size
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    bend = smooth(0.30, 1.0, y)
    top, bottom = (np.array(hex_to_rgb(c), np.float32) / 255 for c in (ground.top, ground.bottom))
    sheet = top + (bottom - top) * bend[..., None]
    lean = np.float32(side(light))
    pool = np.exp(-(((x - lean * np.float32(0.45)) / 0.85) ** 2) - ((y - np.float32(0.46)) / 0.55) ** 2)
    corner = np.clip(np.hypot(x, (y - 0.5) * 2) / np.float32(np.sqrt(2)), 0, 1) ** np.float32(2.2)
    strength = np.float32(ground.vignette)
    level = 1 + strength * (np.float32(0.35) * (pool - 1) - np.float32(0.75) * corner)
    gains = tint(light, 0.35) ** np.float32(1 / 2.4)
    return rounded(sheet * level[..., None] * gains, seed)


def cover(picture: U8, size: tuple[int, int]) -> U8:
    """A picture scaled and centrally cropped to fill the canvas, uint8 (H, W, 3)."""
    width, height = size
    h, w = picture.shape[:2]
    scale = max(width / w, height / h)
    wide, high = max(width, round(w * scale)), max(height, round(h * scale))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    big = cv2.resize(picture, (wide, high), interpolation=kind)
    left, top = (wide - width) // 2, (high - height) // 2
    return np.ascontiguousarray(big[top : top + height, left : left + width])


def softened(picture: U8, blur: float) -> U8:
    """A picture out of focus, uint8 (H, W, 3): `blur` 0 (as it is) .. 1, where sigma is 3 % of the longer side."""
    if blur <= 0:
        return picture
    sigma = max(0.3, blur * 0.03 * max(picture.shape[:2]))
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)


def dithered(scene: F32, seed: int) -> U8:
    """Linear light float32 (H, W, 3) to sRGB levels, with noise of one level in place of bands."""
    return rounded(quick_srgb(scene), seed)


def rounded(srgb: F32, seed: int) -> U8:
    """Levels of sRGB 0..1 float32 (H, W, 3), with triangular noise of one level, the same in all channels: grain, not speckle."""
    rng = np.random.Generator(np.random.PCG64(seed))
    height, width = srgb.shape[:2]
    grain = rng.random((height, width), np.float32) + rng.random((height, width), np.float32) - np.float32(0.5)
    levels = srgb * np.float32(255)
    levels += grain[..., None]
    return np.asarray(np.clip(levels, 0, 255), np.uint8)
