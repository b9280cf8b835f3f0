"""Product over ground.

Edges are mixed in linear light, as a lens mixes them. On the true mattes of the sample catalogue, 14 photos, this rebuilds the
photographed edge with a mean error of 7.7 levels, mixing sRGB levels with 9.3 (tests/unit/test_compose.py measures both).
"""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.colour import hex_to_rgb, srgb_to_linear, u8_to_linear
from studio.imaging.tone import quick_u8
from studio.take import F32, U8

OPAQUE = 1.0 - 0.5 / 255
"""Alpha that is 255 in 8 bits: there the product's levels are copied."""
EMPTY = 0.5 / 255


def over(rgb: U8, alpha: F32, ground: U8, shade: F32 | None = None, shadow_colour: str = "#000000") -> U8:
    """Product uint8 (H, W, 3) with alpha float32 (H, W) over a ground uint8 (H, W, 3) darkened by shade: uint8 (H, W, 3).

    Ground levels stay untouched where nothing covers or shades them, product levels where alpha is 255.
    """
    result = ground.copy()
    if shade is not None:
        _shade(result, shade, shadow_colour)
    edge = (alpha > EMPTY) & (alpha < OPAQUE)
    part = alpha[edge][:, None]
    result[edge] = quick_u8(u8_to_linear(rgb[edge]) * part + u8_to_linear(result[edge]) * (1 - part))
    solid = alpha >= OPAQUE
    result[solid] = rgb[solid]
    return result


def cut_out(rgb: U8, alpha: F32, shade: F32 | None = None, shadow_colour: str = "#000000") -> U8:
    """The product with its alpha, uint8 (H, W, 4) sRGB, straight (not premultiplied); colour 0 where alpha is 0.

    A shadow goes into the alpha channel, in the shadow's colour, under the product.
    """
    if shade is None:
        levels = cv2.convertScaleAbs(alpha, alpha=255)
        return np.asarray(cv2.merge([*cv2.split(cv2.bitwise_and(rgb, rgb, mask=levels)), levels]), np.uint8)
    result = np.zeros((*alpha.shape, 4), np.uint8)
    total = alpha + shade * (1 - alpha)
    share = np.divide(alpha, total, out=np.ones_like(alpha), where=total > 0)[..., None]
    dark = srgb_to_linear(np.array(hex_to_rgb(shadow_colour), np.float32) / 255)
    result[..., :3] = rgb
    mixed = (alpha < OPAQUE) & (total > 0)
    result[mixed, :3] = quick_u8(u8_to_linear(rgb[mixed]) * share[mixed] + dark * (1 - share[mixed]))
    result[..., 3] = np.rint(total * 255)
    result[result[..., 3] == 0] = 0
    return result


def _shade(ground: U8, shade: F32, colour: str) -> None:
    """Darken in place, where there is shade."""
    rows, columns = np.flatnonzero((shade > 0).any(axis=1)), np.flatnonzero((shade > 0).any(axis=0))
    if not rows.size:
        return
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    part = shade[window][..., None]
    keep = srgb_to_linear(np.array(hex_to_rgb(colour), np.float32) / 255)
    lit = u8_to_linear(ground[window])
    shaded = quick_u8(lit * (1 - part * (1 - keep)))
    ground[window] = np.where(part > 0, shaded, ground[window])
