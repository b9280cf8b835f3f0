"""What the studio `dimensions` is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from studio.briefs.graphics import Graphics
from studio.briefs.lettering import Lettering
from studio.lengths import Mark, Unit
from studio.product import Frozen

Side = Literal["width", "height", "depth"]


class DimensionsBrief(Frozen):
    """A drawing with measures around the product: numbers are the product's own, lines end at its real edges."""

    kind: Literal["dimensions"] = "dimensions"
    sides: Annotated[tuple[Side, ...], Field(min_length=1)] = ("width", "height", "depth")
    """Measures that are shown where the product's data has them."""
    required: tuple[Side, ...] = ("width", "height")
    """Measures without which there is no drawing."""
    units: Annotated[tuple[Unit, ...], Field(min_length=1, max_length=2)] = ("cm",)
    decimal: Mark = "."
    words: dict[Side, str] = Field(default_factory=dict)
    """Words before the numbers, e.g. {depth: Tiefe}; the depth, which the photo does not show, always has one."""
    graphics: Graphics = Graphics()
    lettering: Lettering = Lettering(plain=500)
