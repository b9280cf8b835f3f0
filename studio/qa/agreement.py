"""Would the limits have agreed with people? What reviewers decided, held against the limits that held the pictures back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from studio.destination import Limit

FEW = 5
"""Decisions below which no other bound is proposed."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One picture: what was measured, the limits that held, and whether a person let it through."""

    measurements: Mapping[str, float]
    limits: Mapping[str, Limit]
    accepted: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """One bound of one measurement. `held`: pictures that it held back and somebody decided about; `accepted` of them people let
    through all the same. `better` is the bound that most of these decisions agree with, None where it is the one there is or
    there are too few; `then` is how many would agree with it."""

    name: str
    side: Literal["min", "max"]
    bound: float
    held: int
    accepted: int
    better: float | None = None
    then: int = 0

    @property
    def agreed(self) -> float:
        """Share of its verdicts that people confirmed, 0..1."""
        return (self.held - self.accepted) / self.held


def agreements(judged: Iterable[Judged]) -> list[Agreement]:
    """A line for every bound that held something back, those that people overrule most often first."""
    found: dict[tuple[str, Literal["min", "max"], float], list[tuple[float, bool]]] = defaultdict(list)
    for one in judged:
        for name, limit in one.limits.items():
            value = one.measurements.get(name)
            if value is None or value != value:
                continue
            if limit.max is not None and value > limit.max:
                found[name, "max", limit.max].append((value, one.accepted))
            if limit.min is not None and value < limit.min:
                found[name, "min", limit.min].append((value, one.accepted))
    lines = [_line(*place, values) for place, values in found.items()]
    return sorted(lines, key=lambda line: (-line.accepted, -line.held, line.name, line.side, line.bound))


def _line(name: str, side: Literal["min", "max"], bound: float, values: list[tuple[float, bool]]) -> Agreement:
    accepted = sum(good for _, good in values)
    better, then = _better(side, values)
    if len(values) < FEW or then <= len(values) - accepted:
        return Agreement(name, side, bound, len(values), accepted)
    return Agreement(name, side, bound, len(values), accepted, better, then)


def _better(side: Literal["min", "max"], values: list[tuple[float, bool]]) -> tuple[float, int]:
    """The least loosened bound with which most decisions agree, and how many do. One pass over the sorted values."""
    ordered = sorted(values, reverse=side == "min")
    agree = sum(not good for _, good in ordered)
    best, bound = agree, ordered[0][0]
    for place, (value, good) in enumerate(ordered):
        agree += 1 if good else -1
        last_of_its_value = place + 1 == len(ordered) or ordered[place + 1][0] != value
        if last_of_its_value and agree > best:
            best, bound = agree, value
    return bound, best
