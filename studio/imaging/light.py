"""The key light of a set as directions and colour."""

from __future__ import annotations

import math

import numpy as np

from studio.take import F32
from studio.template import Light

NEUTRAL_K = 5500.0
"""Daylight for which a set is drawn; other temperatures tint the set, never the product."""


def shadow_run(light: Light) -> tuple[float, float]:
    """Ground distance a shadow reaches for each unit of height: (to the right, away from the camera).

    Azimuth 0 is behind the camera and throws the shadow away from it; -90 is on the left and throws it to the right.
    """
    azimuth = math.radians(light.azimuth_deg)
    reach = 1.0 / math.tan(math.radians(min(light.elevation_deg, 89.0)))
    return -math.sin(azimuth) * reach, math.cos(azimuth) * reach


def towards(light: Light) -> F32:
    """Unit vector from the product to the light, float32 (3,): x to the right, y up, z to the camera."""
    azimuth, elevation = math.radians(light.azimuth_deg), math.radians(light.elevation_deg)
    level = math.cos(elevation)
    return np.array([math.sin(azimuth) * level, math.sin(elevation), math.cos(azimuth) * level], np.float32)


def shadow_depth(light: Light) -> float:
    """How deep shadows are, against those at a lighting ratio of 2: 0 at ratio 1 (flat), 1 at 2, 1.75 at 8.

    In the shadow of the key light only the fill is left, one part in `ratio`: the shadow takes 1 - 1 / ratio of the light.
    """
    return 2.0 * (1.0 - 1.0 / light.ratio)


def side(light: Light) -> float:
    """-1 fully from the left .. 1 fully from the right."""
    return math.sin(math.radians(light.azimuth_deg)) * math.cos(math.radians(light.elevation_deg) / 1.5)


def tint(light: Light, amount: float = 0.5) -> F32:
    """Gains of the light's colour in linear sRGB, float32 (3,), of luminance 1. `amount` is how much of it a camera's white
    balance leaves. Black body colours by T. Helland's fit (2012) to Charity's table.
    """
    gains = (black_body(light.temperature_k) / black_body(NEUTRAL_K)) ** np.float32(amount)
    luminance = float(gains @ np.array([0.2126, 0.7152, 0.0722], np.float32))
    return np.asarray(gains / np.float32(luminance), np.float32)


def black_body(kelvin: float) -> F32:
    """Colour of a black body in linear sRGB, float32 (3,) 0..1."""
    t = kelvin / 100
    red = 255.0 if t <= 66 else 329.698727446 * (t - 60) ** -0.1332047592
    green = 99.4708025861 * math.log(t) - 161.1195681661 if t <= 66 else 288.1221695283 * (t - 60) ** -0.0755148492
    blue = 255.0 if t >= 66 else (0.0 if t <= 19 else 138.5177312231 * math.log(t - 10) - 305.0447927307)
    levels = np.clip(np.array([red, green, blue]) / 255, 0.02, 1)
    return np.asarray(levels**2.2, np.float32)
