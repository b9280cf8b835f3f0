"""Meters: what a run's results and an order's shots cost, counted once each, kept in `Spend`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from cluster.metering.charges import charges
from cluster.metering.tariff import Tariff
from cluster.tiers import Tier
from connectors.spend import ORDERS, Amount, Amounts, Place, Spend, merged
from studio.errors import PackshotError
from studio.keys import digest_of
from studio.shot import Done, Outcome, Report, Shot

log = logging.getLogger(__name__)
UNSAVED = 10_000
"""Shots of orders that are kept for later while the database does not answer."""


class RunMeter:
    """Sums of one run. They are written as they stand, so that a run taken up again counts nothing twice."""

    def __init__(self, run: str, tariff: Tariff, spend: Spend, tier: Tier = "standard") -> None:
        self._run, self._tariff, self._spend, self._tier = run, tariff, spend, tier
        self._sums: dict[Place, Amount] = {}
        self._dirty: set[Place] = set()

    def take(self, report: Report, *, released: bool, brand: str, template: str, destination: str, day: date) -> None:
        """Count a shot's report; one from the store is free and not counted."""
        where = Place(self._run, day, self._tier, brand, template, destination, "", "")
        amounts = dict(amounts_of(report, where, self._tariff, released=released))
        merged(self._sums, amounts.items())
        self._dirty |= set(amounts)

    @property
    def brands(self) -> frozenset[str]:
        """Whose products were made."""
        return frozenset(place.brand for place in self._sums)

    @property
    def price(self) -> float:
        """Of everything counted so far."""
        return sum(amount.price for amount in self._sums.values())

    def parts(self) -> list[dict[str, Any]]:
        """Sums by step and model as JSON, the dearest first."""
        found: dict[tuple[str, str], Amount] = {}
        for place, amount in self._sums.items():
            if place.step:
                found[place.step, place.model] = found.get((place.step, place.model), Amount()) + amount
        rows = [{"step": step, "model": model, **asdict(amount)} for (step, model), amount in found.items()]
        return sorted(rows, key=lambda row: -row["price"])

    def save(self) -> None:
        """Write what has changed. Raises what `Spend` raises."""
        changed = {place: self._sums[place] for place in self._dirty}
        if changed:
            self._spend.put(changed)
        self._dirty.clear()


class OrderMeter:
    """What orders cost. A render counts once, however many orders share it or ask again; safe for many threads."""

    def __init__(self, tariff: Tariff, spend: Spend) -> None:
        self._tariff, self._spend = tariff, spend
        self._lock = threading.Lock()
        self._unsaved: dict[str, Amounts] = {}

    def take(self, made: Mapping[str, tuple[Shot, Outcome]], tier: Tier) -> None:
        """Count outcomes by shot key. While the database does not answer they wait here for the next call."""
        day = datetime.now(UTC).date()
        with self._lock:
            for key, (shot, outcome) in made.items():
                where = Place(ORDERS, day, tier, shot.product.brand, shot.template.key, shot.destination.id, "", "")
                released = isinstance(outcome, Done)
                if amounts := dict(amounts_of(outcome.report, where, self._tariff, released=released)):
                    self._unsaved[_render_of(key, outcome.report)] = amounts
            self._save()

    def _save(self) -> None:
        try:
            for name in list(self._unsaved):
                self._spend.add(name, self._unsaved[name])
                del self._unsaved[name]
        except PackshotError as error:
            log.warning("%d renders are not in the costs yet: %s", len(self._unsaved), error.message)
            while len(self._unsaved) > UNSAVED:
                del self._unsaved[next(iter(self._unsaved))]


def amounts_of(report: Report, where: Place, tariff: Tariff, *, released: bool) -> Iterator[tuple[Place, Amount]]:
    """A shot's charges as amounts, with the line that counts it; nothing for one that came from the store."""
    if "shot" in report.reused:
        return
    tier: Tier = "urgent" if where.tier == "urgent" else "standard"
    found: dict[Place, Amount] = {where: Amount(runs=1, released=int(released))}
    for one in charges(report, tariff, tier=tier, day=where.day):
        place = Place(where.run, where.day, where.tier, where.brand, where.template, where.destination, one.step, one.model)
        merged(found, [(place, Amount(one.runs, 0, one.cpu_s, one.gpu_s, one.lost_s, one.price))])
    yield from found.items()


def _render_of(key: str, report: Report) -> str:
    """A name for one render of a shot: no two of them take the same time to the microsecond in every part."""
    return digest_of([key, report.cpu_parts, report.gpu_parts, report.lost_parts, report.cpu_s, report.gpu_s])[:40]
