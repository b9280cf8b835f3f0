"""`Source`: products out of a catalogue, one at a time, and what every reader shares."""

from __future__ import annotations

from collections.abc import Iterator
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


@dataclass(frozen=True, slots=True)
class Row:
    """One record: `line` is 1-based where it starts, `cells` maps the header as written (stripped) to stripped text."""

    file: str
    line: int
    cells: dict[str, str]

    def error(self, message: str, field: str = "") -> RowError:
        """A RowError that points at this row."""
        return RowError(message, file=self.file, line=self.line, field=field)
