"""`Graphics`: how lines and words are drawn on a picture."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from studio.fields import HexColour
from studio.product import Frozen


class Graphics(Frozen):
    """Sizes are fractions of the canvas's shorter side."""

    colour: HexColour = "#2b2d31"
    """Lines and words; where it cannot be read (below 4.5 : 1), `light` is tried."""
    light: HexColour = "#ffffff"
    accent: HexColour = "#8a8d93"
    """Lines that only lead somewhere."""
    text: Annotated[float, Field(ge=0.012, le=0.12)] = 0.034
    """Size of the letters."""
    least: Annotated[float, Field(ge=0.012, le=0.12)] = 0.024
    """Size below which words are not written: too long ones are an error."""
    line: Annotated[float, Field(ge=0.0005, le=0.02)] = 0.0022
    """Thickness of lines."""
    gap: Annotated[float, Field(ge=0.0, le=0.2)] = 0.03
    """Room between product and drawing."""
