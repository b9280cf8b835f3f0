"""Colour arithmetic. sRGB is IEC 61966-2-1, Lab is CIE 1976 under D65 (2 degrees); colours lie on the last axis."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from studio.take import F32, U8

F64 = NDArray[np.float64]

_TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
"""Linear sRGB to CIE XYZ, Y of white = 1 (derived from the primaries of IEC 61966-2-1)."""

_WHITE = _TO_XYZ.sum(axis=1)
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27
"""CIE 15: where the cube root of Lab becomes a straight line, and its slope."""


def hex_to_rgb(colour: str) -> tuple[int, int, int]:
    """`#rrggbb` as three levels 0..255. Raises ValueError for anything else."""
    digits = colour.removeprefix("#")
    if len(digits) != 6:
        raise ValueError(f"{colour!r} is not #rrggbb")
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def srgb_to_linear(values: NDArray[np.floating]) -> F32:
    """From sRGB 0..1, any shape, to linear light 0..1 float32."""
    v = np.asarray(values, np.float32)
    return np.where(v <= 0.04045, v / np.float32(12.92), ((v + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4))


def linear_to_srgb(values: NDArray[np.floating]) -> F32:
    """Linear light, any shape, to sRGB 0..1 float32; clipped to 0..1."""
    v = np.clip(np.asarray(values, np.float32), 0.0, 1.0)
    curve = np.float32(1.055) * v ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(v <= 0.0031308, v * np.float32(12.92), curve).astype(np.float32)


def u8_to_linear(levels: U8) -> F32:
    """From sRGB levels 0..255, any shape, to linear light 0..1 float32, by table."""
    return np.asarray(_linear_table()[levels])


def linear_to_u8(values: NDArray[np.floating]) -> U8:
    """Linear light, any shape, to sRGB levels 0..255, rounded; the inverse of `u8_to_linear`."""
    return np.asarray(linear_to_srgb(values) * 255 + 0.5).astype(np.uint8)


def srgb_to_lab(levels: U8) -> F32:
    """From sRGB levels uint8 (..., 3) to Lab float32 (..., 3): L 0..100, a and b about -128..127, white exactly (100, 0, 0)."""
    ratio = u8_to_linear(levels).astype(np.float64) @ (_TO_XYZ / _WHITE[:, None]).T
    f = np.where(ratio > _EPSILON, np.cbrt(ratio), (_KAPPA * ratio + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def lab_to_linear(lab: NDArray[np.floating]) -> F64:
    """Lab (..., 3) to linear light float64 (..., 3), not clipped: below 0 or above 1 the colour is outside sRGB."""
    values = np.asarray(lab, np.float64)
    fy = (values[..., 0] + 16) / 116
    f = np.stack([fy + values[..., 1] / 500, fy, fy - values[..., 2] / 200], axis=-1)
    ratio = np.where(f**3 > _EPSILON, f**3, (116 * f - 16) / _KAPPA)
    return np.asarray(ratio @ np.linalg.inv(_TO_XYZ / _WHITE[:, None]).T)


def delta_e_76(first: NDArray[np.floating], second: NDArray[np.floating]) -> F32:
    """CIE 1976 difference of two Lab arrays (..., 3): (...) float32, 0 for equal."""
    return np.asarray(np.linalg.norm(np.asarray(first, np.float64) - second, axis=-1), np.float32)


def delta_e_2000(first: NDArray[np.floating], second: NDArray[np.floating]) -> F32:
    """CIEDE2000 difference of two Lab arrays (..., 3) with kL = kC = kH = 1: (...) float32, 0 for equal.

    Formulas and the treatment of hue as in Sharma, Wu and Dalal 2005, "The CIEDE2000 Color-Difference Formula".
    """
    l1, a1, b1 = np.moveaxis(np.asarray(first, np.float64), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(second, np.float64), -1, 0)
    g = 1 + 0.5 * (1 - _saturation((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2))
    c1, h1 = np.hypot(g * a1, b1), np.degrees(np.arctan2(b1, g * a1)) % 360
    c2, h2 = np.hypot(g * a2, b2), np.degrees(np.arctan2(b2, g * a2)) % 360
    grey = c1 * c2 == 0
    turn = np.where(grey, 0.0, (h2 - h1 + 180) % 360 - 180)
    turn = np.where((turn == -180) & (h2 > h1), 180.0, turn)
    d_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    lightness, chroma, hue = (l1 + l2) / 2, (c1 + c2) / 2, _mean_hue(h1, h2, grey)
    s_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * _hue_weight(hue)
    rotation = -2 * _saturation(chroma) * np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    l_term, c_term, h_term = (l2 - l1) / s_l, (c2 - c1) / s_c, d_hue / s_h
    square = l_term**2 + c_term**2 + h_term**2 + rotation * c_term * h_term
    return np.asarray(np.sqrt(np.maximum(square, 0.0)), np.float32)


def _saturation(chroma: F64) -> F64:
    return np.asarray(np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))


def _mean_hue(h1: F64, h2: F64, grey: NDArray[np.bool_]) -> F64:
    total = h1 + h2
    wrapped = np.where(total < 360, total + 360, total - 360) / 2
    return np.where(grey, total, np.where(np.abs(h1 - h2) > 180, wrapped, total / 2))


def _hue_weight(hue: F64) -> F64:
    def cosine(factor: float, shift: float) -> F64:
        return np.asarray(np.cos(np.radians(factor * hue + shift)))

    return 1 - 0.17 * cosine(1, -30) + 0.24 * cosine(2, 0) + 0.32 * cosine(3, 6) - 0.20 * cosine(4, -63)


@lru_cache(maxsize=1)
def _linear_table() -> F32:
    table = srgb_to_linear(np.arange(256, dtype=np.float64) / 255)
    table.setflags(write=False)
    return table
