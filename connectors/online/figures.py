"""`OrderFigures`: how orders fare, counted by the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Text, cast, func, select

from connectors.online.ids import first_id, time_of
from connectors.online.order import OPEN
from connectors.online.store import Store
from connectors.online.tables import deliveries, orders

_LATE = timedelta(days=1)
"""Orders that took longer than this to end are not counted as ended: the id, which is indexed, bounds what is looked at."""


@dataclass(frozen=True, slots=True)
class Hour:
    """Orders that ended in one hour, by state. `start` is UTC."""

    start: datetime
    states: Mapping[str, int]


class OrderFigures(Store):
    """Counts over orders and deliveries; nothing here writes."""

    def ended(self, since: datetime, *, key_id: str | None = None) -> dict[str, int]:
        """Orders that ended since then, by state."""
        c = orders.c
        query = select(c.state, func.count().label("orders")).where(c.id >= first_id("ord", since - _LATE))
        query = query.where(c.updated >= since, c.state.not_in(sorted(OPEN)))
        query = query if key_id is None else query.where(c.key_id == key_id)
        return {row.state: row.orders for row in self._database.all(query.group_by(c.state))}

    def by_hour(self, since: datetime) -> list[Hour]:
        """Orders that ended since then, hour by hour, oldest first, empty hours left out."""
        c = orders.c
        hour = func.substr(cast(c.updated, Text), 1, 13).label("hour")
        query = select(hour, c.state, func.count().label("orders")).where(c.id >= first_id("ord", since - _LATE))
        query = query.where(c.updated >= since, c.state.not_in(sorted(OPEN))).group_by(hour, c.state).order_by(hour)
        found: dict[str, dict[str, int]] = {}
        for row in self._database.all(query):
            found.setdefault(row.hour, {})[row.state] = row.orders
        return [Hour(datetime.strptime(name, "%Y-%m-%d %H").replace(tzinfo=UTC), states) for name, states in found.items()]

    def oldest(self) -> dict[str, datetime]:
        """When the oldest open order of each priority was accepted; only priorities that have one."""
        c = orders.c
        query = select(c.priority, func.min(c.id).label("first")).where(c.state.in_(sorted(OPEN))).group_by(c.priority)
        return {row.priority: time_of(row.first) for row in self._database.all(query)}

    def deliveries(self, since: datetime) -> dict[str, int]:
        """Webhook deliveries made or tried since then, by state."""
        c = deliveries.c
        query = select(c.state, func.count().label("number")).where(c.updated >= since).group_by(c.state)
        return {row.state: row.number for row in self._database.all(query)}
