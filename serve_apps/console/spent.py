"""What was spent, as the cost page and the overview show it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from connectors.spend import Spend, Sum
from serve_apps.parts import Parts

FRESH_S = 10.0


@dataclass(frozen=True, slots=True)
class Spent:
    """A price with a word about it."""

    price: float
    currency: str
    note: str


@lru_cache(maxsize=4)
def spend_of(url: str) -> Spend:
    """The sums in the record database at a URL."""
    return Spend(url)


def today(parts: Parts) -> Spent:
    """Since midnight UTC."""
    found = sums(parts, (), since=datetime.now(UTC).date())
    images = found[0].images if found else 0
    note = f"for {images:,} picture{'' if images == 1 else 's'} since 00:00 UTC"
    return Spent(found[0].price if found else 0.0, parts.settings.prices.currency, note)


def sums(parts: Parts, by: Sequence[str], *, since: date | None = None, first: int = 0, most: int | None = None) -> list[Sum]:
    """Sums by group, the dearest first, at most `most` after `first` of them and at most `FRESH_S` old. Raises InputError for a
    group that there is not."""
    return _summed(parts.settings.records, tuple(by), since, first, most, int(time.monotonic() / FRESH_S))


def groups(parts: Parts, by: str, *, since: date) -> int:
    """How many groups there are, at most `FRESH_S` old. Raises InputError."""
    return _counted(parts.settings.records, by, since, int(time.monotonic() / FRESH_S))


@lru_cache(maxsize=16)
def _summed(url: str, by: tuple[str, ...], since: date | None, first: int, most: int | None, _turn: int) -> list[Sum]:
    return spend_of(url).sums(by, since=since, first=first, most=most)


@lru_cache(maxsize=16)
def _counted(url: str, by: str, since: date, _turn: int) -> int:
    return spend_of(url).count((by,), since=since)


def by_day(parts: Parts, days: int) -> list[tuple[date, float, int]]:
    """Price and pictures of each of the latest days, today last, days without work too."""
    last = datetime.now(UTC).date()
    found = {one.group[0]: one for one in sums(parts, ("day",), since=last - timedelta(days=days - 1))}
    every = [last - timedelta(days=back) for back in range(days - 1, -1, -1)]
    return [(day, *((one.price, one.images) if (one := found.get(str(day))) else (0.0, 0))) for day in every]
