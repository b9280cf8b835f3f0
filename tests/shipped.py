"""The looks, destinations and brands that Packshot brings along, read once for all tests of a process."""

from __future__ import annotations

from functools import cache

from templates.library import Library


@cache
def library() -> Library:
    """Shared: nothing about a Library changes after it was read."""
    return Library.default()
