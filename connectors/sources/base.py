"""`Source`: products out of a catalogue, one at a time, and what every reader shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from studio.errors import RowError
from studio.product import Product

Item = Product | RowError


class Source(Protocol):
    """A catalogue, read as a stream. Each `iter()` starts from the top and gives the same items in the same order.

    A broken row is an item (`RowError`), never an exception; InputError is raised when the file as a whole stops being readable.
    """

    def __iter__(self) -> Iterator[Item]: ...


class Draft(Protocol):
    """A product that can be made, and what it would be made of: whoever knows what came of equal facts need not make it."""

    @property
    def sku(self) -> str:
        """The SKU, which no other draft of this reading has."""
        ...

    @property
    def facts(self) -> str:
        """All that the product is made of, as text: equal facts make equal products, in every process."""
        ...

    def photos(self) -> Sequence[str]:
        """Addresses of its photos, each once, in order. Raises RowError."""
        ...

    def make(self) -> Item:
        """The product, or what is wrong with the row."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """One record: `line` is 1-based where it starts, `cells` maps the header as written (stripped) to stripped text."""

    file: str
    line: int
    cells: dict[str, str]

    def error(self, message: str, field: str = "") -> RowError:
        """A RowError that points at this row."""
        return RowError(message, file=self.file, line=self.line, field=field)
