"""A key line gives the keys that the recipe gives, also for looks whose steps read the product."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.models.registry import Registry
from studio.product import Product, ProductImage
from studio.recipes.base import KeyLine, Look
from studio.recipes.catalogue import NAMES, recipe
from studio.shot import Shot
from studio.template import Prompt, Scene, Template
from templates.library import Library


def shot(template: Template, library: Library, sku: str, material: str) -> Shot:
    image = ProductImage(uri="photo.jpg", digest=sku * 8)
    product = Product(sku=sku, attributes={"material": material}, images=(image,))
    return Shot(product=product, template=template, destination=library.destination(template.outputs[0]), images=(image,))


@pytest.mark.parametrize("name", NAMES)
def test_every_template_has_the_recipes_own_keys(tmp_path: Path, name: str) -> None:
    library, cards = Library.default(), Registry(tmp_path).card
    for template in library.templates():
        look = template.model_copy(update={"recipe": name})
        line = KeyLine(recipe(name), Look(look, library.destination(look.outputs[0])), cards)
        shots = [shot(look, library, sku, material) for sku, material in (("a", "oak"), ("b", "oak"), ("b", "steel"))]
        assert [line.key(s) for s in shots] == [recipe(name).key(s, cards) for s in shots]


def test_attributes_that_a_look_reads_stay_in_the_key(tmp_path: Path) -> None:
    library, cards = Library.default(), Registry(tmp_path).card
    plain = library.template("lifestyle-wood")
    update = {"scene": Scene(engine="diffusers", model="sdxl", mode="inpaint"), "prompt": Prompt(attributes=("material",))}
    look = plain.model_copy(update=update)
    line = KeyLine(recipe(look.recipe), Look(look, library.destination(look.outputs[0])), cards)
    oak, steel = (shot(look, library, "a", material) for material in ("oak", "steel"))
    assert line.key(oak) == recipe(look.recipe).key(oak, cards)
    assert line.key(oak) != line.key(steel)
