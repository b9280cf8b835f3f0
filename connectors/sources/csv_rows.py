"""Delimited text as rows: streamed, capped, and back on its feet after a broken record."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from connectors.sources.base import Row
from studio.errors import InputError, RowError

MAX_RECORD = 1 << 20
"""Characters in one record; a product description of a megabyte is an unclosed quote."""
MAX_REREAD = 64 << 20
"""Characters read a second time over a whole file while looking for the next good record."""
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Layout:
    """Header cells (stripped, in order, possibly empty), delimiter, and whether columns are padded with spaces."""

    header: tuple[str, ...]
    delimiter: str
    padded: bool


def read_layout(path: Path, delimiter: str = "") -> Layout:
    """Look at the first record. Raises InputError for a file that is missing, empty, not UTF-8 text or names a column twice."""
    _refuse_other_encodings(path)
    with _opened(path) as stream:
        first = stream.readline(MAX_RECORD)
        if not first.strip():
            raise InputError(f"{path}: no header row; the first line must name the columns")
        mark = delimiter or max(_DELIMITERS, key=first.count)
        stream.seek(0)
        cells = _first_record(path, _Lines(stream), mark)
    header = tuple(cell.strip() for cell in cells)
    named = [name.casefold() for name in header if name]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise InputError(f"{path}: column {twice[0]!r} appears twice in the header")
    return Layout(header, mark, padded=any(cell != cell.rstrip() for cell in cells[:-1]))


def read_rows(path: Path, layout: Layout) -> Iterator[Row | RowError]:
    """Every record after the header. A record that cannot be read is a RowError, and reading goes on at the next line."""
    with _opened(path) as stream:
        lines = _Lines(stream)
        _first_record(path, lines, layout.delimiter)
        reader = _reader(lines, layout.delimiter, strict=not layout.padded)
        while True:
            lines.begin()
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield RowError(_plain(error), file=str(path), line=lines.start)
                lines.rewind()
                continue
            if cells is None:
                return
            if not any(cell.strip() for cell in cells):
                continue
            if problem := _problem(cells, layout, lines.text):
                yield RowError(problem, file=str(path), line=lines.start)
                lines.rewind()
                continue
            pairs = zip(layout.header, cells, strict=False)
            yield Row(str(path), lines.start, {name: cell.strip() for name, cell in pairs if name})


class _Lines:
    """Physical lines for csv.reader: counted, capped, and able to hand the lines of a broken record out again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._size = 0
        self._reread = MAX_REREAD
        self.line = 0
        self.start = 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        text = self._again.popleft() if self._again else self._stream.readline(MAX_RECORD)
        if not text:
            raise StopIteration
        self.line += 1
        self._taken.append(text)
        self._size += len(text)
        if len(text) == MAX_RECORD and text[-1] not in "\r\n":
            self._skip_line()
            raise csv.Error(f"longer than {MAX_RECORD} characters")
        if self._size > MAX_RECORD:
            raise csv.Error(f"longer than {MAX_RECORD} characters; is a quote left open?")
        return text

    @property
    def text(self) -> str:
        """The record just read, as it stands in the file."""
        return "".join(self._taken)

    def begin(self) -> None:
        """A new record starts at the next line."""
        self.start = self.line + 1
        self._taken, self._size = [], 0

    def rewind(self) -> None:
        """Hand out again all but the first line of a broken record: a stray quote must not swallow its neighbours."""
        rest = self._taken[1:]
        size = sum(map(len, rest))
        if size and size <= self._reread:
            self._reread -= size
            self.line -= len(rest)
            self._again.extendleft(reversed(rest))

    def _skip_line(self) -> None:
        while (more := self._stream.readline(MAX_RECORD)) and more[-1] not in "\r\n":
            continue


def _reader(lines: _Lines, delimiter: str, *, strict: bool) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_RECORD)
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=strict)


def _first_record(path: Path, lines: _Lines, delimiter: str) -> list[str]:
    try:
        cells = next(_reader(lines, delimiter, strict=False), [])
    except csv.Error as error:
        raise InputError(f"{path}: the header row cannot be read: {_plain(error)}") from None
    if problem := _bad_text(lines.text):
        raise InputError(f"{path}: the header row {problem}")
    return cells


def _problem(cells: list[str], layout: Layout, text: str) -> str:
    if bad := _bad_text(text):
        return bad
    if len(cells) != len(layout.header):
        return f"has {len(cells)} fields, the header has {len(layout.header)}"
    return ""


def _bad_text(text: str) -> str:
    if text.isascii():
        return "contains a NUL byte" if "\0" in text else ""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "is not UTF-8; save the file as UTF-8"
    return "contains a NUL byte" if "\0" in text else ""


def _plain(error: csv.Error) -> str:
    text = str(error)
    return "a quote is left open" if "unexpected end of data" in text else text


def _opened(path: Path) -> TextIO:
    """Undecodable bytes become surrogates, so that one bad line is one bad row and not the end of the file."""
    try:
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _refuse_other_encodings(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            head = stream.read(512)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    if not head:
        raise InputError(f"{path}: the file is empty")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or head.count(0) * 4 > len(head):
        raise InputError(f"{path}: looks like UTF-16 or a binary file; save it as UTF-8 text")
