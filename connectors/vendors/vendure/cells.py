"""A Vendure product as cells with names, and which cell is what."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Named
from typing import Any

from connectors.sources.mapping import ImageColumn, Mapping, tidy
from connectors.sources.markup import text_of
from connectors.vendors.base import Shown, mark_in
from connectors.vendors.cells import cell, mapping_for, product_from
from connectors.vendors.connection import Connection
from connectors.vendors.vendure.query import PRODUCT_FIELD, VARIANT_FIELD
from studio.errors import RowError
from studio.product import Product

_ATTRIBUTE = "attribute."
_PLAIN = ("id", "name", "slug", "enabled")
Json = Named[str, Any]


def mapping_of(connection: Connection) -> Mapping:
    """The user's mapping, or Vendure's usual fields. Sizes are no part of Vendure: a mapping names the custom fields with them.
    Raises InputError."""
    usual = Mapping(
        sku="sku",
        title="name",
        category="category",
        brand="brand",
        attributes=("description",),
        images=(ImageColumn(column="images", separator="\n"),),
        variant_of="variant_of",
    )
    return mapping_for(connection, usual)


def product_cells(product: Json) -> dict[str, str]:
    """The SKU is the first variant's, or the slug. Facets are cells `attribute.<code>`; of several values of `brand` and
    `category` the last, most special one counts; without a facet `category` it is the deepest collection. Options are told of a
    product with one variant only; its custom fields are those of the first."""
    variants = list(product.get("variants") or ())
    facets = _facets(product)
    deepest: Json = max(product.get("collections") or (), key=lambda found: len(found.get("breadcrumbs") or ()), default={})
    return {
        **{f"{_ATTRIBUTE}{code}": ", ".join(names) for code, names in facets.items()},
        **(_options(variants[0]) if len(variants) == 1 else {}),
        **_custom(product, PRODUCT_FIELD),
        **(_custom(variants[0], VARIANT_FIELD) if variants else {}),
        **{name: cell(product.get(name)) for name in _PLAIN},
        "sku": (variants[0].get("sku") if variants else "") or product.get("slug") or str(product["id"]),
        "description": text_of(product.get("description") or ""),
        "brand": facets.get("brand", [""])[-1],
        "category": facets.get("category", [""])[-1] or str(deepest.get("name") or ""),
        "images": "\n".join(asset["source"] for asset in pictures_of(product)),
        "variant_of": "",
    }


def variant_cells(cells: Named[str, str], variant: Json) -> dict[str, str]:
    """A variant with pictures of its own: its product's cells, and what differs."""
    facets = {f"{_ATTRIBUTE}{code}": ", ".join(names) for code, names in _facets(variant).items()}
    own = {
        "id": cell(variant.get("id")),
        "name": variant.get("name") or cells["name"],
        "sku": variant.get("sku") or f"{cells['sku']}-{variant['id']}",
        "images": "\n".join(asset["source"] for asset in pictures_of(variant)),
        "variant_of": cells["sku"],
    }
    return {**cells, **facets, **_options(variant), **_custom(variant, VARIANT_FIELD), **own}


def built(ref: str, cells: dict[str, str], mapping: Mapping, *, usual: bool) -> Product | RowError:
    """The product of some cells. `usual`: facets and options are attributes under their own names."""
    if usual:
        told = {name.removeprefix(_ATTRIBUTE): name for name in cells if name.startswith(_ATTRIBUTE)}
        told = {tidy(name): column for name, column in told.items() if name not in {"brand", "category"}}
        mapping = mapping.model_copy(update={"attributes": {**told, **mapping.attribute_columns}})
    return product_from(cells, mapping, f"vendure/{ref}")


def pictures_of(owner: Json) -> list[Json]:
    """Assets as shoppers see them: the featured one is the main picture, whatever its place."""
    featured = owner.get("featuredAsset")
    others = [asset for asset in owner.get("assets") or () if not featured or asset["id"] != featured["id"]]
    return [*([featured] if featured else ()), *others]


def shown(assets: Iterable[Json], alt: str) -> tuple[Shown, ...]:
    """`alt` is the custom field with the text, "" where the shop keeps none."""
    return tuple(
        Shown(
            str(asset["id"]),
            str(asset["source"]),
            position,
            str((asset.get("customFields") or {}).get(alt) or "") if alt else None,
            mark_of(asset),
        )
        for position, asset in enumerate(assets)
    )


def mark_of(asset: Json) -> str:
    """In the name, or in that of the file where somebody has renamed the asset."""
    return mark_in(str(asset.get("name") or "")) or mark_in(str(asset.get("source") or ""))


def _facets(owner: Json) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for value in owner.get("facetValues") or ():
        found.setdefault(str(value["facet"]["code"]), []).append(str(value["name"]))
    return found


def _options(variant: Json) -> dict[str, str]:
    return {f"{_ATTRIBUTE}{option['group']['name']}": str(option["name"]) for option in variant.get("options") or ()}


def _custom(owner: Json, prefix: str) -> dict[str, str]:
    return {f"{prefix}{name}": cell(value) for name, value in (owner.get("customFields") or {}).items()}
