"""What the studio `group-shot` is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from studio.fields import Fraction
from studio.product import Frozen

Layout = Literal["row", "arc", "pyramid", "grid", "hero"]
Order = Literal["catalogue", "ascending", "descending", "tallest-centre"]


class GroupShotBrief(Frozen):
    """Several products in one picture, at true scale to each other."""

    kind: Literal["group-shot"] = "group-shot"
    members: Literal["bundle", "variants"] = "bundle"
    """`bundle`: the product and what is sold with it. `variants`: the product and its variants; every layout but `hero` makes one
    picture of the whole set, `hero` one for each of them."""
    layout: Layout = "row"
    """`row`: side by side on one line. `arc`: the same on a bow that opens to the camera. `pyramid`: the tallest in the middle at
    the back, the others before it to both sides. `grid`: rows behind each other, nothing hidden. `hero`: the product in front,
    the others in a row behind it."""
    order: Order = "catalogue"
    """From left to right by height, for `row` and `arc`; the other layouts have an order of their own."""
    spacing: Annotated[float, Field(ge=0, le=2)] = 0.18
    """Room between neighbours, as part of the median width."""
    overlap: Annotated[float, Field(ge=0, le=0.5)] = 0.2
    """Part of a product's box that others may hide in `pyramid` and `hero`; the other layouts hide nothing."""
    bow: Fraction = 0.25
    """How far the middle of an `arc` stands back, as part of its width."""
    columns: Annotated[int, Field(ge=1, le=12)] | None = None
    """Of a `grid`; None: as many as fill the canvas best."""
    most: Annotated[int, Field(ge=2, le=16)] = 12
    """Products in one picture; more are an error."""
