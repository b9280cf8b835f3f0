"""What the studio `callouts` is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from studio.briefs.graphics import Graphics
from studio.briefs.lettering import Lettering
from studio.fields import Fraction
from studio.product import Frozen


class Feature(Frozen):
    """One thing said about the product: an attribute in words. `{value}` stands for what the data says."""

    attribute: Annotated[str, Field(min_length=1)]
    text: Annotated[str, Field(min_length=1, max_length=120)] = "{value}"
    at: tuple[Fraction, Fraction] | None = None
    """The part it is about, as fractions of the product's box; None: see `point`."""
    point: Literal["salient", "data", "none"] = "salient"
    """Where nothing is said by `at`: a part that stands out; the place in the product's attribute `<attribute>_at` ("0.5 0.1", as
    fractions of its box), without which nothing is pointed at; or nothing, for what is true of the whole."""


class CalloutsBrief(Frozen):
    """Features named beside the product, each with a line to a part of it."""

    kind: Literal["callouts"] = "callouts"
    features: Annotated[tuple[Feature, ...], Field(min_length=1, max_length=12)] = (
        Feature(attribute="material"),
        Feature(attribute="colour", point="none"),
    )
    """In order of weight. What the product's data does not have is left out."""
    least: Annotated[int, Field(ge=1, le=12)] = 2
    """Fewer than that and there is no picture."""
    most: Annotated[int, Field(ge=1, le=12)] = 6
    lines: Annotated[int, Field(ge=1, le=4)] = 3
    """Most lines of a label."""
    graphics: Graphics = Graphics()
    lettering: Lettering = Lettering(plain=500)
