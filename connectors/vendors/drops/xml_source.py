"""`XmlSource`: an XML export through a mapping whose columns are paths within a record."""

from __future__ import annotations

import re
import xml.etree.ElementTree as Tree
from collections.abc import Iterator
from pathlib import Path

from connectors.sources.base import Item, Row
from connectors.sources.build import build
from connectors.sources.guess import guess_mapping
from connectors.sources.mapping import ImageColumn, Mapping
from connectors.sources.skus import Skus
from connectors.vendors.drops.xml_records import xml_records
from studio.errors import InputError, RowError

_ATTRIBUTE = re.compile(r"(?:(?P<path>.*)/)?@(?P<name>[\w.-]+)")
MAX_FOUND = 500
"""Values of one column in one record."""


class XmlSource:
    """Columns are the paths that ElementTree knows, and one may end in an attribute: `Name`, `@id`, `Media/Image/@url`,
    `Feature[@code='colour']/Value`, `FEATURE[FNAME='Colour']/FVALUE`. Names are compared with their case and without namespace
    prefixes. Where a path finds several, pictures are all taken, and other values joined with `|`.

    Without a mapping, the names of a record's children and attributes are read as the columns of a CSV file would be. Each
    iteration ends with a RowError for every mapped path that no record had. Raises InputError for a path that is none.
    """

    def __init__(self, path: Path, mapping: Mapping | None, record: str = "") -> None:
        self._path, self._record = path, record
        self._mapping = _several(mapping) if mapping else None
        self._columns = _columns(self._mapping) if self._mapping else []

    def __iter__(self) -> Iterator[Item]:
        skus, met, first = Skus(), set[str](), 0
        guessed: dict[tuple[str, ...], Mapping] = {}
        for found in xml_records(self._path, self._record):
            if isinstance(found, RowError):
                yield found
                continue
            line, record = found
            first = first or line
            row = Row(str(self._path), line, {})
            try:
                mapping = self._mapping or self._guess(record, guessed)
                row.cells.update(_cells(record, self._columns or _columns(mapping)))
            except RowError as error:
                yield error
            except InputError as error:
                yield row.error(error.message)
            else:
                met |= {column for column, value in row.cells.items() if value}
                if all(row.cells.get(column) for column in mapping.require):
                    yield build(row, mapping, self._path.resolve().parent, skus)
        for column in (column.text for column in self._columns if first):
            if column not in met:
                yield RowError("no record has it; is the path right?", file=str(self._path), line=first, field=column)

    def _guess(self, record: Tree.Element, guessed: dict[tuple[str, ...], Mapping]) -> Mapping:
        names = tuple(dict.fromkeys([*(child.tag for child in record), *(f"@{name}" for name in record.attrib)]))
        if names not in guessed:
            guessed.clear()
            guessed[names] = _several(guess_mapping(self._path, names))
        return guessed[names]


class _Column:
    """A column's text, its element path and attribute, and what joins its values."""

    def __init__(self, text: str, separator: str) -> None:
        match = _ATTRIBUTE.fullmatch(text)
        self.text, self.separator = text, separator
        self.path, self.attribute = ((match["path"] or "."), match["name"]) if match else (text, "")
        try:
            list(Tree.Element("x").iterfind(self.path))
        except (SyntaxError, KeyError, ValueError, TypeError, RecursionError):
            raise InputError(f"{text[:100]!r} is no path within a record (names are without namespace prefixes)") from None

    def value(self, record: Tree.Element) -> str:
        """What a record has there. Raises ValueError for too many."""
        found: list[str] = []
        for element in record.iterfind(self.path):
            text = element.get(self.attribute, "") if self.attribute else "".join(element.itertext())
            if text.strip():
                found.append(text.strip())
            if len(found) > MAX_FOUND:
                raise InputError(f"{self.text}: more than {MAX_FOUND} values")
        return self.separator.join(found)


def _cells(record: Tree.Element, columns: list[_Column]) -> dict[str, str]:
    return {column.text: column.value(record) for column in columns}


def _several(mapping: Mapping) -> Mapping:
    """Picture columns take several values: an element may come again, which a cell of a CSV file cannot."""
    many = tuple(
        image if image.separator else ImageColumn.model_validate({**image.model_dump(), "separator": "\n"})
        for image in mapping.images
    )
    return mapping.model_copy(update={"images": many})


def _columns(mapping: Mapping) -> list[_Column]:
    joins = {image.column: image.separator for image in mapping.images}
    joins |= {swatch.column: swatch.separator or "|" for swatch in mapping.swatches}
    joins |= {mapping.bundle.column: mapping.bundle.separator} if mapping.bundle else {}
    return [_Column(text, joins.get(text, "|")) for text in dict.fromkeys(mapping.columns())]
