"""Ink on a picture, and how well it can be read there."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from studio.imaging.colour import linear_to_u8, u8_to_linear
from studio.typesetting.errors import TextOverflow

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Colour = tuple[int, int, int]
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
AROUND = 0.02
"""How far around the letters the ground counts, as a share of the text's height."""


def ink(image: U8, mask: F32, at: tuple[int, int], colour: Colour, *, opacity: float = 1.0) -> None:
    """Colour a picture (uint8 (H, W, 3) sRGB, changed in place) through a mask (float32 (h, w) 0..1), in linear light.

    The mask's top left corner lies at `at` (x, y). Raises TextOverflow when the mask reaches over the picture's edge.
    """
    area = _area(image, mask, at)
    weight = (mask * np.float32(opacity))[..., None]
    top = u8_to_linear(np.array([[colour]], np.uint8))
    area[...] = linear_to_u8(u8_to_linear(area) * (1 - weight) + top * weight)


def contrast(image: U8, mask: F32, colour: Colour, at: tuple[int, int] = (0, 0)) -> float:
    """WCAG 2.2 contrast ratio, 1..21, between a colour and the worst spot of the ground that the letters stand on.

    The ground is the picture before inking, averaged over a stroke's width, under the mask and a little around it.
    """
    area = _area(image, mask, at)
    reach = max(1, round(mask.shape[0] * AROUND))
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    near = cv2.dilate((mask > 0.1).astype(np.uint8), kernel) > 0
    if not near.any():
        return 21.0
    ground = cv2.blur(u8_to_linear(area) @ LUMINANCE, (2 * reach + 1, 2 * reach + 1), borderType=cv2.BORDER_REPLICATE)
    own, darkest, lightest = luminance(colour), float(ground[near].min()), float(ground[near].max())
    return 1.0 if darkest < own < lightest else min(ratio(own, darkest), ratio(own, lightest))


def luminance(colour: Colour) -> float:
    """Relative luminance of an sRGB colour, 0..1."""
    return float(u8_to_linear(np.array([[colour]], np.uint8))[0, 0] @ LUMINANCE)


def ratio(one: float, other: float) -> float:
    """WCAG contrast ratio of two relative luminances."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def rgb(colour: str) -> Colour:
    """`#rrggbb` as numbers."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _area(image: U8, mask: F32, at: tuple[int, int]) -> U8:
    (x, y), (height, width) = at, mask.shape
    if x < 0 or y < 0 or x + width > image.shape[1] or y + height > image.shape[0]:
        raise TextOverflow(
            f"ink at ({x}, {y}) of {width}x{height} px reaches over a picture of {image.shape[1]}x{image.shape[0]} px"
        )
    return image[y : y + height, x : x + width]
