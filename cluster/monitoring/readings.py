"""`Readings`: what is asked of the databases and the runs for a scrape. Every ingress answers the same, so `max` them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from cluster.metering.budgets import BudgetBook
from cluster.monitoring.runs import Runs
from cluster.profile import load_profile
from cluster.settings import Settings
from connectors.database import Database
from connectors.online.ids import first_id
from connectors.online.order import ENDED, OrderState
from connectors.online.store import online
from connectors.online.tables import deliveries, orders
from connectors.records import Records
from connectors.spend import Spend
from connectors.tables import SCHEMA_VERSION, galleries, gallery_history, metadata, sync_waiting
from connectors.waits import Waits
from studio.errors import PackshotError

log = logging.getLogger(__name__)
HELD_S = 5.0
"""For how long a reading is given again: several scrapers ask no more of the databases than one."""
MOST_LATE = 10_000
"""Products that are looked through for the one that waits longest."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_OUTCOMES = ("live", "failed", "rolled_back")


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Sample:
    """The value of a gauge of the catalogue, its labels in the catalogue's order."""

    name: str
    labels: tuple[str, ...]
    value: float


class Readings:
    """Blocking; for many threads. A source that cannot be read leaves its figures out and says so in `packshot_reading`."""

    def __init__(self, settings: Settings, *, now: Callable[[], datetime] = _utc, held_s: float = HELD_S) -> None:
        self._settings, self._now, self._held_s = settings, now, held_s
        self._online = online(settings.online)
        self._records = Database(settings.records, metadata, "records", SCHEMA_VERSION)
        self._runs = Runs(Records(settings.records), settings.runs, settings.storage.endpoint_url)
        self._spend = Spend(settings.records)
        self._waits = Waits(self._records)
        self._lock = threading.Lock()
        self._last: tuple[float, list[Sample]] = (float("-inf"), [])

    def take(self) -> list[Sample]:
        """The readings of now, or of less than `held_s` ago."""
        with self._lock:
            if time.monotonic() - self._last[0] > self._held_s:
                self._last = (time.monotonic(), list(self._read(self._now())))
            return self._last[1]

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._online.close()
        self._records.close()
        self._spend.close()
        self._runs.close()

    def _read(self, now: datetime) -> Iterator[Sample]:
        yield from self._fixed()
        for source, read in (
            ("orders", self._orders),
            ("deliveries", self._delivered),
            ("sync", self._sync),
            ("runs", self._run),
            ("spend", self._spending),
        ):
            try:
                found = list(read(now))
            except (PackshotError, OSError) as error:
                log.warning("no figures of %s: %s", source, error)
                yield Sample("packshot_reading", (source,), 0)
            else:
                yield from found
                yield Sample("packshot_reading", (source,), 1)

    def _fixed(self) -> Iterator[Sample]:
        """What the settings say."""
        profile = load_profile(self._settings.profile)
        shapes = [profile.renderer, *profile.models.values()]
        shapes += [shape.standard for shape in shapes if shape.standard]
        yield Sample("packshot_gpus", (), sum(shape.num_gpus * shape.max_replicas for shape in shapes))

    def _orders(self, now: datetime) -> Iterator[Sample]:
        c = orders.c
        oldest = select(c.priority, func.min(c.created)).where(c.state == OrderState.QUEUED).group_by(c.priority)
        found = dict(tuple(row) for row in self._online.all(oldest))
        for priority in ("standard", "urgent"):
            yield Sample("packshot_order_age_seconds", (priority,), _age(found.get(priority), now))
        ended = select(c.state, func.count()).where(
            c.state.in_(sorted(ENDED)), c.id >= first_id("ord", now - DAY), c.updated >= now - HOUR
        )
        counts = dict(tuple(row) for row in self._online.all(ended.group_by(c.state)))
        for state in sorted(ENDED):
            yield Sample("packshot_orders_ended", (str(state),), counts.get(state, 0))

    def _delivered(self, now: datetime) -> Iterator[Sample]:
        c = deliveries.c
        due = self._online.first(select(func.min(c.next_at)).where(c.state == "pending"))
        yield Sample("packshot_webhook_lag_seconds", ("out",), _age(due[0] if due else None, now))
        pending = self._online.first(select(func.count()).where(c.state == "pending"))
        failed = self._online.first(
            select(func.count()).where(c.state == "failed", c.next_at >= now - DAY, c.updated >= now - HOUR)
        )
        yield Sample("packshot_deliveries", ("pending",), pending[0] if pending else 0)
        yield Sample("packshot_deliveries", ("failed",), failed[0] if failed else 0)

    def _sync(self, now: datetime) -> Iterator[Sample]:
        c, names = sync_waiting.c, sorted(self._settings.connections)
        waiting = dict(self._pairs(select(c.connection, func.count()).group_by(c.connection)))
        due = self._records.first(select(func.min(c.due)).where(c.held_until <= now))
        yield Sample("packshot_webhook_lag_seconds", ("in",), _age(due[0] if due else None, now))
        late = self._late(now)
        for name in names:
            yield Sample("packshot_products_waiting", (name,), waiting.get(name, 0))
            yield Sample("packshot_publish_lag_seconds", (name,), late.get(name, 0.0))
        h = gallery_history.c
        lately = select(h.outcome, func.count()).where(h.id >= first_id("pub", now - HOUR)).group_by(h.outcome)
        counts = dict(self._pairs(lately))
        for outcome in _OUTCOMES:
            yield Sample("packshot_publications", (outcome,), counts.get(outcome, 0))

    def _late(self, now: datetime) -> dict[str, float]:
        """The longest wait of a product by connection. Rows know when they were last tried: another attempt does not make a wait
        young again, and neither does another process."""
        g, w = galleries.c, sync_waiting.c
        pending = self._records.all(select(g.connection, g.ref, g.updated).where(g.state == "pending").limit(MOST_LATE))
        waiting = self._records.all(select(w.connection, w.ref, w.due).limit(MOST_LATE))
        every = max(len(pending), len(waiting)) < MOST_LATE
        rows = {(row[0], row[1]): row[2] for row in (*waiting, *pending)}
        found: dict[str, float] = {}
        for (connection, _), since in self._waits.since(rows, now, every=every).items():
            found[connection] = max(found.get(connection, 0.0), _age(since, now))
        return found

    def _run(self, now: datetime) -> Iterator[Sample]:
        silences = self._runs.silences(now)
        yield Sample("packshot_runs_running", (), len(silences))
        yield Sample("packshot_run_silence_seconds", (), max(silences, default=0.0))
        for template, moved in sorted(self._runs.drifts().items()):
            yield Sample("packshot_consistency_drift", (template,), moved)

    def _spending(self, now: datetime) -> Iterator[Sample]:
        currency, budgets = self._settings.prices.currency, self._settings.budgets
        yield Sample("packshot_spent_today", (currency,), self._spend.price(since=now.date()))
        if budgets.day:
            yield Sample("packshot_budget", (currency,), budgets.day.limit)
        for state in BudgetBook(budgets, self._spend, currency, today=now.date).states():
            name = "day" if state.kind == "day" else state.name
            yield Sample("packshot_budget_share", (state.kind, name), state.spent / state.limit)

    def _pairs(self, query: Any) -> list[tuple[str, Any]]:
        return [(row[0], row[1]) for row in self._records.all(query)]


def _age(since: datetime | None, now: datetime) -> float:
    """Seconds since then, 0 for what is to come."""
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
