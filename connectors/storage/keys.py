"""What may be a key of the store."""

from __future__ import annotations

import re

from studio.errors import StorageError

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{3,199}")


def checked(key: str) -> str:
    """A digest or action key that is safe as a file and object name. Raises StorageError."""
    if not _KEY.fullmatch(key):
        raise StorageError(f"{key[:80]!r} is not a key")
    return key
