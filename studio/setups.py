"""Setups: which pictures a template makes of a product, from which photos, under which names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Protocol

from pydantic import Field

from studio.errors import MissingInput
from studio.fields import Slug
from studio.product import Frozen, Product, ProductImage
from studio.selection import has_attributes
from studio.template import Template


class Setup(Frozen):
    """One picture to make of a product, before its destinations are known."""

    slot: str
    images: Annotated[tuple[ProductImage, ...], Field(min_length=1)]
    """`images[0]` is the photo it is made from, the others are what the studio needs beside it."""
    companions: tuple[Product, ...] = ()
    """Further products in the picture, each with just the photos that are used of it."""
    template: Template | None = None
    """The look of this picture, where it is not the one that was asked for."""
    outputs: tuple[Slug, ...] = ()
    """Destinations of this picture; none named: its look's."""

    @property
    def photos(self) -> tuple[ProductImage, ...]:
        """Every photo that is opened for it."""
        return (*self.images, *(image for other in self.companions for image in other.images))

    def with_photos(self, found: Callable[[ProductImage], ProductImage]) -> Setup:
        """The same with another record of every photo, one that says its digest."""
        others = tuple(other.model_copy(update={"images": tuple(map(found, other.images))}) for other in self.companions)
        return self.model_copy(update={"images": tuple(map(found, self.images)), "companions": others})


class Family(Protocol):
    """What a studio may look up while it arranges its setups."""

    def product(self, sku: str) -> Product:
        """By SKU. Raises NotFound."""
        ...

    def variants(self, of: str) -> Sequence[Product]:
        """Products that say they are variants of `of`, in the catalogue's order."""
        ...

    def template(self, name: str, product: Product) -> Template:
        """A look by name, under the rules of the product's brand. Raises UnknownTemplate."""
        ...


Arrange = Callable[[Product, Template, Sequence[ProductImage], Family], Sequence[Setup]]
"""From a product, a look, the photos that fit it (`fitting`, at least one) and its family to its setups. Raises MissingInput."""


def each_photo(product: Product, template: Template, photos: Sequence[ProductImage], family: Family) -> list[Setup]:
    """A picture of every photo."""
    return [Setup(slot=slot, images=(image,)) for image, slot in zip(photos, slots(photos), strict=True)]


def fitting(product: Product, template: Template, *, named: bool = False) -> list[ProductImage]:
    """The photos of the template's roles, in order; none when the product has another category or not its attributes.

    `named`: somebody, or a rule, gave this product this template, so that only the photos matter.
    """
    wanted = template.applies_to
    if not named:
        if wanted.categories and not any(product.category.lower().startswith(c.lower()) for c in wanted.categories):
            return []
        if not has_attributes(product, wanted.attributes):
            return []
    return [image for image in product.images if image.role in wanted.roles]


def taken(product: Product, template: Template) -> ProductImage:
    """The product's first photo, for one that came without a role: a studio takes it for what it is made from."""
    first = product.images[0]
    return first if template.brief is None else first.model_copy(update={"role": template.applies_to.roles[0]})


def nothing_to_make(product: Product, template: Template) -> MissingInput:
    """The error for one named product that a studio arranges nothing for."""
    return MissingInput(
        f"{product.sku}: template {template.key} makes nothing of it; a group wants `bundle`, a set of variants `variant_of`"
    )


def slots(images: Iterable[ProductImage]) -> tuple[str, ...]:
    """A name for each photo: its role, with a number from the second of the same role on (front, front-2, back)."""
    seen: Counter[str] = Counter()
    names = []
    for image in images:
        seen[image.role] += 1
        names.append(str(image.role) if seen[image.role] == 1 else f"{image.role}-{seen[image.role]}")
    return tuple(names)
