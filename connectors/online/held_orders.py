"""`HeldOrders`: orders with pictures that were held back, and what a person's word changes about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, update

from connectors.database import batched
from connectors.online.order import OrderState
from connectors.online.outbox import post
from connectors.online.store import Store
from connectors.online.tables import order_events, orders

HELD = frozenset({OrderState.REVIEW, OrderState.REJECTED})
_SOME = 500


class HeldOrders(Store):
    """Orders in the states `review` and `rejected`."""

    def since(self, at: datetime, limit: int) -> list[tuple[str, datetime]]:
        """Ids of orders that were held back then or later, with the time, oldest first."""
        c = orders.c
        query = select(c.id, c.updated).where(c.state.in_(sorted(HELD)), c.updated >= at).order_by(c.updated, c.id).limit(limit)
        return [(row.id, row.updated) for row in self._database.all(query)]

    def still(self, ids: Sequence[str]) -> set[str]:
        """Those of these orders that are held back now."""
        c = orders.c
        queries = (select(c.id).where(c.id.in_(some), c.state.in_(sorted(HELD))) for some in batched(ids, _SOME))
        return {row.id for query in queries for row in self._database.all(query)}

    def amend(
        self,
        order_id: str,
        result: Mapping[str, Any],
        state: OrderState,
        *,
        seen: datetime,
        only_from: Collection[OrderState],
        event: tuple[str, Mapping[str, Any]],
    ) -> bool:
        """Change the result of an ended order that nobody has changed since it was `seen` (its `updated`); False where somebody
        has. The event reaches the order's webhooks."""
        c = orders.c
        now = datetime.now(UTC)
        change = update(orders).where(c.id == order_id, c.updated == seen, c.state.in_(sorted(only_from)))
        change = change.values(state=state, result=dict(result), updated=now, events=c.events + 1)
        wants_hooks = c.spec["webhook"].as_boolean().label("webhook")
        with self._database.begin() as connection:
            row = connection.execute(change.returning(c.events, c.key_id, wants_hooks)).first()
            if row is None:
                return False
            name, data = event
            line = {"order_id": order_id, "seq": row.events, "at": now, "type": name, "data": dict(data)}
            connection.execute(insert(order_events), line)
            if row.webhook is not False:
                post(connection, row.key_id, order_id, name, data)
        return True
