"""The shot list: what a template makes of a product, for both ways in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from studio.destination import Destination
from studio.errors import NotFound
from studio.product import Product, ProductImage
from studio.recipes.catalogue import recipe
from studio.setups import Setup
from studio.shot import Shot
from studio.template import Template
from templates.library import Library


class Relatives(Protocol):
    """Where other products are found."""

    def product(self, sku: str) -> Product:
        """By SKU. Raises NotFound."""
        ...

    def variants(self, of: str) -> Sequence[Product]:
        """Products that say they are variants of `of`, in the catalogue's order."""
        ...


class NoRelatives:
    """A product on its own."""

    def product(self, sku: str) -> Product:
        """Raises NotFound."""
        raise NotFound(f"no product with SKU {sku!r}: there is no catalogue here")

    def variants(self, of: str) -> Sequence[Product]:
        """None."""
        return ()


@dataclass(frozen=True, slots=True)
class ShotList:
    """Works out setups and shots with a library's looks and destinations, and other products from `relatives`."""

    library: Library
    relatives: Relatives

    def setups(self, product: Product, template: Template, photos: Sequence[ProductImage]) -> Sequence[Setup]:
        """The pictures that a look makes of a product's fitting photos; none without one. Raises MissingInput and NotFound."""
        return recipe(template.recipe).setups(product, template, photos, self) if photos else ()

    def shots(self, product: Product, template: Template, setup: Setup) -> Iterator[Shot]:
        """One shot for each destination of a setup, whose photos' digests are known."""
        for place, look in self.places(setup.template or template, setup.outputs):
            yield shot_of(product, look, place, setup)

    def places(self, template: Template, outputs: Sequence[str] = ()) -> list[tuple[Destination, Template]]:
        """Destinations (the look's own unless some are named), each with the look as it is there."""
        places = [self.library.destination(output) for output in outputs or template.outputs]
        return [(place, template.at(place)) for place in places]

    def product(self, sku: str) -> Product:
        """Another product. Raises NotFound."""
        return self.relatives.product(sku)

    def variants(self, of: str) -> Sequence[Product]:
        """Variants of something."""
        return self.relatives.variants(of)

    def template(self, name: str, product: Product) -> Template:
        """A look under the rules of the product's brand. Raises UnknownTemplate."""
        return self.library.for_product(self.library.template(name), product)


def shot_of(product: Product, look: Template, place: Destination, setup: Setup) -> Shot:
    """A setup at a destination; `look` is the look as it is there."""
    return Shot.of(product, look, place, setup.images, slot=setup.slot, companions=setup.companions)
