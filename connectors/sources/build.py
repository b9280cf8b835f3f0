"""A row and a mapping make a product, or say which field is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from connectors.sources.base import Item, Row
from connectors.sources.images import AddressError, locate
from connectors.sources.mapping import MM, BundleColumn, DimensionColumns, Mapping, SwatchColumn
from connectors.sources.skus import Skus
from studio.errors import RowError
from studio.product import Dimensions, ImageRole, Product, ProductImage, Swatch

_HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+\.")


def build(row: Row, mapping: Mapping, base: Path, skus: Skus) -> Item:
    """The product of one row. `base` is the folder that relative image paths are meant from."""
    try:
        return product_of(row, skus.take(row, mapping.sku), mapping, base)
    except RowError as error:
        return error


def product_of(row: Row, sku: str, mapping: Mapping, base: Path) -> Item:
    """The product of one row whose SKU is known. Nothing but the mapped cells, the mapping and `base` decide what it is."""
    try:
        return Product(
            sku=sku,
            title=row.cells.get(mapping.title, ""),
            category=row.cells.get(mapping.category, ""),
            brand=row.cells.get(mapping.brand, ""),
            attributes={
                name: value for name, column in mapping.attribute_columns.items() if (value := row.cells.get(column, ""))
            },
            dimensions=_dimensions(row, mapping.dimensions),
            images=_images(row, mapping, base),
            swatches=tuple(colour for column in mapping.swatches for colour in _swatches(row, column)),
            bundle=_bundle(row, mapping.bundle),
            variant_of=row.cells.get(mapping.variant_of, ""),
        )
    except RowError as error:
        return error
    except ValidationError as error:
        return invalid(row, error)


def invalid(row: Row, error: ValidationError) -> RowError:
    """What pydantic has against a row, with the first wrong field."""
    first = error.errors()[0]
    return row.error(first["msg"], ".".join(map(str, first["loc"])))


def read_number(row: Row, column: str) -> float | None:
    """A positive number written with a point, None when the cell is empty. Raises RowError."""
    text = row.cells.get(column, "")
    if not text:
        return None
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not 0 < number < math.inf:
        raise row.error(f"{text[:40]!r} is not a number above 0; write it like 12.5", column)
    return number


def image_at(row: Row, field: str, value: str, role: ImageRole, base: Path, *, basename_in: str = "") -> ProductImage:
    """One photo of a row. Raises RowError with the field when its address is not readable."""
    return ProductImage(uri=_located(row, field, value, base, basename_in), role=role)


def one_front(images: Iterable[ProductImage]) -> tuple[ProductImage, ...]:
    """Each photo once, and only the first `front` stays the main picture: the others are details."""
    kept: dict[str, ProductImage] = {}
    for image in images:
        if image.uri in kept:
            continue
        second = image.role is ImageRole.FRONT and any(other.role is ImageRole.FRONT for other in kept.values())
        kept[image.uri] = image.model_copy(update={"role": ImageRole.DETAIL}) if second else image
    return tuple(kept.values())


def addresses(row: Row, mapping: Mapping, base: Path) -> Iterator[tuple[ImageRole, str]]:
    """What each photo shows and where it is, as the row names them. Raises RowError."""
    for rule in mapping.images:
        cell = row.cells.get(rule.column, "")
        for value in cell.split(rule.separator) if rule.separator else [cell]:
            if address := value.strip():
                yield rule.role, _located(row, rule.column, address, base, rule.basename_in)


def _located(row: Row, field: str, value: str, base: Path, basename_in: str) -> str:
    try:
        uri = locate(value, base, basename_in=basename_in)
    except AddressError as error:
        raise row.error(str(error), field) from None
    if len(uri) > 2000:
        raise row.error("the image address is longer than 2000 characters", field)
    return uri


def _images(row: Row, mapping: Mapping, base: Path) -> tuple[ProductImage, ...]:
    return one_front(ProductImage(uri=uri, role=role) for role, uri in addresses(row, mapping, base))


def _bundle(row: Row, column: BundleColumn | None) -> tuple[str, ...]:
    """Each SKU once, in order."""
    cell = row.cells.get(column.column, "") if column else ""
    parts = cell.split(column.separator) if column else []
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _dimensions(row: Row, columns: DimensionColumns) -> Dimensions:
    unit = (row.cells.get(columns.unit_column, "").lower() if columns.unit_column else "") or columns.unit
    sides = [read_number(row, column) for column in (columns.width, columns.height, columns.depth)]
    if not any(sides):
        return Dimensions()
    if unit not in MM:
        raise row.error(f"unknown unit {unit[:20]!r}; use mm, cm or in", columns.unit_column)
    width, height, depth = (side if side is None else round(side * MM[unit], 3) for side in sides)
    return Dimensions(width_mm=width, height_mm=height, depth_mm=depth)


def _swatches(row: Row, column: SwatchColumn) -> Iterable[Swatch]:
    cell = row.cells.get(column.column, "")
    name = row.cells.get(column.name, "")
    for value in cell.split(column.separator) if column.separator else [cell]:
        if not value.strip():
            continue
        match = _HEX.fullmatch(value.strip())
        if not match:
            raise row.error(f"{value[:20]!r} is not a colour like #1f8a5b", column.column)
        digits = match[1] if len(match[1]) == 6 else "".join(mark * 2 for mark in match[1])
        yield Swatch(name=name, hex=f"#{digits.lower()}")
