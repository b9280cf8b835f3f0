"""What the studio `listing-set` is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from studio.fields import Slug
from studio.product import Frozen, ImageRole


class Frame(Frozen):
    """One place of the set, which may hold several pictures (details, frames of a spin)."""

    name: Slug
    """Short name in file names and reports, e.g. `main`, `dimensions`."""
    template: Slug
    """The look, by id."""
    roles: tuple[ImageRole, ...] = ()
    """Photos it is made from; none named: the look's own roles."""
    output: Slug | None = None
    """Destination; none named: the look's own."""
    optional: bool = False
    """Left out where the product lacks what it takes; the report says so. Else that is an error."""
    most: Annotated[int, Field(ge=1, le=99)] = 1
    """Pictures it may bring, in order."""


class ListingSetBrief(Frozen):
    """The pictures of a product page, in order."""

    kind: Literal["listing-set"] = "listing-set"
    frames: Annotated[tuple[Frame, ...], Field(min_length=1, max_length=60)] = (Frame(name="main", template="amazon-white"),)
    language: str = "en"
    """Of the alt texts."""

    @model_validator(mode="after")
    def _names_differ(self) -> ListingSetBrief:
        names = [frame.name for frame in self.frames]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"frames: {', '.join(twice)} is there twice")
        return self
