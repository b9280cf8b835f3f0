"""Products out of files that somebody leaves for us."""

from __future__ import annotations

import gzip
import json
import os.path
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, cast
from urllib.parse import quote

from connectors.sources.mapping import Mapping
from connectors.sources.registry import open_source
from connectors.vendors.base import Listing, Page
from connectors.vendors.drops.files import Capped, Choice, Drop, File
from connectors.vendors.drops.xml_source import XmlSource
from studio.errors import InputError, InvalidCursor, RowError, VendorRefused, VendorUnavailable
from studio.keys import digest_bytes
from studio.product import Product, ProductImage

PAGE = 500
"""Products a page."""
MAX_UNPACKED = 4 << 30
"""Bytes of a file after gzip."""
MARK = "packshot-deleted"
"""Attribute that holds the cell which says that a product is gone; it is taken out again."""
_YES = frozenset({"1", "true", "yes", "y", "x", "deleted"})
Entry = Product | RowError


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file becomes products. `format` is a name of `connectors/sources/registry.py`, or `xml`, or "" for the file's
    extension; `record` the element of a product in XML; `images` where pictures are that are named by a relative path."""

    mapping: Mapping | None = None
    format: str = ""
    record: str = ""
    images: str = ""
    deleted: str = ""
    """`column`, or `column=value`: rows that say so are products that are gone."""


class DropSource:
    """A product is a row of a file, its ref is its SKU; where several files have it, the file that was changed last.

    Files are read oldest change first, each once for every version of it: an unchanged file is not opened. A changed one is read
    whole, because only its rows tell what is new. What merely vanishes from a complete export is not told as gone here:
    reconciliation finds it. A file that cannot be read is a RowError, and the others go on.
    """

    def __init__(
        self, drop: Drop, choice: Choice, reading: Reading, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._drop, self._choice, self._reading, self._clock = drop, choice, reading, clock

    def pages(self, cursor: str = "") -> Iterator[Page]:
        """Raises InvalidCursor, VendorError's kinds. The cursor knows each file's version, and the row in the one under way."""
        at = _read(cursor)
        files = self._files(whole=not cursor)
        done = {file.name: at.done[file.name] for file in files if file.name in at.done}
        for file in files:
            if not file.stamp or done.get(file.name) != _short(file.stamp):
                yield from self._changed(file, done, at)
        yield Page((), _Place(done).text())

    def listing(self, ref: str) -> Listing | None:
        """Reads files from the newest back until one has the SKU. Raises VendorError's kinds; RowError where no file has it and a
        row that cannot be understood may be the one."""
        problem: RowError | None = None
        for file in reversed(self._files(whole=True)):
            with self._fetched(file) as (path, _):
                for entry in self._entries(path, file):
                    if isinstance(entry, RowError):
                        problem = problem or entry
                    elif entry.sku == ref:
                        return None if self._is_gone(entry) else Listing(ref, _unmarked(entry), updated=file.changed)
        if problem is not None:
            raise problem
        return None

    def _files(self, *, whole: bool) -> list[File]:
        """`whole`: somebody concludes from what is missing. Raises VendorUnavailable while a file is left out for its youth, and
        VendorRefused when there is none: an empty drop is no empty catalogue."""
        there, now = self._drop.files(), self._clock()
        files = self._choice.among(there, now)
        if whole and (young := self._choice.resting(there, now)):
            raise VendorUnavailable(f"{young[0]} was changed less than {self._choice.settle} ago and may still be written")
        if whole and not files:
            raise VendorRefused(f"no file of {len(there)} fits {self._choice.pattern!r}, or none is marked as complete")
        return files

    def _changed(self, file: File, done: dict[str, str], at: _Place) -> Iterator[Page]:
        with self._fetched(file) as (path, stamp):
            if done.get(file.name) == stamp:
                return
            row = at.row if (at.file, at.stamp) == (file.name, stamp) else 0
            entries = islice(self._entries(path, file), row, None)
            while some := list(islice(entries, PAGE)):
                row += len(some)
                yield self._page(some, file, _Place(dict(done), file.name, stamp, row))
        done[file.name] = stamp

    def _page(self, some: list[Entry], file: File, place: _Place) -> Page:
        gone = tuple(entry.sku for entry in some if isinstance(entry, Product) and self._is_gone(entry))
        listings = tuple(
            entry if isinstance(entry, RowError) else Listing(entry.sku, _unmarked(entry), updated=file.changed)
            for entry in some
            if isinstance(entry, RowError) or not self._is_gone(entry)
        )
        return Page(listings, place.text(), gone)

    @contextmanager
    def _fetched(self, file: File) -> Iterator[tuple[Path, str]]:
        """The file on our disk, under a name of ours, and its stamp."""
        with tempfile.TemporaryDirectory(prefix="packshot-drop-") as folder:
            plain = file.name.removesuffix(".gz")
            path = Path(folder).resolve() / f"catalog{Path(plain).suffix}"
            with path.open("w+b") as stream:
                stamp = self._drop.fetch(file, stream)
            if plain != file.name:
                _unpack(path, file.name)
            yield path, _short(stamp)

    def _entries(self, path: Path, file: File) -> Iterator[Entry]:
        """Every row, with errors that name the file as the sender does."""
        reading = self._reading
        try:
            if (reading.format or path.suffix.lower().removeprefix(".")) == "xml":
                items: Iterator[Entry] = iter(XmlSource(path, reading.mapping, reading.record))
            else:
                items = iter(open_source(path, mapping=reading.mapping, format=reading.format or None))
            for line, item in enumerate(items, 1):
                if isinstance(item, RowError):
                    yield RowError(item.problem.replace(str(path), file.name), file=file.name, line=item.line, field=item.field)
                else:
                    yield self._placed(item, path, file, line)
        except InputError as error:
            yield RowError(error.message.replace(str(path), file.name).removeprefix(f"{file.name}: "), file=file.name, line=1)

    def _placed(self, product: Product, path: Path, file: File, number: int) -> Entry:
        """Pictures by addresses that can be read from anywhere: a catalogue names no file of ours and no bucket but its own."""
        images: list[ProductImage] = []
        for image in product.images:
            uri = self._address(image.uri, path.parent)
            if not uri:
                named = os.path.relpath(image.uri, path.parent) if image.uri.startswith("/") else image.uri
                problem = f"{product.sku}: {named[:200]!r} cannot be read from here; set options.images"
                return RowError(problem, file=file.name, line=number, field="images")
            images.append(ProductImage(uri=uri, role=image.role))
        return product.model_copy(update={"images": tuple(images)})

    def _address(self, uri: str, folder: Path) -> str:
        if uri.lower().startswith(("https://", "http://")) or self._drop.own_picture(uri):
            return uri
        if not uri.startswith(f"{folder}/"):
            return ""
        relative = uri.removeprefix(f"{folder}/")
        if self._reading.images:
            return f"{self._reading.images.rstrip('/')}/{quote(relative)}"
        return self._drop.picture(relative)

    def _is_gone(self, product: Product) -> bool:
        _, equals, value = self._reading.deleted.partition("=")
        said = product.attributes.get(MARK, "").strip().casefold()
        return said == value.strip().casefold() if equals else said in _YES


@dataclass(frozen=True, slots=True)
class _Place:
    """Versions of the files that are through, and how far the one under way was read."""

    done: dict[str, str]
    file: str = ""
    stamp: str = ""
    row: int = 0

    def text(self) -> str:
        return json.dumps([1, self.done, self.file, self.stamp, self.row], ensure_ascii=False, separators=(",", ":"))


def _read(cursor: str) -> _Place:
    if not cursor:
        return _Place({})
    try:
        version, done, file, stamp, row = json.loads(cursor)
        sound = version == 1 and isinstance(row, int) and row >= 0 and isinstance(file, str) and isinstance(stamp, str)
        if not sound or not all(isinstance(value, str) for value in done.values()):
            raise ValueError(cursor)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise InvalidCursor("this is no cursor of a file drop") from None
    return _Place(done, file, stamp, row)


def _short(stamp: str) -> str:
    return digest_bytes(stamp.encode())[:16]


def _unmarked(product: Product) -> Product:
    if MARK not in product.attributes:
        return product
    return product.model_copy(update={"attributes": {k: v for k, v in product.attributes.items() if k != MARK}})


def _unpack(path: Path, name: str) -> None:
    """Raises VendorRefused for what is no gzip, or a bomb."""
    packed = path.rename(path.with_name("packed"))
    try:
        with gzip.open(packed) as stream, path.open("wb") as into:
            capped = Capped(into, name, MAX_UNPACKED)
            while chunk := cast("IO[bytes]", stream).read(1 << 20):
                capped.write(chunk)
    except (OSError, EOFError, zlib.error):
        raise VendorRefused(f"{name} is no gzip file, or half of one") from None
    finally:
        packed.unlink()
