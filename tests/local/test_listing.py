"""Drawings on real cut-outs with the fetched networks and fonts: numbers can be read, and what would lie is held back."""

from __future__ import annotations

import pytest

from benchmarks.studios.listing_set import WEIGHTS, made, products, read_back
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.product import Dimensions
from studio.qa import policy
from templates.library import Library

LIBRARY = Library.default()


@pytest.fixture(scope="module")
def models() -> LocalModels:
    return LocalModels(Registry(WEIGHTS))


def test_ocr_reads_the_measures_back(models: LocalModels) -> None:
    take = made(products()["FJ-CAN-01"], "listing-dimensions", models, LIBRARY)
    found, drawn = read_back(take, models)
    assert found == drawn == 3
    assert policy.decide(take.measurements, policy.limits(take.shot.template, take.shot.destination)).released


def test_a_cap_beside_the_product_holds_its_measures_back(models: LocalModels) -> None:
    bare = Dimensions(width_mm=20, height_mm=73, depth_mm=20)
    product = products()["NL-LIP-RSW"].model_copy(update={"dimensions": bare})
    take = made(product, "listing-dimensions", models, LIBRARY)
    verdict = policy.decide(take.measurements, policy.limits(take.shot.template, take.shot.destination))
    assert "proportion_error" in {failure.name for failure in verdict.failures}
