"""Local image files, read only inside the folders that are allowed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from studio.errors import FetchFailed, FetchRefused, FileTooLarge


def local_path(uri: str) -> Path:
    """Path of a `file:` URL or a bare path. Raises FetchRefused for a file URL that names another machine."""
    if not uri.lower().startswith("file:"):
        return Path(uri)
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise FetchRefused(f"{uri}: a file: URL must not name a host")
    return Path(unquote(parts.path))


def allowed(path: Path, roots: tuple[Path, ...] | None) -> Path:
    """The real path, links followed. Raises FetchRefused outside `roots` (None allows all), FetchFailed when it is missing."""
    try:
        real = path.resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        if roots is not None and not _inside(Path(os.path.abspath(path)), roots):  # noqa: PTH100 - resolve() has just failed
            raise FetchRefused(f"{path}: outside the allowed folders") from None
        raise missing(f"{path}: there is no such file ({error})") from None
    if roots is not None and not _inside(real, roots):
        raise FetchRefused(f"{path}: outside the allowed folders")
    return real


def read_file(path: Path, roots: tuple[Path, ...] | None, max_bytes: int) -> bytes:
    """Bytes of a regular file. Raises FetchRefused, FetchFailed or FileTooLarge."""
    real = allowed(path, roots)
    try:
        handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as stream:  # noqa: PTH123 - a descriptor, not a path
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FetchRefused(f"{path}: not a regular file")
            data = stream.read(max_bytes + 1)
    except OSError as error:
        raise missing(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > max_bytes:
        raise FileTooLarge(f"{path}: more than {max_bytes} bytes")
    return data


def stamps(paths: Iterable[str], roots: tuple[Path, ...] | None) -> dict[str, str]:
    """`size-mtime_ns` of many files, a folder looked at once; "" for what is missing or not allowed."""
    open_folders: dict[str, bool] = {}
    found: dict[str, str] = {}
    for path in paths:
        folder = os.path.dirname(path)  # noqa: PTH120 - pathlib takes ten times as long, and there are millions
        if folder not in open_folders:
            open_folders[folder] = roots is None or _is_allowed(Path(folder), roots)
        plain = _plain_stamp(path) if open_folders[folder] else ""
        found[path] = plain or stamp(Path(path), roots)
    return found


def stamp(path: Path, roots: tuple[Path, ...] | None) -> str:
    """`size-mtime_ns`, or "" when the file is missing or not allowed."""
    try:
        return _stamp_of(allowed(path, roots).stat())
    except (OSError, FetchRefused, FetchFailed):
        return ""


def missing(message: str) -> FetchFailed:
    """A FetchFailed that another try will not cure."""
    error = FetchFailed(message)
    error.retryable = False
    return error


def _plain_stamp(path: str) -> str:
    """Stamp of a regular file; "" for a link, which is left to `stamp`: that checks where it leads."""
    try:
        return _stamp_of(os.lstat(path))
    except (OSError, ValueError):
        return ""


def _stamp_of(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}" if stat.S_ISREG(status.st_mode) else ""


def _is_allowed(folder: Path, roots: tuple[Path, ...]) -> bool:
    try:
        return _inside(folder.resolve(strict=True), roots)
    except (OSError, RuntimeError):
        return False


def _inside(path: Path, roots: tuple[Path, ...]) -> bool:
    return any(path.is_relative_to(root.resolve()) for root in roots)
