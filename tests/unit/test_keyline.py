"""A key line gives the keys that the recipe gives, also for looks whose steps read the product."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.models.registry import Registry
from studio.product import Product, ProductImage, Swatch
from studio.recipes.base import KeyLine, Look
from studio.recipes.catalogue import NAMES, recipe
from studio.shot import Shot
from studio.template import Prompt, Scene, Template
from templates.library import Library
from tests import shipped


def shot(template: Template, library: Library, sku: str, material: str) -> Shot:
    images = tuple(ProductImage(uri=f"{role}.jpg", role=role, digest=sku * 8) for role in ("front", "on-model"))
    told = {"material": material, "price": "10", "currency": "EUR", "feature_1": "One", "feature_2": "Two", "feature_3": "Three"}
    product = Product(
        sku=sku, title="A thing", category="Bags", attributes=told, images=images, swatches=(Swatch(name="Red", hex="#aa2020"),)
    )
    return Shot(product=product, template=template, destination=library.destination(template.outputs[0]), images=images)


PLAIN = {"photography", "cutout"}
"""Recipes without a brief: any look without one may be made by them."""


@pytest.mark.parametrize("name", sorted({*NAMES} - {"listing-set"}))
def test_every_template_has_the_recipes_own_keys(tmp_path: Path, name: str) -> None:
    library, cards = shipped.library(), Registry(tmp_path).card
    looks = [look for look in library.templates() if (look.brief is None if name in PLAIN else look.recipe == name)]
    assert looks
    for template in looks:
        look = template.model_copy(update={"recipe": name})
        line = KeyLine(recipe(name), Look(look, library.destination(look.outputs[0])), cards)
        shots = [shot(look, library, sku, material) for sku, material in (("a", "oak"), ("b", "oak"), ("b", "steel"))]
        assert [line.key(s) for s in shots] == [recipe(name).key(s, cards) for s in shots]


def test_attributes_that_a_look_reads_stay_in_the_key(tmp_path: Path) -> None:
    library, cards = shipped.library(), Registry(tmp_path).card
    plain = library.template("lifestyle-wood")
    update = {"scene": Scene(engine="diffusers", model="sdxl", mode="inpaint"), "prompt": Prompt(attributes=("material",))}
    look = plain.model_copy(update=update)
    line = KeyLine(recipe(look.recipe), Look(look, library.destination(look.outputs[0])), cards)
    oak, steel = (shot(look, library, "a", material) for material in ("oak", "steel"))
    assert line.key(oak) == recipe(look.recipe).key(oak, cards)
    assert line.key(oak) != line.key(steel)
