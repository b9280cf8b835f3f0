"""`Orders`: the truth about every order, with its events and publications."""

from __future__ import annotations

import builtins
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from sqlalchemy import ColumnElement, Connection, Row, RowMapping, and_, delete, func, insert, or_, select, update

from connectors.database import added, batched, insert_new
from connectors.online.cursors import cursor_at, read_cursor
from connectors.online.ids import first_id, time_of
from connectors.online.order import ENDED, OPEN, NewOrder, Order, OrderEvent, OrderState, Priority, Publication
from connectors.online.outbox import post
from connectors.online.store import Store
from connectors.online.tables import NEVER, order_events, orders, publications
from studio.errors import Conflict, IdempotencyConflict, NotFound

__all__ = ["ENDED", "OPEN", "NewOrder", "Order", "OrderEvent", "OrderState", "Orders", "Priority", "Publication"]

Event = tuple[str, Mapping[str, Any]]
_FIELDS = [column for column in orders.columns if column.name not in ("claimed", "events", "request_digest")]
_BRIEF = [column for column in _FIELDS if column.name not in ("spec", "result")]
_SOME = 500
_BULK, _TURN_S = 200, 0.001
"""A bulk gives way after so many orders, so that an urgent one waits milliseconds for the writer's lock."""


class Orders(Store):
    """Orders, their events and publications. On SQLite, what was accepted survives the death of every process; a power cut
    may take the last moments (WAL, synchronous=NORMAL).
    """

    def accept(self, order: NewOrder) -> tuple[Order, bool]:
        """Store a queued order, with the event `order.queued`. False: it (or its idempotency key) was stored before.

        Raises IdempotencyConflict when the key was used with another request digest.
        """
        return self._store(order, OrderState.QUEUED, {}, None)

    def finished(
        self,
        order: NewOrder,
        result: Mapping[str, Any],
        *,
        state: OrderState = OrderState.SUCCEEDED,
        event: Event | None = None,
    ) -> Order:
        """Store an order that needs no work (a cache hit) in its end state; the event (default `order.<state>`) reaches webhooks.

        An order stored before under the same idempotency key is answered as it is. Raises IdempotencyConflict.
        """
        return self._store(order, state, result, event or (f"order.{state}", {"order": order.id, "state": state}))[0]

    def accept_many(self, new: Sequence[NewOrder]) -> builtins.list[str]:
        """Store queued orders, one transaction for every 200. Ids in the order given; those stored before keep theirs.

        Raises IdempotencyConflict; the transactions before it stay. The same call again is safe with idempotency keys.
        """
        ids: builtins.list[str] = []
        for some in batched(new, _BULK):
            ids += self._accept_some(some)
            time.sleep(_TURN_S)
        return ids

    def get(self, order_id: str, key_id: str | None = None) -> Order:
        """An order. Raises NotFound, also when it belongs to another key than `key_id`."""
        query = select(*_FIELDS).where(orders.c.id == order_id)
        row = self._database.first(query if key_id is None else query.where(orders.c.key_id == key_id))
        if row is None:
            raise NotFound(f"no order {order_id!r}")
        return _order(row)

    def knows(self, key_id: str, idempotency_key: str) -> bool:
        """Whether an order was stored under this idempotency key; never for an empty one."""
        query = select(orders.c.id).where(orders.c.key_id == key_id, orders.c.idempotency_key == idempotency_key)
        return bool(idempotency_key) and self._database.first(query) is not None

    def list(
        self,
        *,
        key_id: str | None = None,
        state: OrderState | None = None,
        priority: Priority | None = None,
        sku: str | None = None,
        template: str | None = None,
        batch: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        limit: int = 50,
        cursor: str = "",
        brief: bool = False,
    ) -> tuple[builtins.list[Order], str]:
        """Orders, newest first, and the cursor of the next page ("" at the end). Orders accepted meanwhile move nothing.
        `brief`: without their specs and results, {} in their places.

        `template` is an id, or `id@version`; `created_after` is included, `created_before` is not. Raises InvalidCursor.
        """
        c = orders.c
        query = select(*(_BRIEF if brief else _FIELDS))
        equal = {c.key_id: key_id, c.state: state, c.priority: priority, c.sku: sku, c.batch: batch}
        for column, wanted in equal.items():
            query = query if wanted is None else query.where(column == wanted)
        if template is not None:
            query = query.where(
                c.template == template if "@" in template else c.template.startswith(f"{template}@", autoescape=True)
            )
        if created_after is not None:
            query = query.where(c.id >= first_id("ord", created_after))
        if created_before is not None:
            query = query.where(c.id < first_id("ord", created_before))
        if cursor:
            query = query.where(c.id < read_cursor(cursor, "ord"))
        found = [_order(row) for row in self._database.all(query.order_by(c.id.desc()).limit(limit + 1))]
        return found[:limit], cursor_at(found[limit - 1].id) if len(found) > limit else ""

    def move(
        self,
        order_id: str,
        to: OrderState,
        *,
        result: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
        attempts: int | None = None,
        only_from: Collection[OrderState] | None = None,
        generation: int | None = None,
        event: Event | None = None,
    ) -> bool:
        """Change an open order, if it is in one of `only_from` (and still of this `generation`); False when it is not.

        The event and the webhook deliveries that it causes are stored in the same transaction. An ended order never moves
        (see `again`). What is None stays as it is. Raises NotFound.
        """
        c = orders.c
        allowed = OPEN if only_from is None else OPEN & frozenset(only_from)
        change = update(orders).where(c.id == order_id, c.state.in_(sorted(allowed)))
        if generation is not None:
            change = change.where(c.generation == generation)
        given = {"result": result, "error": error, "attempts": attempts}
        values = {name: value for name, value in given.items() if value is not None}
        with self._database.begin() as connection:
            moved = connection.execute(change.values(state=to, updated=_now(), **values)).rowcount == 1
            if moved and event:
                _tell(connection, order_id, event, hooks=True)
            if not moved and connection.execute(select(c.id).where(c.id == order_id)).first() is None:
                raise NotFound(f"no order {order_id!r}")
        return moved

    def again(self, order_id: str, *, by: str) -> Order:
        """Queue an ended order once more, without its deadline, result and error; `by` is noted in the event `order.retried`.

        Raises NotFound, and Conflict while the order is open.
        """
        c = orders.c
        values = {"state": OrderState.QUEUED, "updated": _now(), "attempts": 0, "result": {}, "error": {}}
        change = update(orders).where(c.id == order_id, c.state.in_(sorted(ENDED)))
        change = change.values(generation=c.generation + 1, claimed=NEVER, deadline=None, **values).returning(c.generation)
        with self._database.begin() as connection:
            row = connection.execute(change).first()
            if row:
                data = {"order": order_id, "by": by, "generation": row.generation}
                _tell(connection, order_id, ("order.retried", data), hooks=True)
        order = self.get(order_id)
        if row is None:
            raise Conflict(f"order {order_id} is {order.state}; only an ended order can be retried")
        return order

    def waiting(self) -> dict[str, int]:
        """Open orders by priority."""
        c = orders.c
        query = select(c.priority, func.count().label("orders")).where(c.state.in_(sorted(OPEN))).group_by(c.priority)
        return {"urgent": 0, "standard": 0, **{row.priority: row.orders for row in self._database.all(query)}}

    def unstarted(self, older_than_s: float, limit: int = 500) -> builtins.list[Order]:
        """Queued orders that nobody has claimed, or long ago: urgent first, of each the unclaimed, then the oldest claims."""
        c = orders.c
        old = _now() - timedelta(seconds=older_than_s)
        found: builtins.list[Order] = []
        for priority in get_args(Priority):
            query = select(*_FIELDS).where(c.state == OrderState.QUEUED, c.priority == priority, c.claimed < old)
            rows = self._database.all(query.order_by(c.claimed, c.id).limit(limit - len(found)))
            found += [_order(row) for row in rows]
        return found

    def claim(self, ids: Collection[str]) -> None:
        """Note that the workflows of these orders have been started just now."""
        with self._database.begin() as connection:
            for some in batched(ids, _SOME):
                connection.execute(update(orders).where(orders.c.id.in_(some)).values(claimed=_now()))

    def events(self, order_id: str, after: int = 0) -> builtins.list[OrderEvent]:
        """What happened to an order since event number `after`, oldest first; empty for an unknown order."""
        c = order_events.c
        query = select(c.seq, c.at, c.type, c.data).where(c.order_id == order_id, c.seq > after).order_by(c.seq)
        return [OrderEvent(row.seq, row.at, row.type, row.data) for row in self._database.all(query)]

    def add_event(self, order_id: str, event_type: str, data: Mapping[str, Any]) -> None:
        """Note progress: seen by whoever follows the order, not sent to webhooks. Raises NotFound."""
        with self._database.begin() as connection:
            _tell(connection, order_id, (event_type, data), hooks=False)

    def forget_events(self, before: datetime, limit: int = 200) -> bool:
        """Delete the events of orders that ended, and were made, before a time; whether there may be more. The orders stay."""
        c = order_events.c
        old = select(c.order_id).join(orders, orders.c.id == c.order_id).where(c.order_id < first_id("ord", before))
        ended = old.where(orders.c.state.in_(ENDED), orders.c.updated < before)
        with self._database.begin() as connection:
            found = connection.execute(ended.distinct().order_by(c.order_id).limit(limit)).scalars().all()
            if found:
                connection.execute(delete(order_events).where(c.order_id.in_(found)))
        return len(found) == limit

    def publish(self, order_id: str, shot_key: str, *, place: str, digest: str, path: str) -> bool:
        """Note that an asset was published, with the event `asset.published`. True the first time only. Raises NotFound."""
        row = {"order_id": order_id, "shot_key": shot_key, "place": place, "digest": digest, "path": path, "at": _now()}
        data = {"order": order_id, "shot_key": shot_key, "place": place, "digest": digest, "path": path}
        with self._database.begin() as connection:
            first = added(connection, publications, row)
            if first:
                _tell(connection, order_id, ("asset.published", data), hooks=True)
        return first

    def publications(self, order_id: str) -> builtins.list[Publication]:
        """What was published of an order, oldest first."""
        c = publications.c
        query = select(c.shot_key, c.place, c.digest, c.path, c.at).where(c.order_id == order_id)
        return [Publication(*row) for row in self._database.all(query.order_by(c.at, c.shot_key, c.place))]

    def _store(self, order: NewOrder, state: OrderState, result: Mapping[str, Any], event: Event | None) -> tuple[Order, bool]:
        row = _new_row(order, state, result)
        with self._database.begin() as connection:
            created = added(connection, orders, row)
            if created:
                connection.execute(insert(order_events), _first_event(row, event))
                if event and order.spec.get("webhook", True):
                    post(connection, order.key_id, order.id, *event)
                return _order_of(row), True
            return _stored(connection, [order])[order.id], False

    def _accept_some(self, some: Sequence[NewOrder]) -> builtins.list[str]:
        rows = {order.id: _new_row(order, OrderState.QUEUED, {}) for order in some}
        with self._database.begin() as connection:
            statement = insert_new(orders, connection.dialect.name).returning(orders.c.id)
            created = set(connection.execute(statement, list(rows.values())).scalars())
            if created:
                connection.execute(
                    insert(order_events), [_first_event(rows[order_id], None) for order_id in rows if order_id in created]
                )
            known = _stored(connection, [order for order in some if order.id not in created])
        return [known[order.id].id if order.id in known else order.id for order in some]


def _now() -> datetime:
    return datetime.now(UTC)


def _new_row(order: NewOrder, state: OrderState, result: Mapping[str, Any]) -> dict[str, Any]:
    created = time_of(order.id)
    return {
        "id": order.id,
        "key_id": order.key_id,
        "priority": order.priority,
        "state": state,
        "spec": dict(order.spec),
        "sku": order.sku,
        "template": order.template,
        "batch": order.batch,
        "trace": order.trace,
        "created": created,
        "updated": created,
        "deadline": order.deadline,
        "attempts": 0,
        "result": dict(result),
        "error": {},
        "generation": 0,
        "claimed": NEVER,
        "events": 1,
        "idempotency_key": order.idempotency_key or None,
        "request_digest": order.request_digest,
    }


def _first_event(row: Mapping[str, Any], event: Event | None) -> dict[str, Any]:
    event_type, data = event or ("order.queued", {"order": row["id"], "priority": row["priority"]})
    return {"order_id": row["id"], "seq": 1, "at": row["created"], "type": event_type, "data": dict(data)}


def _tell(connection: Connection, order_id: str, event: Event, *, hooks: bool) -> None:
    """Append an event. Counting it on the order's row keeps other writers of this order out until the end of the transaction."""
    count = update(orders).where(orders.c.id == order_id).values(events=orders.c.events + 1)
    wants_hooks = orders.c.spec["webhook"].as_boolean().label("webhook")
    row = connection.execute(count.returning(orders.c.events, orders.c.key_id, wants_hooks)).first()
    if row is None:
        raise NotFound(f"no order {order_id!r}")
    event_type, data = event
    line = {"order_id": order_id, "seq": row.events, "at": _now(), "type": event_type, "data": dict(data)}
    connection.execute(insert(order_events), line)
    if hooks and row.webhook is not False:
        post(connection, row.key_id, order_id, event_type, data)


def _stored(connection: Connection, new: Sequence[NewOrder]) -> dict[str, Order]:
    """What is stored of these, by the id that each came with. Raises IdempotencyConflict."""
    c = orders.c
    found: dict[str, Row[Any]] = {}
    for some in batched(new, _SOME):
        by_key = {(order.key_id, order.idempotency_key): None for order in some if order.idempotency_key}
        wanted: list[ColumnElement[bool]] = [c.id.in_([order.id for order in some])]
        wanted += [
            and_(c.key_id == key_id, c.idempotency_key.in_([name for key, name in by_key if key == key_id]))
            for key_id in {key for key, _ in by_key}
        ]
        rows = connection.execute(select(*_FIELDS, c.request_digest).where(or_(*wanted))).all()
        named = {(row.key_id, row.idempotency_key): row for row in rows} | {row.id: row for row in rows}
        for order in some:
            row = named.get(order.id) or named[order.key_id, order.idempotency_key]
            if row.request_digest != order.request_digest:
                raise IdempotencyConflict(f"the idempotency key {order.idempotency_key!r} came with another request before")
            found[order.id] = row
    return {order_id: _order(row) for order_id, row in found.items()}


def _order(row: Row[Any]) -> Order:
    return _order_of(row._mapping)


def _order_of(row: Mapping[str, Any] | RowMapping) -> Order:
    values = {column.name: row.get(column.name, {}) for column in _FIELDS}
    values["state"] = OrderState(values["state"])
    values["idempotency_key"] = values["idempotency_key"] or ""
    return Order(**values)
