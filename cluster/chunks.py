"""Cutting a night into chunks: longest work first, guided self-scheduling, single shots at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
SHARE = 4
"""A chunk is this part of what remains for a worker."""


def guided(items: Sequence[Item], *, workers: int, largest: int) -> Iterator[Sequence[Item]]:
    """Chunks of remaining / (4 x workers) items, at least 1, at most `largest` (guided self-scheduling, Polychronopoulos
    and Kuck 1987): big while there is much to do, small at the end so that workers finish together.
    """
    start = 0
    while start < len(items):
        size = max(1, min(largest, (len(items) - start) // (SHARE * workers)))
        yield items[start : start + size]
        start += size


def even(items: Sequence[Item], *, largest: int) -> Iterator[Sequence[Item]]:
    """Chunks of `largest` items, the last one of what is left: for work that is not the last of a night."""
    yield from (items[start : start + largest] for start in range(0, len(items), largest))


def shrinking(*, workers: int, largest: int) -> int:
    """So many items are left when `guided` chunks begin to shrink; an end cut from fewer keeps workers waiting for each other."""
    return SHARE * workers * largest
