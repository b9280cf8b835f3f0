"""Image addresses of a catalogue as URIs that mean the same from every folder."""

from __future__ import annotations

import os.path
import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

SCHEMES = ("http", "https", "s3", "file")
_CONTROL = re.compile(r"[\x00-\x1f]")


class AddressError(ValueError):
    """An image address of a kind we never read. The source turns it into a RowError."""


def locate(value: str, base: Path, *, basename_in: str = "") -> str:
    """Absolute path or URL of an image. A relative path is meant from `base`, the catalogue's folder. Raises AddressError."""
    if _CONTROL.search(value):
        raise AddressError("the address contains a control character")
    if basename_in:
        name = PurePosixPath(unquote(urlsplit(value).path)).name
        if name in ("", ".."):
            raise AddressError(f"{value!r} does not end in a file name")
        return os.path.normpath(base / basename_in / name)
    scheme, separator, _ = value.partition(":")
    if value.startswith("//"):
        return f"https:{value}"
    if separator and scheme.replace("+", "").isalnum() and "/" not in scheme:
        if scheme.lower() in SCHEMES:
            return value
        if value.partition(":")[2].startswith("//") or scheme.lower() in ("data", "javascript", "blob"):
            raise AddressError(f"{scheme}: addresses are not read; use a path, file:, http:, https: or s3:")
    return os.path.normpath(os.path.join(base, value))  # noqa: PTH118 - pathlib takes five times as long, and there are millions
