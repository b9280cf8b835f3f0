"""Rows as drafts: recognised by their cells, and made into products only where somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

from connectors.sources.base import Draft, Item, Row
from connectors.sources.build import addresses, product_of
from connectors.sources.mapping import Mapping
from connectors.sources.skus import Skus
from studio.errors import RowError
from studio.keys import digest_of
from studio.product import Product


class Reading:
    """How rows of a catalogue are read. `base` is the folder that relative image paths are meant from."""

    def __init__(self, mapping: Mapping, base: Path, skus: Skus) -> None:
        self.mapping, self.base, self._skus = mapping, base, skus

    def draft(self, row: Row) -> RowDraft | RowError:
        """A row with a SKU that no row before it has."""
        try:
            return RowDraft(self._skus.take(row, self.mapping.sku), row, self)
        except RowError as error:
            return error

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that products are made of. Others may change: a price, a stock."""
        return tuple(dict.fromkeys(self.mapping.columns()))

    @cached_property
    def rules(self) -> str:
        """Digest of what turns cells into a product."""
        return digest_of([self.mapping, str(self.base)])


@dataclass(slots=True)
class RowDraft:
    """A row and how it is read."""

    sku: str
    row: Row
    reading: Reading

    @property
    def facts(self) -> str:
        """The mapped cells and the mapping."""
        return f"{self.reading.rules}{tuple(map(self.row.cells.get, self.reading.columns))!r}"

    def photos(self) -> Sequence[str]:
        """Addresses of its photos. Raises RowError."""
        found = addresses(self.row, self.reading.mapping, self.reading.base)
        return tuple(dict.fromkeys([uri for _, uri in found]))

    def make(self) -> Item:
        """The product, or what is wrong with the row."""
        return product_of(self.row, self.sku, self.reading.mapping, self.reading.base)


@dataclass(frozen=True, slots=True)
class Made:
    """A product that its source has made already."""

    product: Product

    @property
    def sku(self) -> str:
        """Its SKU."""
        return self.product.sku

    @property
    def facts(self) -> str:
        """The whole product."""
        return self.product.model_dump_json()

    def photos(self) -> Sequence[str]:
        """Addresses of its photos."""
        return tuple(dict.fromkeys([image.uri for image in self.product.images]))

    def make(self) -> Item:
        """Itself."""
        return self.product


@runtime_checkable
class Drafting(Protocol):
    """A source that can hand out rows before they are products."""

    def drafts(self) -> Iterator[Draft | RowError]:
        """As `iter()`, in the same order."""
        ...


def drafts(source: Iterable[Item]) -> Iterator[Draft | RowError]:
    """The drafts of a source; products as they are, where it only has these."""
    if isinstance(source, Drafting):
        return source.drafts()
    return (item if isinstance(item, RowError) else Made(item) for item in source)
