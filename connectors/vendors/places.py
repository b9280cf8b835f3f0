"""The order of a product's pictures where the vendor keeps none: ours say their place, people's fill the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def in_places(pictures: Sequence[T], place: Callable[[T], int | None]) -> list[T]:
    """Each at its place, counted from 0; those without one keep their order and take the places that are left."""
    rest = [picture for picture in pictures if place(picture) is None]
    ours = sorted(((at, number) for number, picture in enumerate(pictures) if (at := place(picture)) is not None))
    found: list[T] = []
    for at, number in ours:
        missing = max(0, at - len(found))
        found += rest[:missing]
        del rest[:missing]
        found.append(pictures[number])
    return found + rest
