"""`Outbox`: events on their way to webhook endpoints, written in the transaction of what they tell about."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from connectors.online.cursors import cursor_at, read_cursor
from connectors.online.ids import new_id
from connectors.online.store import Store
from connectors.online.tables import deliveries, endpoints, outbox
from studio.errors import Conflict, NotFound


class DeliveryState(StrEnum):
    """PENDING: another attempt is due at `next_at`. FAILED: given up, can be delivered again by hand."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """An event as it is sent: the id is the `webhook-id` of every attempt at every endpoint. `at` is UTC."""

    id: str
    key_id: str
    order_id: str
    type: str
    data: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint. Times are UTC; `last_status` is None before the first answer."""

    id: str
    endpoint_id: str
    event_id: str
    type: str
    order_id: str
    state: DeliveryState
    attempts: int
    generation: int
    next_at: datetime
    last_status: int | None
    last_error: str
    created: datetime
    updated: datetime

    @property
    def workflow_id(self) -> str:
        """Id of the workflow that delivers it: another one after each redelivery by hand."""
        return f"{self.id}.{self.generation}"


class Outbox(Store):
    """Events and their deliveries."""

    def add(self, key_id: str, event_type: str, data: Mapping[str, Any], *, order_id: str = "", endpoint_id: str = "") -> str:
        """Store an event for the enabled endpoints of the key that want it, or for `endpoint_id` alone (test calls).

        Returns its id `evt_...`, "" when nobody wants it.
        """
        with self._database.begin() as connection:
            return post(connection, key_id, order_id, event_type, data, endpoint_id=endpoint_id) or ""

    def event(self, event_id: str) -> OutboxEvent:
        """An event. Raises NotFound."""
        row = self._database.first(select(outbox).where(outbox.c.id == event_id))
        if row is None:
            raise NotFound(f"no event {event_id!r}")
        return OutboxEvent(row.id, row.key_id, row.order_id, row.type, row.data, row.at)

    def due(self, limit: int = 500) -> list[Delivery]:
        """Pending deliveries whose time has come, oldest first."""
        now = datetime.now(UTC)
        query = _query().where(deliveries.c.state == DeliveryState.PENDING, deliveries.c.next_at <= now)
        return [_delivery(row) for row in self._database.all(query.order_by(deliveries.c.next_at, deliveries.c.id).limit(limit))]

    def claim(self, ids: Collection[str], seconds: float) -> None:
        """Keep pending deliveries out of `due` for so long: somebody has taken them on."""
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        change = update(deliveries).where(deliveries.c.id.in_(ids), deliveries.c.state == DeliveryState.PENDING)
        with self._database.begin() as connection:
            connection.execute(change.values(next_at=until))

    def attempted(
        self,
        delivery_id: str,
        state: DeliveryState,
        *,
        status: int | None = None,
        error: str = "",
        next_at: datetime | None = None,
    ) -> bool:
        """Note one attempt at a pending delivery. False when it was not pending any more."""
        now = datetime.now(UTC)
        c = deliveries.c
        change = update(deliveries).where(c.id == delivery_id, c.state == DeliveryState.PENDING)
        values = {"state": state, "last_status": status, "last_error": error, "next_at": next_at or now, "updated": now}
        with self._database.begin() as connection:
            return connection.execute(change.values(attempts=c.attempts + 1, **values)).rowcount == 1

    def redeliver(self, delivery_id: str) -> Delivery:
        """Make an ended delivery due now, with the same event id. Raises NotFound, Conflict while it is pending."""
        now = datetime.now(UTC)
        c = deliveries.c
        change = update(deliveries).where(c.id == delivery_id, c.state != DeliveryState.PENDING)
        with self._database.begin() as connection:
            values = {"state": DeliveryState.PENDING, "attempts": 0, "next_at": now, "updated": now}
            changed = connection.execute(change.values(generation=c.generation + 1, **values)).rowcount
        delivery = self.get(delivery_id)
        if not changed:
            raise Conflict(f"delivery {delivery_id} is still pending")
        return delivery

    def forget(self, before: datetime, limit: int = 1000) -> bool:
        """Delete deliveries that ended before a time, and events that no delivery is left of; whether there may be more."""
        ended = (DeliveryState.DELIVERED, DeliveryState.FAILED)
        old = select(deliveries.c.id, deliveries.c.event_id).where(deliveries.c.state.in_(ended), deliveries.c.next_at < before)
        with self._database.begin() as connection:
            found = connection.execute(old.order_by(deliveries.c.next_at).limit(limit)).all()
            if not found:
                return False
            connection.execute(delete(deliveries).where(deliveries.c.id.in_([row.id for row in found])))
            told = {row.event_id for row in found}
            wanted = select(deliveries.c.event_id).where(deliveries.c.event_id.in_(told))
            connection.execute(delete(outbox).where(outbox.c.id.in_(told), outbox.c.id.not_in(wanted)))
        return len(found) == limit

    def get(self, delivery_id: str) -> Delivery:
        """A delivery. Raises NotFound."""
        row = self._database.first(_query().where(deliveries.c.id == delivery_id))
        if row is None:
            raise NotFound(f"no delivery {delivery_id!r}")
        return _delivery(row)

    def deliveries(
        self, endpoint_id: str, *, state: DeliveryState | None = None, limit: int = 50, cursor: str = ""
    ) -> tuple[list[Delivery], str]:
        """Deliveries to an endpoint, newest first, and the cursor of the next page ("" at the end). Raises InvalidCursor."""
        query = _query().where(deliveries.c.endpoint_id == endpoint_id)
        if state is not None:
            query = query.where(deliveries.c.state == state)
        if cursor:
            query = query.where(deliveries.c.id < read_cursor(cursor, "dlv"))
        found = [_delivery(row) for row in self._database.all(query.order_by(deliveries.c.id.desc()).limit(limit + 1))]
        return found[:limit], cursor_at(found[limit - 1].id) if len(found) > limit else ""


def post(
    connection: Connection, key_id: str, order_id: str, event_type: str, data: Mapping[str, Any], *, endpoint_id: str = ""
) -> str | None:
    """Within a transaction: an event and its deliveries, if some endpoint wants it. Returns the event's id."""
    query = select(endpoints.c.id, endpoints.c.events).where(endpoints.c.key_id == key_id, endpoints.c.enabled.is_(True))
    wanted = [
        row.id
        for row in connection.execute(query).all()
        if row.id == endpoint_id or (not endpoint_id and any(fnmatchcase(event_type, glob) for glob in row.events))
    ]
    if not wanted:
        return None
    event_id, now = new_id("evt"), datetime.now(UTC)
    event = {"id": event_id, "key_id": key_id, "order_id": order_id, "type": event_type, "data": dict(data), "at": now}
    connection.execute(insert(outbox), event)
    fresh = {"event_id": event_id, "state": DeliveryState.PENDING, "attempts": 0, "generation": 0, "next_at": now}
    rest = {"last_status": None, "last_error": "", "created": now, "updated": now}
    connection.execute(insert(deliveries), [{"id": new_id("dlv"), "endpoint_id": name, **fresh, **rest} for name in wanted])
    return event_id


def _query() -> Any:
    return select(deliveries, outbox.c.type, outbox.c.order_id).join(outbox, outbox.c.id == deliveries.c.event_id)


def _delivery(row: Any) -> Delivery:
    return Delivery(
        row.id,
        row.endpoint_id,
        row.event_id,
        row.type,
        row.order_id,
        DeliveryState(row.state),
        row.attempts,
        row.generation,
        row.next_at,
        row.last_status,
        row.last_error,
        row.created,
        row.updated,
    )
