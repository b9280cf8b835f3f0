"""Every query of ours against Shopify's published schema: valid, nothing deprecated, within the limits of cost and bulk."""

from __future__ import annotations

import pytest

from connectors.vendors.shopify import queries
from tests.doubles.shopify_schema import (
    MAX_COST,
    SCHEMA_FILE,
    bulk_complaints,
    complaints,
    cost,
    deprecated_values,
    official,
    parsed,
)

pytestmark = pytest.mark.skipif(not SCHEMA_FILE.is_file(), reason="the published schema is not beside this checkout")


@pytest.mark.parametrize("query", queries.OPERATIONS, ids=lambda query: query.split("(")[0].split()[1])
def test_every_query_is_valid_and_uses_nothing_deprecated(query: str) -> None:
    assert complaints(official(), parsed(query)) == []
    assert cost(official(), parsed(query)) <= MAX_COST


@pytest.mark.parametrize("keys", [(), ("custom.width", "custom.height")])
def test_the_bulk_query_is_within_what_bulk_operations_take(keys: tuple[str, ...]) -> None:
    assert bulk_complaints(official(), queries.everything(keys)) == []


def test_the_test_sees_what_is_deprecated() -> None:
    old = parsed("query A { currentBulkOperation { id } }"), parsed("query B($i: ProductInput!) { shop { id } }")
    assert [error.message for error in complaints(official(), old[0])]
    stage = parsed(queries.STAGE)
    assert deprecated_values(official(), stage, {"input": [{"resource": "PRODUCT_IMAGE", "filename": "a", "mimeType": "b"}]})
    assert not deprecated_values(official(), stage, {"input": [{"resource": "IMAGE", "filename": "a", "mimeType": "b"}]})


def test_the_test_sees_what_costs_too_much() -> None:
    assert (
        cost(official(), parsed("query C { products(first: 250) { nodes { media(first: 250) { nodes { id } } } } }")) > MAX_COST
    )
    deep = (
        "products { edges { node { variants { edges { node { media { edges { node { id ... on MediaImage { id } } } } } } } } }"
    )
    assert bulk_complaints(official(), f"{{ {deep} }} }}") == []
    four = "{ products { edges { node { collections { edges { node { products { edges { node { media { edges { node { id }}}}}}}}}}}}}"
    assert bulk_complaints(official(), four)
