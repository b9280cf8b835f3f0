"""`OrderFigures`: how orders fare, counted by the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Text, cast, func, select

from connectors.online.ids import time_of
from connectors.online.order import OPEN
from connectors.online.store import Store
from connectors.online.tables import HAS_ENDED, deliveries, orders


@dataclass(frozen=True, slots=True)
class Hour:
    """Orders that ended in one hour, by state. `start` is UTC."""

    start: datetime
    states: Mapping[str, int]


class OrderFigures(Store):
    """Counts over orders and deliveries; nothing here writes."""

    def ended(self, since: datetime) -> dict[str, int]:
        """Orders that ended since then, by state."""
        c = orders.c
        # Grouped by the bare column, SQLite walks all orders in the order of an index that begins with it.
        state = func.lower(c.state).label("state")
        query = select(state, func.count().label("orders")).where(c.updated >= since, HAS_ENDED).group_by(state)
        return {row.state: row.orders for row in self._database.all(query)}

    def by_hour(self, since: datetime) -> list[Hour]:
        """Orders that ended since then, hour by hour, oldest first, empty hours left out."""
        c = orders.c
        hour = func.substr(cast(c.updated, Text), 1, 13).label("hour")
        query = select(hour, c.state, func.count().label("orders")).where(c.updated >= since, HAS_ENDED)
        query = query.group_by(hour, c.state).order_by(hour)
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
