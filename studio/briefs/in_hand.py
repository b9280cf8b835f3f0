"""What the studio `in-hand` is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from studio.briefs.graphics import Graphics
from studio.briefs.lettering import Lettering
from studio.fields import Fraction, HexColour
from studio.lengths import Mark, Unit
from studio.product import Frozen

Figure = Literal["auto", "coin", "card", "hand", "a4", "person"]


class InHandBrief(Frozen):
    """A product beside something everybody knows the size of, drawn at exactly the same scale."""

    kind: Literal["in-hand"] = "in-hand"
    figure: Figure = "auto"
    """`auto`: the one that says most about a product of its size."""
    side: Literal["left", "right"] = "right"
    gap: Fraction = 0.06
    """Room between the two, as a share of the canvas's shorter side."""
    colour: HexColour = "#dcd8d2"
    outline: HexColour = "#a39e96"
    units: Annotated[tuple[Unit, ...], Field(min_length=1, max_length=2)] = ("cm",)
    decimal: Mark = "."
    words: dict[Figure, str] = Field(default_factory=dict)
    """Names of the figures in another language."""
    label: bool = True
    """Whether figure and product are named with their sizes."""
    graphics: Graphics = Graphics()
    lettering: Lettering = Lettering(plain=500)
