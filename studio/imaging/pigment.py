"""Colours of materials in linear light."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.colour import hex_to_rgb, srgb_to_linear
from studio.take import F32


def linear(colour: str) -> F32:
    """`#rrggbb` in linear light, float32 (3,)."""
    return srgb_to_linear(np.array(hex_to_rgb(colour), np.float32) / 255)


def mixed(low: str, high: str, t: F32) -> F32:
    """From one colour to another by t, float32 (h, w) about 0..1: float32 (h, w, 3)."""
    a, b = linear(low), linear(high)
    return np.asarray(cv2.merge([a[i] + (b - a)[i] * t for i in range(3)]), np.float32)
