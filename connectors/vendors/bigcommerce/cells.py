"""A BigCommerce product as cells with names, and which cell is what."""

from __future__ import annotations

from collections.abc import Mapping as Named
from typing import Any

from connectors.sources.mapping import MM, DimensionColumns, ImageColumn, Mapping, tidy
from connectors.sources.markup import text_of
from connectors.vendors.cells import mapping_for, product_from
from connectors.vendors.connection import Connection
from studio.errors import RowError, SettingsError
from studio.product import Product

_PLAIN = ("id", "name", "type", "upc", "mpn", "gtin", "condition", "search_keywords")
_SIDES = ("width", "height", "depth")
_ATTRIBUTES = ("description", "condition", "upc", "mpn", "gtin", "categories")
Names = Named[int, str]


def mapping_of(connection: Connection) -> Mapping:
    """The user's mapping, or BigCommerce's usual fields. Raises InputError, SettingsError."""
    unit = connection.option("unit")
    if unit and unit not in MM:
        raise SettingsError(f"connections.{connection.name}.options.unit is mm, cm or in")
    sizes = {**{side: side for side in _SIDES}, "unit": unit} if unit else {}
    usual = Mapping(
        sku="sku",
        title="name",
        category="category",
        brand="brand",
        attributes=_ATTRIBUTES,
        dimensions=DimensionColumns.model_validate(sizes),
        images=(ImageColumn(column="images", separator="\n"),),
        variant_of="variant_of",
    )
    return mapping_for(connection, usual)


def product_cells(product: Named[str, Any], brands: Names, categories: Names) -> dict[str, str]:
    """`category` is the last category, which is the most special one when they were assigned from the top; `custom.<name>` and
    `attribute`s of a mapping reach custom fields. The SKU is the product's, its first variant's, its address or its id."""
    named = [categories[key] for key in product.get("categories", ()) if key in categories]
    variants = product.get("variants") or [{}]
    handle = ((product.get("custom_url") or {}).get("url") or "").strip("/")
    return {
        **{name: str(product.get(name) or "") for name in _PLAIN},
        **{side: _size(product.get(side)) for side in _SIDES},
        **{f"custom.{field['name']}": str(field["value"]) for field in product.get("custom_fields") or ()},
        "sku": product.get("sku") or variants[0].get("sku") or handle or str(product["id"]),
        "description": text_of(product.get("description") or ""),
        "brand": brands.get(product.get("brand_id") or 0, ""),
        "category": named[-1] if named else "",
        "categories": ", ".join(named),
        "images": "\n".join(address_of(image) for image in ordered(product.get("images") or ())),
        "variant_of": "",
    }


def variant_cells(cells: Named[str, str], variant: Named[str, Any]) -> dict[str, str]:
    """A variant with a picture of its own: its product's cells, and what differs."""
    sizes = {side: size for side in _SIDES if (size := _size(variant.get(side)))}
    options = {f"custom.{value['option_display_name']}": value["label"] for value in variant.get("option_values") or ()}
    own = {"sku": variant.get("sku") or f"{cells['sku']}-{variant['id']}", "images": variant["image_url"]}
    return {**cells, **sizes, **options, **own, "variant_of": cells["sku"]}


def built(file: str, cells: dict[str, str], mapping: Mapping, *, usual: bool) -> Product | RowError:
    """The product of some cells. `usual`: custom fields and options are attributes under their own names."""
    if usual:
        custom = {tidy(name.removeprefix("custom.")): name for name in cells if name.startswith("custom.")}
        mapping = mapping.model_copy(update={"attributes": {**custom, **mapping.attribute_columns}})
    return product_from(cells, mapping, file)


def ordered(images: Any) -> list[dict[str, Any]]:
    """As shoppers see them: the thumbnail is the main picture, whatever its place."""
    return sorted(images, key=lambda image: (not image.get("is_thumbnail"), image.get("sort_order", 0), image["id"]))


def address_of(image: Named[str, Any]) -> str:
    """The largest picture that the API names: at most 1280 pixels, re-encoded by the store."""
    return str(image.get("url_zoom") or image.get("url_standard") or "")


def _size(value: Any) -> str:
    """A size that is set; 0 is how the API says that it is not."""
    return f"{float(value):f}".rstrip("0").rstrip(".") if value else ""
