"""How the installation does at this moment: the overview's figures, and what somebody should look at."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cluster.run_ledger import run_log
from connectors.alert_log import AlertLog
from connectors.online.figures import OrderFigures
from connectors.records import RunRecord
from serve_apps.console import words
from serve_apps.console.spent import today
from serve_apps.parts import Parts

FRESH_S = 2.0
"""How old figures may be: many open pages cost the databases one look."""
URGENT_LATE, STANDARD_LATE = timedelta(minutes=1), timedelta(minutes=30)
"""Waiting longer than this is worth a word."""
_DAY, _RECENT = timedelta(days=1), 50


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to look at: how bad (`failed`, `rejected`), in words, and where ("" where no page says more)."""

    kind: str
    text: str
    path: str


class Now:
    """The figures of `snapshot`, taken at most every `FRESH_S`."""

    def __init__(self, parts: Parts, clock: Callable[[], float] = time.monotonic) -> None:
        self._parts, self._clock = parts, clock
        self._lock = threading.Lock()
        self._taken, self._found = float("-inf"), dict[str, Any]()

    def read(self) -> dict[str, Any]:
        """The latest figures. Raises PackshotError when a database does not answer."""
        with self._lock:
            if self._clock() - self._taken > FRESH_S:
                self._found, self._taken = snapshot(self._parts), self._clock()
            return self._found


def snapshot(parts: Parts) -> dict[str, Any]:
    """JSON-able figures: `tiles` (words by name), `bars` (24 hours), `run` (the one that goes on) and `notices`."""
    now = datetime.now(UTC)
    figures = parts.figures
    waiting, oldest, hour = parts.orders.waiting(), figures.oldest(), figures.ended(now - timedelta(hours=1))
    day, runs = figures.ended(now - _DAY), parts.records.runs(_RECENT)
    late = {name: now - at for name, at in oldest.items()}
    made = _made(day, [run for run in runs if (run.finished or now) > now - _DAY])
    running = [run for run in runs if run.state == "running"]
    going = [_going(parts, run) for run in running[:3]]
    spent = today(parts)
    synced = parts.sync.waiting()
    rate = sum(hour.values()) / 60
    tiles = {
        "urgent": (words.figure(waiting["urgent"]), _since(late.get("urgent"))),
        "standard": (words.figure(waiting["standard"]), _since(late.get("standard"))),
        "rate": (f"{words.figure(rate)}", f"{words.figure(sum(hour.values()))} in the last hour"),
        "released": (words.figure(made["released"]), _share(made)),
        "held": (words.figure(made["rejected"]), "for review, or of no use"),
        "failed": (words.figure(made["failed"]), "could not be made"),
        "cost": (words.money(spent.price, spent.currency), spent.note),
        "sync": (words.figure(synced), "products of connections"),
    }
    notices = [*_alerts(parts), *_notices(parts, late, day, figures.deliveries(now - _DAY)), *_of_runs(runs)]
    return {
        "at": now.isoformat(timespec="seconds"),
        "tiles": {name: {"value": value, "note": note} for name, (value, note) in tiles.items()},
        "share": made,
        "hours": _hours(figures, now),
        "runs": going,
        "notices": [{"kind": one.kind, "text": one.text, "path": one.path} for one in notices],
    }


def _made(orders: dict[str, int], runs: list[RunRecord]) -> dict[str, int]:
    """Orders and pictures of nights of a day, by what became of them."""
    counts = {name: int(sum(run.counts.get(name) or 0 for run in runs)) for name in ("released", "rejected", "failed")}
    counts["released"] += orders.get("succeeded", 0)
    counts["rejected"] += orders.get("review", 0) + orders.get("rejected", 0)
    counts["failed"] += orders.get("failed", 0)
    return counts


def _share(made: dict[str, int]) -> str:
    total = sum(made.values())
    return f"{words.share(made['released'] / total)} of the last 24 hours" if total else "in the last 24 hours"


def _since(late: timedelta | None) -> str:
    return f"the oldest for {words.duration(max(0.0, late.total_seconds()))}" if late is not None else "nothing waits"


def _hours(figures: OrderFigures, now: datetime) -> list[dict[str, Any]]:
    """The last 24 hours of orders, empty ones too."""
    begin = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    found = {hour.start: hour.states for hour in figures.by_hour(begin)}
    hours = [begin + timedelta(hours=count) for count in range(24)]
    return [
        {
            "hour": f"{hour:%H}:00",
            "good": found.get(hour, {}).get("succeeded", 0),
            "bad": sum(number for state, number in found.get(hour, {}).items() if state != "succeeded"),
        }
        for hour in hours
    ]


def _going(parts: Parts, run: RunRecord) -> dict[str, Any]:
    log = run_log(parts.settings.runs, parts.settings.storage.endpoint_url)
    found = log.progress(run.id)
    return {
        "id": run.id,
        "catalog": run.catalog,
        "done": found.chunks_done if found else 0,
        "of": found.chunks if found else 0,
        "shots": sum(found.status.values()) if found else 0,
        "due": found.due if found else 0,
    }


def _notices(parts: Parts, late: dict[str, timedelta], day: dict[str, int], deliveries: dict[str, int]) -> list[Notice]:
    found = []
    if parts.readiness.draining or not parts.readiness.warm:
        found.append(
            Notice("rejected", "The service takes no work: " + ("draining" if parts.readiness.draining else "warming up"), "/")
        )
    for name, limit in (("urgent", URGENT_LATE), ("standard", STANDARD_LATE)):
        if late.get(name, timedelta()) > limit:
            text = f"An {name} order has waited for" if name == "urgent" else f"A {name} order has waited for"
            found.append(Notice("rejected", f"{text} {words.duration(late[name].total_seconds())}", "/orders?state=queued"))
    if day.get("failed"):
        text = f"{words.plural(day['failed'], 'order')} failed in the last 24 hours"
        found.append(Notice("failed", text, "/orders?state=failed"))
    if deliveries.get("failed"):
        found.append(
            Notice(
                "failed", f"{words.plural(deliveries['failed'], 'webhook delivery', 'webhook deliveries')} given up", "/orders"
            )
        )
    off = [one for one in parts.endpoints.list() if not one.enabled and one.disabled_reason]
    if off:
        found.append(
            Notice("rejected", f"{words.plural(len(off), 'webhook endpoint')} switched off: {off[0].disabled_reason}", "/orders")
        )
    return found


def _alerts(parts: Parts) -> list[Notice]:
    """What Alertmanager last said fires: `page` is for somebody's bed, the rest waits for the morning."""
    return [
        Notice(
            "failed" if one.labels.get("severity") == "page" else "rejected",
            f"{one.name}: {one.annotations.get('summary') or 'fires'}",
            "",
        )
        for one in alert_log(parts.settings.online).firing()
    ]


@lru_cache(maxsize=4)
def alert_log(url: str) -> AlertLog:
    """The alerts in the online database at a URL."""
    return AlertLog(url)


def _of_runs(runs: list[RunRecord]) -> list[Notice]:
    """The latest run of each catalogue, where it did not end well."""
    latest = {run.catalog: run for run in reversed(runs)}
    return [
        Notice(
            "failed" if run.state == "failed" else "rejected", f"Run {run.id} of {run.catalog}: {run.state}", f"/runs/{run.id}"
        )
        for run in latest.values()
        if run.state not in ("done", "running")
    ]
