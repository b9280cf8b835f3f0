"""`Batches`: many orders, or one job of the nightly pipeline, that came in one call."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Row, func, select, update

from connectors.database import added, batched, upsert
from connectors.online.cursors import cursor_at, read_cursor
from connectors.online.ids import new_id, time_of
from connectors.online.store import Store
from connectors.online.tables import batch_errors, batches, orders
from studio.errors import IdempotencyConflict, InvalidCursor, NotFound

BatchKind = Literal["orders", "job"]
BatchState = Literal["accepting", "running", "finished"]


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What `Batches.create` stores; `total` counts the items of the call (0: not known yet), `data` is the caller's JSON."""

    key_id: str
    total: int
    kind: BatchKind = "orders"
    job_id: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str = ""
    request_digest: str = ""
    id: str = field(default_factory=lambda: new_id("bat"))


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as stored: `accepted` items became orders, `errors` lines were refused. Times are UTC."""

    id: str
    key_id: str
    kind: BatchKind
    total: int
    accepted: int
    errors: int
    job_id: str
    data: Mapping[str, Any]
    created: datetime
    updated: datetime

    def state(self, counts: Mapping[str, int]) -> BatchState:
        """Of a batch of orders, by `Batches.counts`: accepting until each item is an order or an error, running, finished."""
        if self.accepted + self.errors < self.total:
            return "accepting"
        return "running" if counts.get("queued", 0) + counts.get("running", 0) else "finished"


@dataclass(frozen=True, slots=True)
class ItemError:
    """What is wrong with one item: `line` is 1-based, `field` is empty when the whole item is wrong."""

    line: int
    code: str
    message: str
    field: str = ""
    sku: str = ""


class Batches(Store):
    """Batches, their counts and their errors."""

    def create(self, new: NewBatch) -> tuple[Batch, bool]:
        """Store a batch. False: it (or its idempotency key) was stored before. Raises IdempotencyConflict for another digest."""
        created = time_of(new.id)
        row = {
            "id": new.id,
            "key_id": new.key_id,
            "kind": new.kind,
            "total": new.total,
            "accepted": 0,
            "errors": 0,
            "job_id": new.job_id,
            "data": dict(new.data),
            "created": created,
            "updated": created,
            "idempotency_key": new.idempotency_key or None,
            "request_digest": new.request_digest,
        }
        c = batches.c
        same = c.id == new.id
        if new.idempotency_key:
            same |= (c.key_id == new.key_id) & (c.idempotency_key == new.idempotency_key)
        with self._database.begin() as connection:
            fresh = added(connection, batches, row)
            stored = connection.execute(select(batches).where(same)).one()
        if stored.request_digest != new.request_digest:
            raise IdempotencyConflict(f"the idempotency key {new.idempotency_key!r} came with another request before")
        return _batch(stored), fresh

    def get(self, batch_id: str, key_id: str | None = None) -> Batch:
        """A batch. Raises NotFound, also when it belongs to another key than `key_id`."""
        query = select(batches).where(batches.c.id == batch_id)
        row = self._database.first(query if key_id is None else query.where(batches.c.key_id == key_id))
        if row is None:
            raise NotFound(f"no batch {batch_id!r}")
        return _batch(row)

    def list(
        self, *, key_id: str | None = None, kind: BatchKind | None = None, limit: int = 50, cursor: str = ""
    ) -> tuple[builtins.list[Batch], str]:
        """Batches, newest first, and the cursor of the next page ("" at the end). Raises InvalidCursor."""
        query = select(batches)
        for column, wanted in ((batches.c.key_id, key_id), (batches.c.kind, kind)):
            query = query if wanted is None else query.where(column == wanted)
        if cursor:
            query = query.where(batches.c.id < read_cursor(cursor, "bat"))
        found = [_batch(row) for row in self._database.all(query.order_by(batches.c.id.desc()).limit(limit + 1))]
        return found[:limit], cursor_at(found[limit - 1].id) if len(found) > limit else ""

    def update(self, batch_id: str, *, accepted: int | None = None, total: int | None = None, job_id: str | None = None) -> None:
        """Set what is given. Raises NotFound."""
        given = {"accepted": accepted, "total": total, "job_id": job_id}
        values = {name: value for name, value in given.items() if value is not None}
        change = update(batches).where(batches.c.id == batch_id).values(updated=datetime.now(UTC), **values)
        with self._database.begin() as connection:
            if connection.execute(change).rowcount == 0:
                raise NotFound(f"no batch {batch_id!r}")

    def counts(self, batch_id: str) -> dict[str, int]:
        """Orders of a batch by state."""
        query = select(orders.c.state, func.count().label("orders")).where(orders.c.batch == batch_id).group_by(orders.c.state)
        return {row.state: row.orders for row in self._database.all(query)}

    def add_errors(self, batch_id: str, items: Iterable[ItemError]) -> None:
        """Note what is wrong with items; the same line and field again replaces it. Raises NotFound."""
        c = batch_errors.c
        rows = (
            {"batch_id": batch_id, "line": e.line, "field": e.field, "sku": e.sku, "code": e.code, "message": e.message}
            for e in items
        )
        with self._database.begin() as connection:
            statement = upsert(batch_errors, connection.dialect.name)
            for some in batched(rows):
                connection.execute(statement, some)
            count = select(func.count(c.line.distinct())).where(c.batch_id == batch_id).scalar_subquery()
            change = update(batches).where(batches.c.id == batch_id).values(errors=count, updated=datetime.now(UTC))
            if connection.execute(change).rowcount == 0:
                raise NotFound(f"no batch {batch_id!r}")

    def errors(self, batch_id: str, cursor: str = "", limit: int = 100) -> tuple[builtins.list[ItemError], str]:
        """What is wrong, by line, whole lines only, and the cursor of the next page ("" at the end). Raises InvalidCursor."""
        c = batch_errors.c
        after = read_cursor(cursor, "line").removeprefix("line_") if cursor else "0"
        if not after.isdecimal():
            raise InvalidCursor("the cursor is not one of this listing")
        lines = select(c.line).where(c.batch_id == batch_id, c.line > int(after)).distinct().order_by(c.line).limit(limit + 1)
        found = [row.line for row in self._database.all(lines)]
        if not found:
            return [], ""
        last = found[:limit][-1]
        query = select(c.line, c.code, c.message, c.field, c.sku).where(
            c.batch_id == batch_id, c.line > int(after), c.line <= last
        )
        items = [ItemError(*row) for row in self._database.all(query.order_by(c.line, c.field))]
        return items, cursor_at(f"line_{last}") if len(found) > limit else ""


def _batch(row: Row[Any]) -> Batch:
    return Batch(
        row.id,
        row.key_id,
        row.kind,
        row.total,
        row.accepted,
        row.errors,
        row.job_id,
        row.data,
        row.created,
        row.updated,
    )
