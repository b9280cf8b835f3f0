"""What the studio `ghost-mannequin` is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from studio.fields import Fraction, HexColour
from studio.product import Frozen


class LiningRules(Frozen):
    """How the photo of the inside is laid into the neck. Lengths are shares of the neck's width, corner to corner."""

    drop: Annotated[float, Field(ge=0, le=1)] | None = None
    """How far the middle of the back neckline lies below its corners, as the front photo would see it; None: as the inside photo
    shows it, at least the usual 0.15."""
    stretch: Annotated[float, Field(ge=0.5, le=2)] | None = None
    """Height of the lining against its width: above 1 where the inside was photographed from above; None: from the drop."""
    depth: Fraction = 0.15
    """How much darker the deepest part of the lining is than its back neckline, at least; a photo that shows it is left alone."""
    contact: Fraction = 0.2
    """Strength of the soft shade that the neckline throws on the lining."""


class GhostMannequinBrief(Frozen):
    """A garment without the mannequin that wore it."""

    kind: Literal["ghost-mannequin"] = "ghost-mannequin"
    inside: Literal["required", "optional"] = "required"
    """`optional`: without a photo of the inside the neck stays open; nothing is invented."""
    mannequin: HexColour | Literal["clear"] | None = None
    """The mannequin's colour, for photos that show neither its neck nor its head; None: learnt from the photo. `clear`: the
    inside is seen through it, and the photo of the inside tells what that looks like."""
    lining: LiningRules = LiningRules()
    volume: Fraction = 0.25
    """Inner shade along the openings through which the mannequin left: sleeves and hem."""
