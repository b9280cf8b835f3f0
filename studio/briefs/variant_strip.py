"""What the studio `variant-strip` is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from studio.briefs.graphics import Graphics
from studio.briefs.lettering import Lettering
from studio.fields import Fraction, HexColour
from studio.product import Frozen


class VariantStripBrief(Frozen):
    """A product in all its colours, side by side at one scale."""

    kind: Literal["variant-strip"] = "variant-strip"
    source: Literal["variants", "swatches"] = "variants"
    """`variants`: photos of the product's variants. `swatches`: this product's photo in the colours of its swatches."""
    recolour_from: HexColour | None = None
    """`swatches`: the colour that is replaced; None: the product's first swatch, which is the photographed one."""
    label: str = "{colour}"
    """Words below each, from attributes of the variant or the swatch's name; empty: none."""
    least: Annotated[int, Field(ge=2, le=12)] = 2
    most: Annotated[int, Field(ge=2, le=12)] = 8
    gap: Fraction = 0.05
    """Room between two, as a share of the canvas's shorter side."""
    graphics: Graphics = Graphics()
    lettering: Lettering = Lettering(plain=500)
