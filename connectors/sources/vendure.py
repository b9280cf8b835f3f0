"""Vendure's product import: a row with a name starts a product, rows without one are its further variants."""

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

_NEEDED = {"name", "slug", "assets", "facets", "optiongroups", "optionvalues", "sku"}


def is_vendure(header: Sequence[str]) -> bool:
    """Whether a header is that of Vendure's product import."""
    return {column.casefold() for column in header} >= _NEEDED


class VendureSource:
    """One product for every variant row. Assets lie in an `images` folder beside the file or beside its folder, or next to it."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._path, self._layout = path, layout
        folder = path.resolve().parent
        places = (folder / "images", folder.parent / "images")
        self._base = next((place for place in places if place.is_dir()), folder)
        self._column = {column.casefold(): column for column in layout.header if column}

    def __iter__(self) -> Iterator[Item]:
        skus = Skus()
        for group in grouped(read_rows(self._path, self._layout), lambda _, row: not self._cell(row, "name")):
            if isinstance(group, RowError):
                yield group
            elif not self._cell(group[0], "name"):
                yield from (row.error("a variant row without a product above it", self._column["name"]) for row in group)
            else:
                of = self._cell(group[0], "slug") if len(group) > 1 else ""
                yield from (self._product(group[0], row, skus, of) for row in group)

    def _cell(self, row: Row, name: str) -> str:
        return row.cells.get(self._column.get(name, ""), "")

    def _product(self, first: Row, row: Row, skus: Skus, of: str) -> Item:
        names, values = _split(self._cell(first, "optiongroups")), _split(self._cell(row, "optionvalues"))
        try:
            if len(names) != len(values):
                raise row.error(f"{len(values)} option values for {len(names)} option groups", self._column["optionvalues"])
            facets = self._facets(first, "facets")
            attributes = {
                "description": text_of(self._cell(first, "description")),
                **{tidy(name): value for name, value in [*facets, *self._facets(row, "variantfacets")]},
                **{tidy(name): value for name, value in zip(names, values, strict=True)},
            }
            brand, category = attributes.pop("brand", ""), attributes.pop("category", "")
            return Product(
                sku=skus.take(row, self._column["sku"]),
                title=self._cell(first, "name"),
                category=category,
                brand=brand,
                attributes={name: value for name, value in attributes.items() if value},
                images=one_front([*self._assets(row, "variantassets"), *self._assets(first, "assets")]),
                variant_of=of,
            )
        except RowError as error:
            return error

    def _assets(self, row: Row, name: str) -> Iterator[ProductImage]:
        for value in _split(self._cell(row, name)):
            yield image_at(row, self._column[name], value, ImageRole.FRONT, self._base)

    def _facets(self, row: Row, name: str) -> list[tuple[str, str]]:
        """`category:Electronics|category:Computers`: of several values the last, most special one counts."""
        pairs = [facet.partition(":") for facet in _split(self._cell(row, name))]
        for facet, mark, _ in pairs:
            if not mark:
                raise row.error(f"the facet {facet[:40]!r} has no `:`", self._column[name])
        return [(facet.strip(), value.strip()) for facet, _, value in pairs]


def _split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split("|") if part.strip()]
