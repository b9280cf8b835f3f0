"""From what was read off a reference to fields of a look, bounded; and how alike two readings are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from studio.briefs.lookalike import LookalikeBrief
from studio.grounds import ColourGround, GradientGround, Ground, Material, SurfaceGround
from studio.imaging.colour import hex_to_rgb, srgb_to_lab, u8_to_linear
from studio.imaging.light import shadow_depth, towards
from studio.imaging.reference.palette import hex_of, palette_distances
from studio.reading import Reading
from studio.template import Composition, Light, Preset, Relight, Shadow, Template

FILL = (0.42, 0.80)
"""However small or large the reference's subject: a product has to be seen, and keep its margins."""
BASELINE = (0.45, 0.94)
BEHIND_BASE = 0.06
"""A table's far edge lies at least this far above where the product stands."""
ROUGH, BROWN = 0.03, (20.0, 95.0)
"""Roughness from which a floor has a material, and the hue angles (CIE Lab, degrees) of wood."""
DARK_FLOOR = 40.0
"""L* below which a grey floor is slate."""
SHADOW_LIGHT = 0.10
"""Light of the floor's own colour that is left in its shadow's."""
FAINTEST = 0.6
"""Part of a contact shadow that stays under the flattest light."""
LEAST_ELEVATION, LEAST_ON_SWEEP = 20.0, 45.0
"""A lower light would throw the shadow off every canvas; on a sweep shadows end inside it."""
WARMEST, COOLEST = 4000.0, 7500.0
"""Bounds of the light's colour in K: the set is graded to the reference's whatever it is, and products follow no further."""


def narrowed(template: Template, brief: LookalikeBrief, reading: Reading) -> Template:
    """The look with what the brief follows taken from the reading; everything else as it was."""
    light = _light(template.light, brief, reading)
    changes: dict[str, Any] = {"light": light, "composition": _composition(template.composition, brief, reading)}
    ground = _ground(template.background, brief, reading)
    if isinstance(ground, SurfaceGround) and "horizon" in brief.follow:
        ground = _horizon(ground, changes["composition"], reading)
    changes["shadow"] = _shadow(template.shadow, brief, reading)
    changes["background"] = ground
    if template.relight.preset != "none":
        changes["relight"] = Relight(preset=preset_for(light), strength=template.relight.strength)
    return template.model_copy(update=changes)


def preset_for(light: Light) -> Preset:
    """The relighting that comes nearest to a light."""
    aside = abs(light.azimuth_deg)
    if light.elevation_deg > 65:
        return "top"
    if aside > 130:
        return "rim"
    if aside >= 45:
        return "golden-hour" if light.elevation_deg < 20 and light.temperature_k < 4200 else "window"
    return "softbox"


def words(reading: Reading) -> tuple[str, ...]:
    """What a generator is told beside being shown the reference."""
    light = reading.light
    side = "behind" if abs(light.azimuth_deg) > 120 else "the left" if light.azimuth_deg < -20 else "the right"
    side = "the front" if abs(light.azimuth_deg) <= 20 else side
    warmth = "warm" if light.temperature_k < 4400 else "cool" if light.temperature_k > 6300 else "neutral"
    tone = "low-key" if reading.key < 40 else "high-key" if reading.key > 80 else "mid-key"
    return (f"{'soft' if light.softness > 0.5 else 'hard'} {warmth} light from {side}", tone)


def shadow_colour(reading: Reading) -> str:
    """The floor's colour, nearly without light."""
    floor = reading.floor or reading.wall
    return hex_of(np.asarray(u8_to_linear(_levels(floor.colour)) * np.float32(SHADOW_LIGHT), np.float32))


def material_of(reading: Reading) -> Material:
    """What the floor may be made of, by its roughness and colour; `paper` where it is smooth."""
    floor = reading.floor or reading.wall
    if floor.texture < ROUGH:
        return "paper"
    level, a, b = (float(value) for value in srgb_to_lab(_levels(floor.colour)))
    hue = math.degrees(math.atan2(b, a)) % 360
    if math.hypot(a, b) > 12 and BROWN[0] <= hue <= BROWN[1]:
        return "wood"
    return "slate" if level < DARK_FLOOR else "concrete"


def scores(wanted: Reading, got: Reading) -> dict[str, float]:
    """How alike two pictures are, 0..1 an aspect, 1 for equal. Zero is: main colours 25 dE00 apart in the mean; lights 90
    degrees apart (less counts where the reference's light is too flat to throw shadows); one hard, one soft; half the range of L*
    apart in key, contrast and chroma; a horizon a quarter of the height away, or one picture without; a subject half a canvas
    away in size and place; another kind of ground."""
    one, other = palette_distances(wanted.palette, got.palette), palette_distances(got.palette, wanted.palette)
    apart = math.degrees(math.acos(float(np.clip(towards(wanted.light) @ towards(got.light), -1, 1))))
    tones = (abs(wanted.key - got.key), abs(wanted.contrast - got.contrast), abs(wanted.chroma - got.chroma))
    found = {
        "match_palette": 1 - (_mean(one) + _mean(other)) / 2 / 25,
        "match_light": 1 - apart / 90 * min(1.0, shadow_depth(wanted.light)),
        "match_softness": 1 - abs(wanted.light.softness - got.light.softness),
        "match_contrast": 1 - _mean(tones) / 50,
        "match_horizon": _same_height(wanted.horizon, got.horizon),
        "match_box": _same_box(wanted.box, got.box),
        "match_background": 1.0 if wanted.kind == got.kind else 0.5 if {wanted.kind, got.kind} in NEAR_KINDS else 0.0,
    }
    return {name: float(np.clip(value, 0, 1)) for name, value in found.items()}


NEAR_KINDS = ({"plain", "gradient"}, {"surface", "scene"})


def _light(light: Light, brief: LookalikeBrief, reading: Reading) -> Light:
    read, changes = reading.light, dict[str, float]()
    least = LEAST_ELEVATION if reading.kind in {"surface", "scene"} else LEAST_ON_SWEEP
    if "light" in brief.follow:
        changes |= {"azimuth_deg": read.azimuth_deg, "elevation_deg": max(read.elevation_deg, least)}
    if "softness" in brief.follow:
        changes |= {"softness": read.softness}
    if "contrast" in brief.follow:
        changes |= {"ratio": read.ratio, "temperature_k": float(np.clip(read.temperature_k, WARMEST, COOLEST))}
    return light.model_copy(update=changes)


def _shadow(shadow: Shadow, brief: LookalikeBrief, reading: Reading) -> Shadow:
    """In the floor's colour, and with a fainter contact where the reference's shadows are faint; the light does the rest."""
    changes: dict[str, Any] = {"colour": shadow_colour(reading)} if "palette" in brief.follow else {}
    if "softness" in brief.follow:
        changes["contact"] = shadow.contact * (FAINTEST + (1 - FAINTEST) * min(1.0, shadow_depth(reading.light)))
    return shadow.model_copy(update=changes)


def _composition(rules: Composition, brief: LookalikeBrief, reading: Reading) -> Composition:
    if "box" not in brief.follow or reading.box is None:
        return rules
    x, y, w, h = reading.box
    baseline = float(np.clip(y + h, *BASELINE))
    fill = min(float(np.clip(max(w, h), *FILL)), max(baseline - rules.margins.top, FILL[0]))
    update = {"fill": fill, "baseline": baseline, "focal_point": (x + w / 2, baseline - fill / 2)}
    return rules.model_copy(update=update)


def _ground(ground: Ground, brief: LookalikeBrief, reading: Reading) -> Ground:
    """The reference's kind of ground in its colours; what the brief does not follow stays."""
    colours = "palette" in brief.follow
    kind = reading.kind if "background" in brief.follow else _kind_of(ground)
    wall, floor = reading.wall, reading.floor or reading.wall
    if kind == "plain":
        own = ground.colour if isinstance(ground, ColourGround) else wall.colour
        return ColourGround(kind="colour", colour=wall.colour if colours else own)
    if kind == "gradient":
        was = ground if isinstance(ground, GradientGround) else None
        top, bottom = _ends(reading) if colours or was is None else (was.top, was.bottom)
        return GradientGround(kind="gradient", top=top, bottom=bottom, vignette=was.vignette if was else 0.1)
    table = ground if isinstance(ground, SurfaceGround) else None
    chosen = material_of(reading) if brief.material == "auto" else brief.material
    material = chosen if brief.material != "auto" or "background" in brief.follow or table is None else table.material
    base = table or SurfaceGround(kind="surface", material=material)
    update: dict[str, Any] = {"material": material} | ({"wall": wall.colour, "tint": floor.colour} if colours else {})
    return base.model_copy(update=update)


def _horizon(ground: SurfaceGround, rules: Composition, reading: Reading) -> SurfaceGround:
    highest = (rules.baseline if rules.baseline is not None else 1.0) - BEHIND_BASE
    wanted = ground.horizon if reading.horizon is None else reading.horizon
    return ground.model_copy(update={"horizon": min(wanted, highest)})


def _ends(reading: Reading) -> tuple[str, str]:
    """Colours of a sweep's far and near end, from its mean and its slope."""
    mean, half = u8_to_linear(_levels(reading.wall.colour)), np.float32(np.clip(reading.wall.down, -1.2, 1.2) / 2)
    return hex_of(np.asarray(mean * np.exp(-half), np.float32)), hex_of(np.asarray(mean * np.exp(half), np.float32))


def _kind_of(ground: Ground) -> str:
    return {"colour": "plain", "gradient": "gradient", "white": "plain"}.get(ground.kind, "surface")


def _levels(colour: str) -> Any:
    return np.array(hex_to_rgb(colour), np.uint8)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _same_height(one: float | None, other: float | None) -> float:
    if one is None or other is None:
        return float(one is None and other is None)
    return 1 - abs(one - other) / 0.25


def _same_box(one: tuple[float, ...] | None, other: tuple[float, ...] | None) -> float:
    """By size (its larger side), by where it stands and by its middle; shapes differ as products do."""
    if one is None or other is None:
        return float(one is None and other is None)
    size = abs(max(one[2:]) - max(other[2:]))
    foot = abs(one[1] + one[3] - other[1] - other[3])
    middle = abs(one[0] + one[2] / 2 - other[0] - other[2] / 2)
    return 1 - _mean((size, foot, middle)) / 0.5
