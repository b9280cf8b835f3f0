"""What a product may stand on: the grounds a template can name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from studio.fields import Fraction, HexColour
from studio.product import Frozen


class WhiteGround(Frozen):
    """Pure white, 255 in every channel."""

    kind: Literal["white"]


class ColourGround(Frozen):
    """One flat colour."""

    kind: Literal["colour"]
    colour: HexColour


class GradientGround(Frozen):
    """A studio sweep: lighter where the light falls, darker towards the corners."""

    kind: Literal["gradient"]
    top: HexColour
    bottom: HexColour
    vignette: Fraction = 0.1


class TransparentGround(Frozen):
    """No ground: the alpha channel is delivered."""

    kind: Literal["transparent"]


class ImageGround(Frozen):
    """A picture, scaled to cover the canvas. The library fills `digest`, the BLAKE3 of its bytes."""

    kind: Literal["image"]
    path: str
    digest: str = ""
    blur: Fraction = 0.0
    """Depth of field: 0 sharp, 1 softest."""


Material = Literal["wood", "marble", "linen", "concrete", "paper", "slate", "tile", "terrazzo", "sand", "metal"]


class SurfaceGround(Frozen):
    """A procedural table top before a wall."""

    kind: Literal["surface"]
    material: Material
    wall: HexColour = "#e9e4dc"
    tint: HexColour | None = None
    horizon: Fraction = 0.62
    """Height of the table's far edge: 0 top of the canvas, 1 bottom."""
    blur: Fraction = 0.3
    """Depth of field: how soft the far parts of the set are."""


Ground = Annotated[
    WhiteGround | ColourGround | GradientGround | TransparentGround | ImageGround | SurfaceGround,
    Field(discriminator="kind"),
]
