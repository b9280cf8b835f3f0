"""`Reading`: what was read off a picture so that another can be made to look like it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from studio.fields import Fraction, HexColour
from studio.product import Frozen
from studio.template import Light

BackgroundKind = Literal["plain", "gradient", "surface", "scene"]


class Tone(Frozen):
    """A main colour and its share of the picture."""

    colour: HexColour
    share: Fraction


class Part(Frozen):
    """A part of the set (wall, floor): its mean colour, how the logarithm of its light rises to the right and downwards over the
    whole canvas, and how rough it looks (deviation of the logarithm of luminance within a hundredth of the picture)."""

    colour: HexColour
    across: float = 0.0
    down: float = 0.0
    texture: float = 0.0


class Reading(Frozen):
    """One picture as an art director would describe it. Places are fractions of its width and height."""

    palette: Annotated[tuple[Tone, ...], Field(min_length=1)]
    """Main colours, the most frequent first."""
    light: Light
    certainty: Fraction
    """How much shading there was to tell the light's direction from: 0 none, so that `light` is the usual one."""
    key: float
    """Median L* of the set, 0..100."""
    contrast: float
    """L* of the set's brightest twentieth less that of its darkest."""
    chroma: float
    """Mean CIE chroma of the set."""
    kind: BackgroundKind
    horizon: Fraction | None = None
    """Height of the table's far edge, where one is seen."""
    box: tuple[float, float, float, float] | None = None
    """x, y, width, height of the subject; None where nothing stands out."""
    wall: Part
    floor: Part | None = None
    """What lies below the horizon."""
