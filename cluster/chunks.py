"""Cutting a night into chunks: longest work first, guided self-scheduling, single shots at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def guided(items: Sequence[Item], *, workers: int, largest: int) -> Iterator[Sequence[Item]]:
    """Chunks of remaining / (4 x workers) items, at least 1, at most `largest` (guided self-scheduling, Polychronopoulos
    and Kuck 1987): big while there is much to do, small at the end so that workers finish together.
    """
    start = 0
    while start < len(items):
        size = max(1, min(largest, (len(items) - start) // (4 * workers)))
        yield items[start : start + size]
        start += size
