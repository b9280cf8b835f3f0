"""`SyncState`: how far each connection was read, what its products looked like then, and which of them wait, in SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Row, and_, bindparam, delete, func, select, update
from sqlalchemy import Connection as Opened

from connectors.database import Database, added, batched, upsert
from connectors.tables import SCHEMA_VERSION, galleries, metadata, sync_cursors, sync_messages, sync_products, sync_waiting
from connectors.vendors.base import Told
from studio.product import Product

KEPT = timedelta(hours=24)
"""How long a message id is remembered at least: longer than any vendor here repeats a delivery that we answered."""
_SOME = 500
"""Values in one IN list (SQLite's oldest limit is 999), and rows of one page."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Seen:
    """A product of a connection as we last took it. Photos have the vendor's addresses, and digests where we keep their bytes."""

    connection: str
    ref: str
    sku: str
    digest: str
    """Of what pictures can depend on (`connectors.sync.visible`); "" while its pictures are promised and not made yet."""
    updated: datetime | None
    gone: bool
    product: Product


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of messages: products that wait anew, messages that came before, products whose news is old."""

    new: int = 0
    repeated: int = 0
    stale: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A product that somebody said has changed; one row for each (connection, ref)."""

    connection: str
    ref: str
    kind: str
    """`changed` or `deleted`, as the newest message says."""
    at: datetime | None
    """The newest time that the source said."""
    due: datetime
    tries: int
    """How often it went wrong: calls of `later` with an error."""
    turn: int
    """Grows with every message: a row that was told again while it was worked on stays."""
    orders: tuple[str, ...]
    """Orders under way for it, () before they are placed."""
    digest: str
    """The product's digest that those orders are for."""
    error: str
    held_until: datetime
    """Of the claim: who lost it to another changes nothing any more."""


class SyncState:
    """SQLite or PostgreSQL by URL, in the record database. Safe for many threads and processes; raises what `Database` raises."""

    def __init__(self, url: str | Database) -> None:
        self._database = url if isinstance(url, Database) else Database(url, metadata, "records", SCHEMA_VERSION)

    def cursor(self, connection: str) -> str:
        """Where the next pull goes on; "" before the first."""
        row = self._database.first(select(sync_cursors.c.cursor).where(sync_cursors.c.connection == connection))
        return "" if row is None else str(row.cursor)

    def keep_cursor(self, connection: str, cursor: str) -> None:
        """Go on from here the next time."""
        row = {"connection": connection, "cursor": cursor, "updated": datetime.now(UTC)}
        with self._database.begin() as opened:
            opened.execute(upsert(sync_cursors, opened.dialect.name), row)

    def seen(self, connection: str, ref: str) -> Seen | None:
        """A product as last taken, also one that is gone; None for one that we never took."""
        row = self._database.first(select(sync_products).where(_product(connection, ref)))
        return None if row is None else _seen(row)

    def of_sku(self, connection: str, sku: str) -> list[Seen]:
        """Products of a connection with this SKU, those that are gone left out."""
        c = sync_products.c
        query = select(sync_products).where(c.connection == connection, c.sku == sku, c.gone.is_(False)).order_by(c.ref)
        return [_seen(row) for row in self._database.all(query)]

    def all_seen(self, connection: str, *, gone: bool = False) -> Iterator[Seen]:
        """Products by ref: those that are there, or those that are gone. Read in pages: it may be written in between."""
        yield from self._paged(connection, sync_products.c.gone.is_(gone))

    def promised(self, connection: str) -> Iterator[Seen]:
        """Products whose pictures are to be made, by ref, read in pages."""
        yield from self._paged(connection, sync_products.c.gone.is_(False), sync_products.c.digest == "")

    def of_refs(self, connection: str, refs: Sequence[str]) -> dict[str, Seen]:
        """Products by ref, of those that we took before."""
        c = sync_products.c
        queries = (select(sync_products).where(c.connection == connection, c.ref.in_(some)) for some in batched(refs, _SOME))
        return {row.ref: _seen(row) for query in queries for row in self._database.all(query)}

    def digests(self, connection: str, refs: Sequence[str]) -> dict[str, str]:
        """Digests by ref, of those that we took and that are not gone."""
        c = sync_products.c
        base = select(c.ref, c.digest).where(c.connection == connection, c.gone.is_(False))
        queries = (base.where(c.ref.in_(some)) for some in batched(refs, _SOME))
        return {row.ref: row.digest for query in queries for row in self._database.all(query)}

    def published_ids(self, connection: str, refs: Sequence[str]) -> dict[str, frozenset[str]]:
        """Vendor ids of pictures of ours that are or may be on products, by ref; from the records of `Publications`."""
        c = galleries.c
        base = select(c.ref, c.ids, c.live).where(c.connection == connection)
        queries = (base.where(c.ref.in_(some)) for some in batched(refs, _SOME))
        return {
            row.ref: frozenset(row.ids.values()) | {item["id"] for item in row.live if item.get("id")}
            for query in queries
            for row in self._database.all(query)
        }

    def keep(self, seen: Sequence[Seen]) -> None:
        """Add or replace products."""
        now = datetime.now(UTC)
        with self._database.begin() as opened:
            statement = upsert(sync_products, opened.dialect.name)
            for some in batched(sorted(seen, key=lambda one: one.ref)):
                opened.execute(statement, [_row(one, now) for one in some])

    def forget(self, connection: str, refs: Sequence[str]) -> None:
        """Mark products as gone; what is not known stays unknown."""
        c = sync_products.c
        with self._database.begin() as opened:
            for some in batched(refs, _SOME):
                opened.execute(update(sync_products).where(c.connection == connection, c.ref.in_(some)).values(gone=True))

    @property
    def one_writer(self) -> bool:
        """Whether the database lets one transaction write at a time (SQLite)."""
        return self._database.url.startswith("sqlite")

    def take(self, connection: str, told: Sequence[Told], *, now: datetime) -> Taken:
        """Take messages in one transaction: each id once; what is older than what waits or was taken is passed over; the rest
        waits, one row a product. A message of several products is stale for some of them only."""
        return self.take_all([(connection, told)], now=now)[0]

    def take_all(self, told: Sequence[tuple[str, Sequence[Told]]], *, now: datetime) -> list[Taken]:
        """`take` for messages of several connections in one transaction, in their order."""
        with self._database.begin() as opened:
            return [_take(opened, connection, some, now) for connection, some in told]

    def due(self, *, now: datetime, limit: int, hold_s: float) -> list[Waiting]:
        """Products to work on, oldest first, each claimed for `hold_s`; those of a worker that died come back after that."""
        c, until = sync_waiting.c, now + timedelta(seconds=hold_s)
        query = select(sync_waiting).where(c.due <= now, c.held_until <= now).order_by(c.due, c.ref).limit(limit)
        with self._database.begin() as opened:
            rows = opened.execute(query.with_for_update(skip_locked=True)).all()
            for row in rows:
                opened.execute(update(sync_waiting).where(_waits(row.connection, row.ref)).values(held_until=until))
        return [_waiting(row, until) for row in rows]

    def keep_orders(self, waiting: Waiting, orders: Sequence[str], digest: str) -> None:
        """Write down the orders that were placed for it."""
        with self._database.begin() as opened:
            opened.execute(update(sync_waiting).where(_claimed(waiting)).values(orders=list(orders), digest=digest))

    def done(self, waiting: Waiting) -> None:
        """It waits no more; unless its turn moved on: then it is due again, without orders."""
        with self._database.begin() as opened:
            opened.execute(delete(sync_waiting).where(_claimed(waiting), sync_waiting.c.turn == waiting.turn))
            anew = {"held_until": _NEVER, "orders": [], "digest": "", "tries": 0, "error": ""}
            opened.execute(update(sync_waiting).where(_claimed(waiting)).values(**anew))

    def later(self, waiting: Waiting, at: datetime, error: str) -> None:
        """Look at it again then, or at once where it was told again; it keeps its orders. `error` "" is no failed try."""
        c = sync_waiting.c
        tried: dict[str, Any] = {"tries": c.tries + 1, "error": error[:2000]} if error else {}
        with self._database.begin() as opened:
            opened.execute(update(sync_waiting).where(_claimed(waiting), c.turn == waiting.turn).values(due=at))
            opened.execute(update(sync_waiting).where(_claimed(waiting)).values(held_until=_NEVER, **tried))

    def waiting(self, connection: str = "") -> int:
        """How many products wait, those that are worked on included."""
        query = select(func.count()).select_from(sync_waiting)
        row = self._database.first(query.where(sync_waiting.c.connection == connection) if connection else query)
        return int(row[0]) if row else 0

    def all_waiting(self, connection: str) -> list[Waiting]:
        """Products of a connection that wait, oldest first; nothing is claimed."""
        query = select(sync_waiting).where(sync_waiting.c.connection == connection).order_by(sync_waiting.c.due)
        return [_waiting(row, row.held_until) for row in self._database.all(query)]

    def prune(self, before: datetime) -> int:
        """Forget message ids that came before then; those of the last 24 hours are kept. How many were forgotten."""
        oldest = min(before, datetime.now(UTC) - KEPT)
        with self._database.begin() as opened:
            return int(opened.execute(delete(sync_messages).where(sync_messages.c.at < oldest)).rowcount)

    def _paged(self, connection: str, *only: Any) -> Iterator[Seen]:
        c, last = sync_products.c, ""
        base = select(sync_products).where(c.connection == connection, *only).order_by(c.ref).limit(_SOME)
        while rows := self._database.all(base.where(c.ref > last)):
            yield from map(_seen, rows)
            last = rows[-1].ref

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._database.close()


def _take(opened: Opened, connection: str, told: Sequence[Told], now: datetime) -> Taken:
    new = repeated = stale = 0
    fresh: dict[str, bool] = {}
    for message in told:
        if message.id not in fresh:
            row = {"connection": connection, "id": message.id, "at": now}
            fresh[message.id] = added(opened, sync_messages, row)
        if not fresh[message.id]:
            repeated += 1
            continue
        for ref in sorted(set(message.refs)) if message.kind in ("changed", "deleted") else ():
            waits = _tell(opened, connection, ref, message, now)
            new, stale = new + waits, stale + (not waits)
    return Taken(new, repeated, stale)


def _tell(opened: Opened, connection: str, ref: str, message: Told, now: datetime) -> bool:
    """Put a product among those that wait; False where we know something newer."""
    place = {"connection": connection, "ref": ref}
    row = opened.execute(_WAITING, place).first()
    if message.at is not None:
        taken = opened.execute(_TAKEN, place).scalar_one_or_none()
        newest = max(filter(None, (taken, row.at if row else None)), default=None)
        if newest is not None and message.at < newest:
            return False
    if row is None:
        fresh: dict[str, Any] = {
            "connection": connection, "ref": ref, "kind": message.kind, "at": message.at, "due": now, "held_until": _NEVER,
            "tries": 0, "turn": 1, "orders": [], "digest": "", "error": "",
        }  # fmt: skip
        if added(opened, sync_waiting, fresh):
            return True
    c = sync_waiting.c
    news: dict[str, Any] = {"kind": message.kind, "turn": c.turn + 1, "due": now}
    opened.execute(
        update(sync_waiting).where(_waits(connection, ref)).values(**news, **({"at": message.at} if message.at else {}))
    )
    return True


_PLACE: tuple[BindParameter[str], BindParameter[str]] = bindparam("connection"), bindparam("ref")
_WAITING = (
    select(sync_waiting.c.at).where(sync_waiting.c.connection == _PLACE[0], sync_waiting.c.ref == _PLACE[1]).with_for_update()
)
_TAKEN = select(sync_products.c.updated).where(
    sync_products.c.connection == _PLACE[0], sync_products.c.ref == _PLACE[1], sync_products.c.digest != ""
)
"""Asked for each message: made once."""


def _product(connection: str, ref: str) -> Any:
    return and_(sync_products.c.connection == connection, sync_products.c.ref == ref)


def _waits(connection: str, ref: str) -> Any:
    return and_(sync_waiting.c.connection == connection, sync_waiting.c.ref == ref)


def _row(seen: Seen, now: datetime) -> dict[str, Any]:
    return {
        "connection": seen.connection, "ref": seen.ref, "sku": seen.sku, "digest": seen.digest, "updated": seen.updated,
        "gone": seen.gone, "product": seen.product.model_dump(mode="json", exclude_defaults=True), "taken": now,
    }  # fmt: skip


def _seen(row: Row[Any]) -> Seen:
    product = Product.model_validate(row.product)
    return Seen(row.connection, row.ref, row.sku, row.digest, row.updated, row.gone, product)


def _claimed(waiting: Waiting) -> Any:
    """The row, while it is this claim's."""
    return and_(_waits(waiting.connection, waiting.ref), sync_waiting.c.held_until == waiting.held_until)


def _waiting(row: Row[Any], held_until: datetime) -> Waiting:
    return Waiting(
        row.connection,
        row.ref,
        row.kind,
        row.at,
        row.due,
        row.tries,
        row.turn,
        tuple(row.orders),
        row.digest,
        row.error,
        held_until,
    )
