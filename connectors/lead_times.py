"""Time to market: from a change at the source to the released picture to the shop, from what the databases say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from connectors.database import Database, batched
from connectors.online.order import OrderState
from connectors.online.tables import orders
from connectors.online.tables import publications as order_publications
from connectors.tables import galleries, gallery_history, runs, shots

MOST = 200_000
"""Rows of one kind that are looked at, the latest first."""
_SOME = 500
PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class Trip:
    """One product's way: changed at the source, its last picture released here, the set live in the shop."""

    connection: str
    ref: str
    sku: str
    changed: datetime
    released: datetime
    live: datetime


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds at percentiles 50, 90, 95 and 99, the longest, and of how many. `name` says from what to what."""

    name: str
    count: int
    percentiles: tuple[float, ...]
    longest: float


def trips(records: Database, online: Database | None, since: datetime, *, connection: str = "") -> Iterator[Trip]:
    """For every product the first set that went live after its latest change at the source, if that was since then.

    Products whose source tells no time of change are left out. Pictures that were there before the change were released at once.
    """
    h, g = gallery_history.c, galleries.c
    query = (
        select(g.connection, g.ref, g.sku, g.stamp, h.at, h["items"])
        .select_from(galleries.join(gallery_history, (h.connection == g.connection) & (h.ref == g.ref)))
        .where(h.outcome == "live", g.stamp.is_not(None), g.stamp >= since, h.at >= g.stamp)
        .order_by(g.connection, g.ref, h.at)
        .limit(MOST)
    )
    rows = records.all(query.where(g.connection == connection) if connection else query)
    first: dict[tuple[str, str], Any] = {}
    for row in rows:
        first.setdefault((row.connection, row.ref), row)
    for some in batched(first.values(), _SOME):
        wanted = {item["digest"] for row in some for item in row._mapping["items"]}
        released = _released(records, online, wanted)
        for row in some:
            known = [released[item["digest"]] for item in row._mapping["items"] if item["digest"] in released]
            made = max((one for one in known if one <= row.at), default=row.stamp)
            yield Trip(row.connection, row.ref, row.sku, row.stamp, max(made, row.stamp), row.at)


def of_trips(found: Iterable[Trip]) -> list[Spread]:
    """Change to release, release to live, and all of it."""
    some = list(found)
    return [
        spread("source change -> released", [(one.released - one.changed).total_seconds() for one in some]),
        spread("released -> live", [(one.live - one.released).total_seconds() for one in some]),
        spread("source change -> live", [(one.live - one.changed).total_seconds() for one in some]),
    ]


def of_orders(online: Database, since: datetime) -> list[Spread]:
    """Order to release by priority, of orders that had to make something."""
    c = orders.c
    done = (c.state == OrderState.SUCCEEDED, c.attempts > 0, c.created >= since)
    query = select(c.priority, c.created, c.updated).where(*done).order_by(c.id.desc()).limit(MOST)
    found: dict[str, list[float]] = {}
    for row in online.all(query):
        found.setdefault(row.priority, []).append((row.updated - row.created).total_seconds())
    return [spread(f"{priority} order -> released", seconds) for priority, seconds in sorted(found.items(), reverse=True)]


def of_runs(records: Database, since: datetime) -> Spread:
    """Start of a run to the release of each of its shots."""
    query = (
        select(runs.c.started, shots.c.updated_at)
        .select_from(shots.join(runs, runs.c.id == shots.c.run))
        .where(shots.c.status == "released", shots.c.updated_at >= since, runs.c.started >= since)
        .limit(MOST)
    )
    return spread("run started -> released", [(row.updated_at - row.started).total_seconds() for row in records.all(query)])


def spread(name: str, seconds: Sequence[float]) -> Spread:
    """Nearest-rank percentiles; zeros where there is nothing."""
    ranked = sorted(max(0.0, one) for one in seconds)
    if not ranked:
        return Spread(name, 0, (0.0,) * len(PERCENTILES), 0.0)
    at = [ranked[max(0, -(-share * len(ranked) // 100) - 1)] for share in PERCENTILES]
    return Spread(name, len(ranked), tuple(at), ranked[-1])


def _released(records: Database, online: Database | None, digests: Iterable[str]) -> dict[str, datetime]:
    """When assets were first released: by a run or by an order."""
    found: dict[str, datetime] = {}
    places = [(records, shots.c.digest, shots.c.updated_at)]
    places += [(online, order_publications.c.digest, order_publications.c.at)] if online else []
    for database, digest, at in places:
        for some in batched(digests, _SOME):
            query = select(digest, func.min(at).label("at")).where(digest.in_(some)).group_by(digest)
            for row in database.all(query):
                found[row[0]] = min(row.at, found.get(row[0], row.at))
    return found
