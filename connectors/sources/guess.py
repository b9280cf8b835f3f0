"""The mapping for a catalogue that came without one, from the names of its columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from connectors.sources.mapping import BundleColumn, DimensionColumns, ImageColumn, Mapping, SwatchColumn, Unit, tidy
from studio.errors import InputError
from studio.product import ImageRole

_SKU = (
    "sku",
    "variant_sku",
    "item_sku",
    "product_sku",
    "product_code",
    "article_number",
    "item_number",
    "product_id",
    "item_id",
    "id",
)
_TITLE = ("title", "name", "product_name", "product_title", "item_name")
_CATEGORY = ("category", "product_category", "product_type", "type", "google_product_category", "department")
_BRAND = ("brand", "brand_name", "vendor", "manufacturer")
_HEX = ("colour_hex", "color_hex", "hex", "swatch", "swatch_hex")
_COLOUR = ("colour", "color", "colour_name", "color_name", "shade")
_BUNDLE = ("bundle", "bundle_skus", "bundled_with", "sold_with")
_VARIANT_OF = ("variant_of", "variant_group", "item_group_id", "parent_sku")
_UNIT = ("dimensions_unit", "dimension_unit", "dimensions_units", "size_unit")
_MAIN = (
    "image_front",
    "image_main",
    "main_image",
    "image",
    "image_1",
    "image1",
    "image_url",
    "image_link",
    "image_src",
    "photo",
    "picture",
)
_MANY = {"images": "|", "image_urls": "|", "photos": "|", "additional_images": "|", "additional_image_link": ","}
_ROLES = {
    "back": ImageRole.BACK,
    "inside": ImageRole.INSIDE,
    "on_mannequin": ImageRole.ON_MANNEQUIN,
    "mannequin": ImageRole.ON_MANNEQUIN,
    "artwork": ImageRole.ARTWORK,
    "reference": ImageRole.REFERENCE,
    "angle": ImageRole.ANGLE,
    "spin": ImageRole.SPIN,
    "on_model": ImageRole.ON_MODEL,
    "bare_mannequin": ImageRole.MANNEQUIN,
}
_SEVERAL = {"angle": "|", "spin": "|"}
_NOT_IMAGES = {"alt", "alt_text", "caption", "title", "width", "height", "position", "role", "count", "id"}
VOLATILE = re.compile(
    r"(.*_)?(price|cost|currency|stock|quantity|qty|inventory|tax|status|published|created|updated|available|discontinue)(_.*)?"
)


def guess_mapping(path: Path, header: Sequence[str]) -> Mapping:
    """Standard names and their usual synonyms; every other steady column is an attribute. Raises InputError without a SKU column.

    Prices, stock and dates are left out: they change daily and never show in a picture.
    A size without a unit in its name or in a unit column is left out too: a wrong scale is worse than none.
    """
    by_name = {tidy(column): column for column in header if column}

    def first(names: Sequence[str]) -> str:
        return next((by_name[name] for name in names if name in by_name), "")

    sku = first(_SKU)
    if not sku:
        raise InputError(f"{path}: no column looks like a SKU; name one `sku` or give a mapping (columns: {', '.join(header)})")
    images = _images(by_name)
    size = _dimensions(by_name, first(_UNIT))
    swatch, bundle = first(_HEX), first(_BUNDLE)
    used = {sku, first(_TITLE), first(_CATEGORY), first(_BRAND), size.width, size.height, size.depth, size.unit_column, swatch}
    used |= {image.column for image in images} | {bundle, first(_VARIANT_OF)}
    return Mapping(
        sku=sku,
        title=first(_TITLE),
        category=first(_CATEGORY),
        brand=first(_BRAND),
        attributes={name: column for name, column in by_name.items() if column not in used and not VOLATILE.fullmatch(name)},
        dimensions=size,
        images=images,
        swatches=(SwatchColumn(column=swatch, name=first(_COLOUR)),) if swatch else (),
        bundle=BundleColumn(column=bundle) if bundle else None,
        variant_of=first(_VARIANT_OF),
    )


def _images(by_name: dict[str, str]) -> tuple[ImageColumn, ...]:
    """Main picture first, whatever the order of the columns; an `image_<anything>` we do not know is a detail."""
    found = [ImageColumn(column=by_name[name]) for name in _MAIN if name in by_name]
    found += [ImageColumn(column=by_name[name], separator=mark) for name, mark in _MANY.items() if name in by_name]
    taken = {image.column for image in found}
    for name, column in by_name.items():
        match = re.fullmatch(r"(?:image|photo|picture)_?(.+)", name)
        if column in taken or not match or match[1] in _NOT_IMAGES:
            continue
        if match[1].rpartition("_")[2] in _NOT_IMAGES and match[1] not in _ROLES:
            continue
        shows = re.sub(r"_?\d+$", "", match[1])
        found.append(ImageColumn(column=column, role=_ROLES.get(shows, ImageRole.DETAIL), separator=_SEVERAL.get(shows, "")))
    return tuple(found)


def _dimensions(by_name: dict[str, str], unit_column: str) -> DimensionColumns:
    units: tuple[Unit, ...] = ("mm", "cm", "in")
    for unit in units:
        width, height, depth = (by_name.get(f"{side}_{unit}", "") for side in ("width", "height", "depth"))
        if width or height or depth:
            return DimensionColumns(width=width, height=height, depth=depth, unit=unit)
    if not unit_column:
        return DimensionColumns()
    width, height, depth = (by_name.get(side, "") for side in ("width", "height", "depth"))
    return DimensionColumns(width=width, height=height, depth=depth, unit_column=unit_column)
