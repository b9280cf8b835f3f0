"""`FolderStorage`: blobs and actions as files. Names appear only once their bytes are complete."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.storage.keys import checked
from studio.errors import NotStored, StorageError, StorageUnavailable
from studio.keys import digest_bytes

PASSING = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EINTR}
)
"""What somebody can mend while we wait: a full disk, a quota, a file server that went away, too many open files."""


class FolderStorage:
    """`<root>/blobs/ab/<digest>` and `<root>/actions/ab/<key>`. Safe for racing threads and processes on one file system.

    The file system needs hard links (local disks and NFS have them). `fsync` survives a power cut at the price of speed.
    """

    def __init__(self, root: str | Path, *, fsync: bool = False) -> None:
        self.uri = str(root)
        self._root = Path(root)
        self._fsync = fsync

    def put_blob(self, data: bytes, *, media_type: str = "application/octet-stream") -> str:
        """Keep bytes; a damaged copy is replaced. The media type is not kept: the digest's user knows it."""
        del media_type
        digest = digest_bytes(data)
        path = self._path("blobs", digest)
        with _mapped(path):
            if not _holds(path, data):
                self._write(path, data, Path.replace)
        return digest

    def get_blob(self, digest: str) -> bytes:
        """Bytes by digest. Raises NotStored, or StorageError when they no longer have that digest."""
        path = self._path("blobs", digest)
        with _mapped(path):
            data = path.read_bytes()
        if digest_bytes(data) != digest:
            raise StorageError(f"blob {digest} is damaged in {self.uri}; writing it again repairs it")
        return data

    def has_blob(self, digest: str) -> bool:
        """Whether the blob is there (its bytes are not checked)."""
        path = self._path("blobs", digest)
        with _mapped(path):
            return path.exists()

    def put_action(self, key: str, value: bytes) -> bool:
        """Record an action; False when somebody else was first."""
        path = self._path("actions", key)
        with _mapped(path):
            if path.exists():
                return False
            try:
                self._write(path, value, os.link)
            except FileExistsError:
                return False
        return True

    def get_action(self, key: str) -> bytes | None:
        """What was recorded under a key, or None."""
        path = self._path("actions", key)
        with _mapped(path):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def drop_action(self, key: str) -> None:
        """Forget an action."""
        path = self._path("actions", key)
        with _mapped(path):
            path.unlink(missing_ok=True)

    def __reduce__(self) -> tuple[object, ...]:
        return _reopen, (self.uri, self._fsync)

    def _path(self, kind: str, key: str) -> Path:
        return self._root / kind / checked(key)[:2] / key

    def _write(self, path: Path, data: bytes, publish: Callable[[Path, Path], object]) -> None:
        """Write beside `path`, then give it its name in one step. `os.link` refuses a name that is taken."""
        part = path.with_name(f".part-{secrets.token_hex(8)}")
        try:
            try:
                part.write_bytes(data)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                part.write_bytes(data)
            if self._fsync:
                _flush(part)
            publish(part, path)
            if self._fsync:
                _flush(path.parent)
        finally:
            part.unlink(missing_ok=True)


def _reopen(root: str, fsync: bool) -> FolderStorage:
    return FolderStorage(root, fsync=fsync)


def _holds(path: Path, data: bytes) -> bool:
    """Whether the file is there and undamaged. Reading it costs less than the render that follows from a damaged blob."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except FileNotFoundError:
        return False


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _mapped(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotStored(f"{path.name} is not stored") from None
    except TimeoutError as error:
        raise StorageUnavailable(f"{path}: {error}") from None
    except OSError as error:
        kind = StorageUnavailable if error.errno in PASSING else StorageError
        raise kind(f"{path}: {error.strerror or error}") from None
