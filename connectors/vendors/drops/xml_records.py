"""Records of an XML file, one at a time: no entities, no document type declarations of its own, nothing read from elsewhere."""

from __future__ import annotations

import xml.etree.ElementTree as Tree
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from studio.errors import InputError, RowError

MAX_DEPTH = 64
MAX_RECORD = 1 << 20
"""Characters of one record, tags and attributes counted."""
MAX_NODES = 20_000
"""Elements of one record."""
MAX_SILENCE = 4 << 20
"""Bytes in which nothing begins or ends: an unclosed tag or comment would be kept in memory whole."""
USUAL = frozenset({"product", "item", "article", "offer", "entry", "record", "row"})
"""Elements that are records where nobody says which; compared without case."""
_CHUNK = 64 << 10
Record = tuple[int, Tree.Element]


def xml_records(path: Path, record: str = "") -> Iterator[Record | RowError]:
    """Each record with its 1-based line; names are without namespace prefixes. `record` is an element's name or its path from the
    root (`catalog/products/product`). Raises InputError where the file stops being well-formed or is refused."""
    reader = _Reader(path, record.strip("/"))
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                reader.feed(chunk, final=False)
                while reader.found:
                    yield reader.found.popleft()
            reader.feed(b"", final=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    yield from reader.found
    if not reader.count:
        wanted = record or ", ".join(sorted(USUAL))
        raise InputError(f"{path}: no record in it; name the element of a product in options.record (looked for: {wanted})")


class _Reader:
    """Expat's events as records; the rest of the file leaves no trace."""

    def __init__(self, path: Path, record: str) -> None:
        self._path, self._record = path, record
        self._names: list[str] = []
        self._builder: Tree.TreeBuilder | None = None
        self._start = self._line = self._size = self._nodes = self._silence = 0
        self._problem = ""
        self.found: deque[Record | RowError] = deque()
        self.count = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.EntityDeclHandler = self._entity
        self._parser.SkippedEntityHandler = self._skipped
        self._parser.ExternalEntityRefHandler = None

    def feed(self, chunk: bytes, *, final: bool) -> None:
        """Raises InputError."""
        self._silence += len(chunk)
        if self._silence > MAX_SILENCE:
            raise InputError(f"{self._path}: {MAX_SILENCE} bytes without an element")
        try:
            self._parser.Parse(chunk, final)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise InputError(f"{self._path}: is not well-formed XML: {error}") from None

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        self._silence = 0
        name = _local(tag)
        self._names.append(name)
        if len(self._names) > MAX_DEPTH:
            raise InputError(f"{self._path}: elements lie more than {MAX_DEPTH} deep")
        if self._builder is None:
            if not self._is_record(name):
                return
            self._builder, self._start, self._line = Tree.TreeBuilder(), len(self._names), self._parser.CurrentLineNumber
            self._size, self._nodes, self._problem = 0, 0, ""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._problem = f"has more than {MAX_NODES} elements"
        plain = {_local(key): value for key, value in attributes.items()}
        if self._fits(len(name) + sum(len(key) + len(value) for key, value in plain.items())):
            self._builder.start(name, plain)

    def _text(self, data: str) -> None:
        self._silence = 0
        if self._builder is not None and self._fits(len(data)):
            self._builder.data(data)

    def _end(self, tag: str) -> None:
        self._silence = 0
        depth = len(self._names)
        name = self._names.pop()
        if self._builder is None:
            return
        if not self._problem:
            self._builder.end(name)
        if depth == self._start:
            self.count += 1
            self.found.append(
                RowError(self._problem, file=str(self._path), line=self._line)
                if self._problem
                else (self._line, self._builder.close())
            )
            self._builder = None

    def _fits(self, characters: int) -> bool:
        """Whether the record may go on; the first thing too many ends what is kept of it."""
        self._size += characters
        if self._size > MAX_RECORD and not self._problem:
            self._problem = f"has more than {MAX_RECORD} characters"
        return not self._problem

    def _is_record(self, name: str) -> bool:
        if "/" in self._record:
            return "/".join(self._names) == self._record
        return name == self._record if self._record else name.casefold() in USUAL and len(self._names) > 1

    def _doctype(self, _name: str, _system: str | None, _public: str | None, own: int) -> None:
        if own:
            raise InputError(f"{self._path}: holds declarations of its own (DOCTYPE), which are not read")

    def _entity(self, name: str, *_: object) -> None:
        raise InputError(f"{self._path}: declares the entity {name[:40]!r}; entities are not read")

    def _skipped(self, name: str, _parameter: int) -> None:
        raise InputError(f"{self._path}: names the entity {name[:40]!r}, which is declared nowhere")


def _local(name: str) -> str:
    return name.rpartition(":")[2]
