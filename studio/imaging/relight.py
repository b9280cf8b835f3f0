"""Another light on a product: a smooth gain in linear light, the same for all three channels, so that hue and detail stay.

The gain is worked out on a small picture from normals and the set's light, then enlarged: it has no detail of its own. Where it
would clip a channel it fades, so that texture near white survives.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from studio.imaging.colour import delta_e_2000, srgb_to_lab, u8_to_linear
from studio.imaging.geometry import Box
from studio.imaging.light import towards
from studio.imaging.normals import masked_blur, normals_of
from studio.imaging.resample import padded
from studio.imaging.tone import quick_u8
from studio.take import F32, U8, Placed
from studio.template import Light, Preset, Relight

WORK_PX = 192
"""Long side on which the gain is worked out."""
GAIN = 1.4
"""Gain at strength 1 for each unit of the logarithm of light."""
CALM = 0.03
"""Sigma of the gain's last blur, as part of that side."""
BUDGET = 5.4
"""Mean CIEDE2000 that strength 1 may change a product by; the gain is made weaker where it would be more."""
MOST = 0.65
"""Largest gain as a natural logarithm: a factor of 1.9."""
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
CHROMATIC = 8.0
"""Chroma from which a colour has a hue worth measuring."""
HUED = 0.005
"""Share of a product that has a hue from which there is something to measure."""
SAMPLES, FEW = 40_000, 5_000
"""Pixels on which a change is measured: for the report, and while a gain is fitted."""


@dataclass(frozen=True, slots=True)
class Rig:
    """How a preset bends the set's light: azimuth pulled to at least `aside` degrees on its own side, `elevation_deg` instead
    of the light's, least ratio, softness at most and at least, brightness gradient from the lit side, and a rim light."""

    aside: float = 0.0
    elevation_deg: float | None = None
    ratio: float = 1.0
    softness: tuple[float, float] = (0.0, 1.0)
    falloff: float = 0.0
    rim: float = 0.0


RIGS: dict[Preset, Rig] = {
    "softbox": Rig(aside=35, ratio=2.0, softness=(0.5, 1.0), falloff=0.10),
    "window": Rig(aside=75, elevation_deg=28, ratio=3.5, softness=(0.3, 0.7), falloff=0.35),
    "rim": Rig(aside=0, ratio=1.6, softness=(0.4, 1.0), rim=1.3),
    "top": Rig(elevation_deg=82, ratio=2.5, softness=(0.7, 1.0), falloff=0.35),
    "golden-hour": Rig(aside=60, elevation_deg=12, ratio=4.0, softness=(0.0, 0.35), falloff=0.20),
}


def relit(placed: Placed, light: Light, wanted: Relight) -> U8:
    """The placed product under another light, uint8 (H, W, 3); the same array where preset or strength ask for nothing."""
    if wanted.preset == "none" or wanted.strength == 0 or not min(placed.box[2:]):
        return placed.rgb
    window, small, cover = _reduced(placed)
    normal = normals_of(cover, u8_to_linear(small) @ LUMINANCE)
    pattern = np.log(irradiance(normal, cover, light, RIGS[wanted.preset]))
    pattern = masked_blur(pattern, cover, CALM * max(cover.shape))
    pattern -= np.float32((pattern * cover).sum() / max(float(cover.sum()), 1e-6))
    gain = _bounded(pattern * np.float32(GAIN * wanted.strength), small, cover, BUDGET * wanted.strength)
    x, y, w, h = window
    wide = np.exp(cv2.resize(gain, (w, h), interpolation=cv2.INTER_CUBIC))
    result = placed.rgb.copy()
    result[y : y + h, x : x + w] = brightened(result[y : y + h, x : x + w], np.asarray(wide, np.float32))
    return result


def irradiance(normal: F32, cover: F32, light: Light, rig: Rig) -> F32:
    """Light on a surface with normals float32 (h, w, 3), float32 (h, w) above 0: fill, and a key that wraps around with softness.

    Lambert's cosine, softened as (cos + w) / (1 + w).
    """
    key = rigged(light, rig)
    facing, wrap = normal @ towards(key), np.float32(0.2 + 0.7 * key.softness)
    lambert = np.maximum((facing + wrap) / (1 + wrap), 0)
    fill = 1 / key.ratio
    level = fill + (1 - fill) * lambert
    if rig.rim:
        edge = (1 - normal[..., 2]) ** 2
        level = level + rig.rim * edge * (np.float32(0.55) + np.float32(0.45) * np.sign(key.azimuth_deg or -1.0) * normal[..., 0])
    return np.asarray(np.maximum(level * (1 + rig.falloff * _nearness(cover, key)), 0.02), np.float32)


def rigged(light: Light, rig: Rig) -> Light:
    """The set's light as the preset bends it."""
    turn = light.azimuth_deg
    aside = float(np.copysign(max(abs(turn), rig.aside), turn or -1.0))
    soft = float(np.clip(light.softness, *rig.softness))
    changes = {"azimuth_deg": aside, "softness": soft, "ratio": max(light.ratio, rig.ratio)}
    if rig.elevation_deg is not None:
        changes["elevation_deg"] = rig.elevation_deg
    return light.model_copy(update=changes)


def brightened(rgb: U8, gain: F32) -> U8:
    """Levels uint8 (H, W, 3) times a gain float32 (H, W) in linear light, one factor for all channels; gain 1 changes nothing.

    Above 1 the factor fades with the square of the brightest channel: order is kept and nothing reaches beyond 255.
    """
    linear = u8_to_linear(rgb)
    top = linear.max(axis=2)
    factor = gain / (1 + np.maximum(gain - 1, 0) * top * top)
    return quick_u8(linear * factor[..., None])


def drift(before: U8, after: U8, alpha: F32, samples: int = SAMPLES) -> tuple[float, float]:
    """Mean CIEDE2000 inside the product, and the mean turn of hue in degrees where both have a hue: 0 where less than half a
    percent of the product has one; (0, 0) without a product.

    Measured on up to `samples` evenly chosen pixels.
    """
    solid = np.flatnonzero(alpha > 0.98)
    if not solid.size:
        return 0.0, 0.0
    solid = solid[:: -(-solid.size // samples)]
    then, now = (srgb_to_lab(picture.reshape(-1, 3)[solid]) for picture in (before, after))
    first, second = then[:, 1] + 1j * then[:, 2], now[:, 1] + 1j * now[:, 2]
    coloured = np.minimum(abs(first), abs(second)) > CHROMATIC
    turn = np.degrees(np.abs(np.angle(second[coloured] * np.conj(first[coloured]))))
    return float(delta_e_2000(then, now).mean()), float(turn.mean()) if turn.size > HUED * solid.size else 0.0


def _reduced(placed: Placed) -> tuple[Box, U8, F32]:
    """The product's window on the canvas with a little room, and colour and coverage of it at working size."""
    height, width = placed.alpha.shape
    x, y, w, h = window = padded(placed.box, max(2, round(0.02 * max(placed.box[2:]))), (width, height))
    factor = max(1.0, max(w, h) / WORK_PX)
    size = max(2, round(w / factor)), max(2, round(h / factor))
    cover = cv2.resize(placed.alpha[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA)
    rgb = cv2.resize(placed.rgb[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA)
    return window, rgb, np.asarray(cover, np.float32)


def _nearness(cover: F32, key: Light) -> F32:
    """-1 at the side away from the light .. 1 at the lit side, across the picture."""
    height, width = cover.shape
    x, y, _ = towards(key)
    length = max(float(np.hypot(x, y)), 1e-3)
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * np.float32(x / length)
    up = np.linspace(1, -1, height, dtype=np.float32)[:, None] * np.float32(y / length)
    return np.asarray(np.clip(across + up, -1, 1) * np.float32(min(1.0, length * 1.2)), np.float32)


def _bounded(pattern: F32, small: U8, cover: F32, budget: float) -> F32:
    """Logarithm of the gain, scaled so that the product changes by at most `budget` on average."""
    gain = np.clip(pattern, -MOST, MOST)
    for _ in range(4):
        mean, _hue = drift(small, brightened(small, np.exp(gain)), cover, FEW)
        if mean <= budget:
            break
        gain = gain * np.float32(0.98 * budget / mean)
    return np.asarray(gain, np.float32)
