"""`FlatSource`: one row, one product, whatever the rows were read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from connectors.sources.base import Draft, Item, Row
from connectors.sources.csv_rows import Layout, read_rows
from connectors.sources.drafts import Reading
from connectors.sources.guess import guess_mapping
from connectors.sources.mapping import Mapping
from connectors.sources.skus import Skus
from studio.errors import InputError, RowError

Rows = Callable[[], Iterator[Row | RowError]]


class FlatSource:
    """A catalogue of rows with named cells, read through a mapping whose columns all exist."""

    def __init__(self, path: Path, rows: Rows, mapping: Mapping) -> None:
        self._base = path.resolve().parent
        self._rows = rows
        self._mapping = mapping

    def __iter__(self) -> Iterator[Item]:
        return (draft if isinstance(draft, RowError) else draft.make() for draft in self.drafts())

    def drafts(self) -> Iterator[Draft | RowError]:
        """Rows that can be made into products, in order."""
        group: tuple[str, Row] | None = None
        reading = Reading(self._mapping, self._base, Skus())
        for row in self._rows():
            if isinstance(row, RowError):
                yield row
                continue
            if inherit := self._mapping.inherit:
                key = row.cells.get(inherit.key, "")
                if group is None or group[0] != key or not key:
                    group = key, row
                for column in inherit.columns:
                    row.cells[column] = row.cells.get(column) or group[1].cells.get(column, "")
            if all(row.cells.get(column) for column in self._mapping.require):
                yield reading.draft(row)


def csv_source(path: Path, layout: Layout, mapping: Mapping | None) -> FlatSource:
    """A delimited catalogue; the mapping is guessed from the header when none is given."""
    bound = bind(mapping, path, layout.header) if mapping else guess_mapping(path, layout.header)
    return FlatSource(path, lambda: read_rows(path, layout), bound)


def bind(mapping: Mapping, path: Path, header: Sequence[str]) -> Mapping:
    """The mapping with columns spelled as in the header. Raises InputError for a column that is not there."""
    known = {name.casefold(): name for name in header if name}
    missing = sorted({column for column in mapping.columns() if column.casefold() not in known})
    if missing:
        raise InputError(
            f"{path}: the mapping names columns that are not there: {', '.join(missing)} (there are: {', '.join(header)})"
        )
    return renamed(mapping, known)


def renamed(mapping: Mapping, known: dict[str, str]) -> Mapping:
    """The mapping with every column name replaced by `known[name.casefold()]` where that exists."""

    def real(column: str) -> str:
        return known.get(column.casefold(), column)

    size, inherit = mapping.dimensions, mapping.inherit
    sides = {side: real(getattr(size, side)) for side in ("width", "height", "depth", "unit_column")}
    return mapping.model_copy(
        update={
            **{field: real(getattr(mapping, field)) for field in ("sku", "title", "category", "brand", "variant_of")},
            "attributes": {name: real(column) for name, column in mapping.attribute_columns.items()},
            "dimensions": size.model_copy(update=sides),
            "images": tuple(image.model_copy(update={"column": real(image.column)}) for image in mapping.images),
            "swatches": tuple(
                item.model_copy(update={"column": real(item.column), "name": real(item.name)}) for item in mapping.swatches
            ),
            "bundle": mapping.bundle and mapping.bundle.model_copy(update={"column": real(mapping.bundle.column)}),
            "inherit": inherit
            and inherit.model_copy(
                update={"key": real(inherit.key), "columns": tuple(real(column) for column in inherit.columns)}
            ),
            "require": tuple(real(column) for column in mapping.require),
        }
    )
