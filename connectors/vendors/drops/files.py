"""`Drop`: a place where somebody leaves files for us."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Protocol, TypeVar

from connectors.vendors.connection import Connection
from studio.errors import SettingsError, VendorRefused, VendorUnavailable

MAX_FILE = 2 << 30
"""Bytes of one file."""
MAX_FILES = 2000
"""Files of one drop: what the cursor has to remember."""
TRIES = 3
PAUSE_S = 2.0
_HALF = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".swp")
"""Names that file transfer programs give to what they still write."""
Got = TypeVar("Got")


@dataclass(frozen=True, slots=True)
class File:
    """A file as listed. `stamp` is another for every version; "" where only reading the file tells."""

    name: str
    stamp: str = ""
    size: int = 0
    changed: datetime | None = None


class Drop(Protocol):
    """Raises VendorError's kinds. Thread-safe."""

    def files(self) -> list[File]:
        """Everything that is there, in no order."""
        ...

    def fetch(self, file: File, into: BinaryIO) -> str:
        """Write a file's bytes; the stamp of the version that was read. Raises VendorUnavailable for one that changed."""
        ...

    def picture(self, relative: str) -> str:
        """Address of a picture that the catalogue names by a path beside it; "" where pictures cannot be read from there."""
        ...

    def own_picture(self, uri: str) -> bool:
        """Whether an address other than http(s) belongs to this drop."""
        ...


class Capped:
    """A file that is written to, up to a limit. Raises VendorRefused beyond it."""

    def __init__(self, stream: BinaryIO, name: str, limit: int = MAX_FILE) -> None:
        self._stream, self._name, self._limit, self.size = stream, name, limit, 0

    def write(self, data: bytes) -> None:
        """Bytes on their way to the disk."""
        self.size += len(data)
        if self.size > self._limit:
            raise VendorRefused(f"{self._name}: more than {self._limit} bytes")
        self._stream.write(data)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which files are catalogues. `marker` is what the sender's "this one is complete" files have after the name."""

    pattern: str = "*"
    marker: str = ""
    settle: timedelta = timedelta(0)
    """How old a file must be: a younger one may still be written."""

    def among(self, files: Sequence[File], now: datetime) -> list[File]:
        """Oldest change first. Raises VendorRefused for too many."""
        names = {file.name for file in files}
        chosen = [file for file in files if self._fits(file, names) and not self._fresh(file, now)]
        if len(chosen) > MAX_FILES:
            raise VendorRefused(f"{len(chosen)} files, {MAX_FILES} are read; narrow them with options.pattern")
        start = datetime.min.replace(tzinfo=UTC)
        return sorted(chosen, key=lambda file: (file.changed or start, file.name))

    def resting(self, files: Sequence[File], now: datetime) -> list[str]:
        """Names of those that would be taken if they were older."""
        names = {file.name for file in files}
        return sorted(file.name for file in files if self._fits(file, names) and self._fresh(file, now))

    def _fits(self, file: File, names: set[str]) -> bool:
        name, last = file.name, file.name.rpartition("/")[2]
        if last.startswith((".", "~")) or last.lower().endswith(_HALF) or (name.count("/") > self.pattern.count("/")):
            return False
        if self.marker and (last.endswith(self.marker) or name + self.marker not in names):
            return False
        return fnmatch.fnmatchcase(name, self.pattern)

    def _fresh(self, file: File, now: datetime) -> bool:
        """A time far ahead of ours is a wrong clock, not a young file."""
        return file.changed is not None and abs(now - file.changed) < self.settle


def choice_of(connection: Connection, name: str, settle_s: int) -> Choice:
    """From the options `pattern`, `marker` and `settle` (seconds). `name`: the one file of an address. Raises SettingsError."""
    settle = connection.option("settle", str(settle_s))
    if not (settle.isascii() and settle.isdigit() and len(settle) < 6):
        raise SettingsError(f"connections.{connection.name}.options.settle is a number of seconds")
    pattern = glob_free(name) if name else connection.option("pattern", "*")
    return Choice(pattern, connection.option("marker"), timedelta(seconds=int(settle)))


def glob_free(name: str) -> str:
    """A pattern that only this name fits."""
    return "".join(f"[{mark}]" if mark in "*?[" else mark for mark in name)


def tried(work: Callable[[], Got], sleep: Callable[[float], None] = time.sleep) -> Got:
    """Three times, where it is VendorUnavailable that comes."""
    for attempt in range(1, TRIES):
        try:
            return work()
        except VendorUnavailable:
            sleep(PAUSE_S * attempt)
    return work()
