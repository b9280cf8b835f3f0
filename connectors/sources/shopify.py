"""Shopify's product export: a handle's first row is the product, the rows below add variants and images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from connectors.sources.base import Item, Row
from connectors.sources.build import image_at, one_front
from connectors.sources.csv_rows import Layout, read_rows
from connectors.sources.groups import grouped
from connectors.sources.mapping import tidy
from connectors.sources.markup import text_of
from connectors.sources.skus import Skus
from studio.errors import RowError
from studio.product import ImageRole, Product, ProductImage

_COLUMNS = {
    "handle": ("handle", "url_handle"),
    "title": ("title",),
    "body": ("body_(html)", "description"),
    "vendor": ("vendor",),
    "type": ("type", "custom_product_type"),
    "category": ("product_category", "standardized_product_type"),
    "tags": ("tags",),
    "sku": ("variant_sku", "sku"),
    "variant_image": ("variant_image", "variant_image_url"),
    "image": ("image_src", "product_image_url"),
    "position": ("image_position",),
    "alt": ("image_alt_text",),
}
"""What we read, and its names in the old and the 2025 export."""


def is_shopify(header: Sequence[str]) -> bool:
    """Whether a header is that of a Shopify product export."""
    names = {tidy(column) for column in header}
    return bool({"handle", "url_handle"} & names and {"variant_sku", "image_src", "product_image_url"} & names)


class ShopifySource:
    """One product for every variant that has a SKU of its own; a handle without any SKU is one product under its handle."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._path, self._layout = path, layout
        self._base = path.resolve().parent
        known = {tidy(column): column for column in layout.header if column}
        self._column = {name: next((known[other] for other in others if other in known), "") for name, others in _COLUMNS.items()}
        self._options = [
            (known[f"option{n}_name"], known[f"option{n}_value"])
            for n in (1, 2, 3)
            if f"option{n}_name" in known and f"option{n}_value" in known
        ]

    def __iter__(self) -> Iterator[Item]:
        skus = Skus()
        for group in grouped(read_rows(self._path, self._layout), self._continues):
            if isinstance(group, RowError):
                yield group
            elif not self._cell(group[0], "handle"):
                yield group[0].error("the handle is empty", self._column["handle"])
            else:
                yield from self._products(group, skus)

    def _cell(self, row: Row, name: str) -> str:
        return row.cells.get(self._column[name], "")

    def _continues(self, first: Row, row: Row) -> bool:
        return self._cell(first, "handle") != "" and self._cell(first, "handle") == self._cell(row, "handle")

    def _products(self, group: list[Row], skus: Skus) -> Iterator[Item]:
        shared, errors = self._shared_images(group)
        yield from errors
        variants = [row for row in group if self._is_variant(row)]
        if not any(self._cell(row, "sku") for row in variants):
            yield self._product(group[0], None, shared, skus)
            return
        of = self._cell(group[0], "handle") if len(variants) > 1 else ""
        for row in variants:
            yield self._product(group[0], row, shared, skus, of)

    def _is_variant(self, row: Row) -> bool:
        """Rows that only add an image have neither a SKU nor an option value."""
        return bool(self._cell(row, "sku")) or any(row.cells.get(value, "") for _, value in self._options)

    def _product(self, first: Row, variant: Row | None, shared: list[ProductImage], skus: Skus, of: str = "") -> Item:
        row = variant or first
        try:
            own = self._cell(row, "variant_image") if variant else ""
            images = [image_at(row, self._column["variant_image"], own, ImageRole.FRONT, self._base)] if own else []
            kind, category = self._cell(first, "type"), self._cell(first, "category")
            return Product(
                sku=skus.take(row, self._column["sku" if variant else "handle"]),
                title=self._cell(first, "title"),
                category=kind or category,
                brand=self._cell(first, "vendor"),
                attributes=self._attributes(first, variant),
                images=one_front(images + shared),
                variant_of=of,
            )
        except RowError as error:
            return error

    def _attributes(self, first: Row, variant: Row | None) -> dict[str, str]:
        options = self._options if variant else []
        attributes = {
            "description": text_of(self._cell(first, "body")),
            "tags": self._cell(first, "tags"),
            "product_category": self._cell(first, "category") if self._cell(first, "type") else "",
            "handle": self._cell(first, "handle"),
            **{tidy(first.cells.get(name, "")): (variant or first).cells.get(value, "") for name, value in options},
        }
        return {name: value for name, value in attributes.items() if name and value and value != "Default Title"}

    def _shared_images(self, group: list[Row]) -> tuple[list[ProductImage], list[RowError]]:
        """Images of the product by `Image Position`, then by row."""
        placed: list[tuple[int, int, ProductImage]] = []
        errors: list[RowError] = []
        for n, row in enumerate(group):
            if not (value := self._cell(row, "image")):
                continue
            position = self._cell(row, "position") or str(n + 1)
            try:
                if not (position.isascii() and position.isdigit() and len(position) <= 6):
                    raise row.error(f"{position[:20]!r} is not a position", self._column["position"])
                placed.append((int(position), n, image_at(row, self._column["image"], value, ImageRole.FRONT, self._base)))
            except RowError as error:
                errors.append(error)
        return [image for _, _, image in sorted(placed, key=lambda item: item[:2])], errors
