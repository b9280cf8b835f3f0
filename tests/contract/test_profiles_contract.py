"""Whatever a packaged look may ask a model, every packaged profile has a deployment for it: a night and the service can make it."""

from __future__ import annotations

import pytest

from cluster.profile import FOLDER, load_profile
from studio.models.registry import ROWS
from studio.product import Product, ProductImage, Swatch
from studio.recipes.catalogue import recipe
from studio.shot import Shot
from studio.template import Template
from tests import shipped

LIBRARY = shipped.library()
LOOKS = [template for template in LIBRARY.templates() if recipe(template.recipe).steps]
PROFILES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def asked(template: Template) -> set[str]:
    """Models that the look's steps may call, but for generators, which are the user's."""
    images = tuple(ProductImage(uri=f"{role}.jpg", role=role, digest="ab" * 32) for role in ("front", "on-model"))
    told = {"price": "10", "currency": "EUR", "feature_1": "One", "feature_2": "Two", "feature_3": "Three"}
    product = Product(sku="a", title="A thing", attributes=told, images=images, swatches=(Swatch(hex="#aa2020"),))
    place = LIBRARY.destination(template.outputs[0])
    shot = Shot(product=product, template=template.at(place), destination=place, images=images)
    names = {name for used in recipe(template.recipe).models(shot).values() for name in used}
    return {name for name in names if ROWS[name].card.task != "generation"}


@pytest.mark.parametrize("name", PROFILES)
def test_every_model_of_every_look_has_a_deployment(name: str) -> None:
    models = load_profile(name).models
    missing = {template.id: sorted(asked(template) - set(models)) for template in LOOKS if asked(template) - set(models)}
    assert missing == {}
