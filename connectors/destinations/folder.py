"""`FolderDestination`: released images as files in a folder for each SKU."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.names import safe_name
from connectors.storage.folder import PASSING
from studio.errors import InputError, StorageError, StorageUnavailable
from studio.keys import digest_bytes

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=~-]{0,119}")
_MARKS = ".packshot"


class FolderDestination:
    """`<root>/<safe sku>/<name>`. Files of other origin are never overwritten or removed.

    What we wrote is known by empty files `.packshot/<name>@<digest>` beside the images: made before the image, so that a crash
    leaves nothing we do not know, and without a shared list that two processes could spoil. Thread-safe.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def publish(self, sku: str, name: str, data: bytes) -> Path:
        """Put an image in its place and return its path; the same bytes again write nothing.

        Raises InputError when `name` is not a plain file name or a file of other origin has the place, StorageUnavailable when
        the disk is full, StorageError when writing fails otherwise.
        """
        path = self._path(sku, name)
        digest = digest_bytes(data)
        with _mapped(path):
            there = _digest(path)
            if there and there != digest and not self._ours(path, there):
                raise InputError(f"{path} was not written by Packshot or was changed since; move it away to publish here")
            self._mark(path, digest)
            if there != digest:
                _write(path, data)
            self._forget(path, keep=digest)
        return path

    def retract(self, sku: str, name: str) -> bool:
        """Remove an image we wrote; False when it is not there, or not ours any more (then it stays). Empty folders go too."""
        path = self._path(sku, name)
        with _mapped(path):
            there = _digest(path)
            ours = bool(there) and self._ours(path, there)
            if ours:
                path.unlink(missing_ok=True)
            self._forget(path)
            for folder in (path.parent / _MARKS, path.parent):
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
        return ours

    def _path(self, sku: str, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise InputError(f"{name[:80]!r} is not a plain file name")
        return self.root / safe_name(sku) / name

    def _marker(self, path: Path, digest: str) -> Path:
        return path.parent / _MARKS / f"{path.name}@{digest}"

    def _ours(self, path: Path, digest: str) -> bool:
        return self._marker(path, digest).exists()

    def _mark(self, path: Path, digest: str) -> None:
        marker = self._marker(path, digest)
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()

    def _forget(self, path: Path, keep: str = "") -> None:
        """Drop the marks of earlier versions of a file."""
        folder = path.parent / _MARKS
        for marker in folder.iterdir() if folder.is_dir() else ():
            name, _, digest = marker.name.rpartition("@")
            if name == path.name and digest != keep:
                marker.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    """BLAKE3 of the file that is there, or ""."""
    try:
        return digest_bytes(path.read_bytes())
    except FileNotFoundError:
        return ""


def _write(path: Path, data: bytes) -> None:
    part = path.parent / _MARKS / f"part-{secrets.token_hex(8)}"
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _mapped(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = StorageUnavailable if error.errno in PASSING else StorageError
        raise kind(f"{path}: {error.strerror or error}") from None
