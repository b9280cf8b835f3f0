"""The studio `listing-set`: the pictures of a product page, in order, each made by the studio that it needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from studio.briefs.listing_set import Frame, ListingSetBrief
from studio.errors import MissingInput, NotFound, TemplateError
from studio.product import Product, ProductImage
from studio.recipes.base import Recipe
from studio.setups import Family, Setup, fitting
from studio.template import Template


@dataclass(slots=True)
class Expansion:
    """What a set comes to for a product: pictures with their frames, and the reasons why frames were left out, by name."""

    pictures: list[tuple[Frame, Setup]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def build() -> Recipe:
    """No steps of its own: every picture has another look, and that look's recipe."""
    return Recipe("listing-set", (), setups, steady=False)


def setups(product: Product, template: Template, photos: Sequence[ProductImage], family: Family) -> list[Setup]:
    """The pictures, as slots `01-main`, `04-detail-2`. Raises MissingInput for a frame that is not optional."""
    return [setup for _, setup in expanded(product, template, family).pictures]


def expanded(product: Product, template: Template, family: Family) -> Expansion:
    """Every frame's pictures, at most as many as it may bring. Raises MissingInput, UnknownTemplate and TemplateError."""
    if not isinstance(template.brief, ListingSetBrief):
        raise TemplateError(f"{template.key}: a listing set needs a brief of the kind listing-set")
    found = Expansion()
    for place, frame in enumerate(template.brief.frames, start=1):
        try:
            made = _of_frame(product, frame, family)
        except (MissingInput, NotFound) as error:
            if not frame.optional:
                raise
            found.left_out[frame.name] = error.message
            continue
        taken: set[str] = set()
        for setup in made[: frame.most]:
            slot = _slot(place, frame, setup, taken, alone=min(len(made), frame.most) == 1)
            taken.add(slot)
            found.pictures.append((frame, setup.model_copy(update={"slot": slot})))
    return found


def _of_frame(product: Product, frame: Frame, family: Family) -> list[Setup]:
    from studio.recipes.catalogue import recipe

    look = family.template(frame.template, product)
    if isinstance(look.brief, ListingSetBrief):
        raise TemplateError(f"frame {frame.name}: {frame.template} is a listing set itself")
    roles = frame.roles or look.applies_to.roles
    photos = [image for image in product.images if image.role in roles] if frame.roles else fitting(product, look, named=True)
    if not photos:
        raise MissingInput(f"{product.sku}: {frame.name}: there is no photo with the role {' or '.join(roles)}: supply one")
    made = recipe(look.recipe).setups(product, look, photos, family)
    outputs = (frame.output,) if frame.output else None
    return [
        setup.model_copy(update={"template": setup.template or look, "outputs": outputs or setup.outputs or look.outputs[:1]})
        for setup in made
    ]


def _slot(place: int, frame: Frame, setup: Setup, taken: set[str], *, alone: bool) -> str:
    """`04-detail-2`: the frame's place, its name and, where it has several, the number that the look gave the picture."""
    number = re.search(r"-(\d+)$", setup.slot)
    count = f"-{number[1]}" if number and not (alone and number[1] == "1") else "" if alone else "-1"
    for photo in ("", *(f"-{letter}" for letter in "bcdefghijklmnopqrstuvwxyz")):
        slot = f"{place:02}-{frame.name}{photo}{count}"
        if slot not in taken:
            return slot
    raise TemplateError(f"frame {frame.name} has too many pictures of the same number")
