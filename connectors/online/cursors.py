"""Opaque cursors: where a listing that is ordered by id goes on."""

from __future__ import annotations

import base64
import binascii
import re

from studio.errors import InvalidCursor

_REST = re.compile(r"[0-9a-z]{1,26}")


def cursor_at(last: str) -> str:
    """The cursor of what follows the row `last` (`prefix_rest`)."""
    return base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")


def read_cursor(cursor: str, prefix: str) -> str:
    """The id in a cursor of a listing whose ids have this prefix. Raises InvalidCursor for anything we did not give out."""
    try:
        last = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        last = ""
    if not _REST.fullmatch(last.removeprefix(f"{prefix}_")) or cursor_at(last) != cursor or not last.startswith(f"{prefix}_"):
        raise InvalidCursor("the cursor is not one of this listing")
    return last
