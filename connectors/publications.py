"""`Publications`: which of our pictures are on which product of which connection, and what was there before, in SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field
from sqlalchemy import Row, and_, insert, or_, select, update

from connectors.audit import Action, Entry, actor, append
from connectors.database import Database, added
from connectors.online.ids import new_id
from connectors.tables import SCHEMA_VERSION, galleries, gallery_history, metadata
from studio.product import Frozen

AUDITED: Mapping[str, Action] = {
    "live": "gallery.published",
    "rolled_back": "gallery.rolled_back",
    "failed": "gallery.refused",
    "gone": "gallery.gone",
}
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Item(Frozen):
    """A picture of a published set. `id` is the vendor's, "" until it was added."""

    digest: str
    media_type: str
    name: str
    alt: str = ""
    types: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    details: dict[str, str] = Field(default_factory=dict)
    id: str = ""

    @property
    def wanted(self) -> Item:
        """The same without the vendor's id, to be compared."""
        return self.model_copy(update={"id": ""})


@dataclass(frozen=True, slots=True)
class GalleryRecord:
    """What we know of a product's gallery. `ids` are the vendor's, of ours that may be there, by asset digest."""

    connection: str
    ref: str
    sku: str
    state: str
    """`live`, or `pending`: somebody began and did not finish."""
    live: tuple[Item, ...]
    wanted: tuple[Item, ...]
    ids: dict[str, str]
    stamp: datetime | None


@dataclass(frozen=True, slots=True)
class Publication:
    """One set that was published, refused or rolled back to."""

    id: str
    connection: str
    ref: str
    sku: str
    items: tuple[Item, ...]
    outcome: str
    """`live`, `failed`, `rolled_back`."""
    detail: str
    at: datetime


class Publications:
    """SQLite or PostgreSQL by URL, in the record database. Safe for many threads and processes."""

    def __init__(self, url: str | Database) -> None:
        self._database = url if isinstance(url, Database) else Database(url, metadata, "records", SCHEMA_VERSION)

    def claim(self, connection: str, ref: str, sku: str, holder: str, seconds: float) -> bool:
        """Whether the gallery is now this holder's, for so long. A holder that died is forgotten when its time is over."""
        now = datetime.now(UTC)
        row: dict[str, Any] = {
            "connection": connection, "ref": ref, "sku": sku, "state": "live", "live": [], "wanted": [], "ids": {}, "stamp": None,
            "holder": holder, "held_until": now + timedelta(seconds=seconds), "updated": now,
        }  # fmt: skip
        free = or_(galleries.c.held_until < now, galleries.c.holder == holder)
        with self._database.begin() as opened:
            if added(opened, galleries, row):
                return True
            taken = update(galleries).where(_at(connection, ref), free)
            return bool(opened.execute(taken.values(holder=holder, held_until=row["held_until"], sku=sku)).rowcount)

    def renew(self, connection: str, ref: str, holder: str, seconds: float) -> None:
        """Hold it for so long from now."""
        self._change(connection, ref, holder, held_until=datetime.now(UTC) + timedelta(seconds=seconds))

    def release(self, connection: str, ref: str, holder: str) -> None:
        """Let others at it."""
        self._change(connection, ref, holder, held_until=_NEVER)

    def get(self, connection: str, ref: str) -> GalleryRecord | None:
        """What is known, or None."""
        row = self._database.first(select(galleries).where(_at(connection, ref)))
        return None if row is None else _record(row)

    def of_sku(self, sku: str) -> list[GalleryRecord]:
        """Galleries of a product, in all connections."""
        return [_record(row) for row in self._database.all(select(galleries).where(galleries.c.sku == sku))]

    def of_connection(self, connection: str, *, state: str = "") -> Iterator[GalleryRecord]:
        """Every gallery of a connection, by ref."""
        query = select(galleries).where(galleries.c.connection == connection).order_by(galleries.c.ref)
        for row in self._database.rows(query.where(galleries.c.state == state) if state else query):
            yield _record(row)

    def intend(self, connection: str, ref: str, holder: str, items: Sequence[Item], stamp: datetime | None) -> None:
        """Write down what is about to be done, before anything is sent."""
        self._change(connection, ref, holder, state="pending", wanted=_json(items), stamp=stamp)

    def uploaded(self, connection: str, ref: str, holder: str, ids: Mapping[str, str]) -> None:
        """Write down vendor ids of ours, by asset digest."""
        self._change(connection, ref, holder, ids=dict(ids))

    def published(self, record: GalleryRecord, holder: str, items: Sequence[Item], *, outcome: str = "live") -> None:
        """The set is live, in one transaction with its line in the history."""
        ids = {item.digest: item.id for item in items}
        self._end(record, holder, items, outcome, "", state="live", live=_json(items), wanted=[], ids=ids)

    def failed(self, record: GalleryRecord, holder: str, items: Sequence[Item], detail: str) -> None:
        """The set was refused; what was live before is what we say is live."""
        self._end(record, holder, items, "failed", detail)

    def history(self, connection: str, ref: str) -> list[Publication]:
        """Newest first."""
        here = and_(gallery_history.c.connection == connection, gallery_history.c.ref == ref)
        rows = self._database.all(select(gallery_history).where(here).order_by(gallery_history.c.id.desc()))
        return [
            Publication(r.id, r.connection, r.ref, r.sku, _items(r._mapping["items"]), r.outcome, r.detail, r.at) for r in rows
        ]

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._database.close()

    def _end(self, record: GalleryRecord, holder: str, items: Sequence[Item], outcome: str, detail: str, **changes: Any) -> None:
        now = datetime.now(UTC)
        line = {
            "id": new_id("pub"), "connection": record.connection, "ref": record.ref, "sku": record.sku, "items": _json(items),
            "outcome": outcome, "detail": detail[:2000], "at": now,
        }  # fmt: skip
        with self._database.begin() as opened:
            opened.execute(insert(gallery_history), line)
            told: dict[str, str | int] = {"connection": record.connection, "ref": record.ref, "pictures": len(items)}
            told["publication"] = str(line["id"])
            append(opened, [Entry(actor(), AUDITED[outcome], record.sku, told)])
            mine = and_(_at(record.connection, record.ref), galleries.c.holder == holder)
            opened.execute(update(galleries).where(mine).values(updated=now, **changes))

    def _change(self, connection: str, ref: str, holder: str, **values: Any) -> None:
        mine = and_(_at(connection, ref), galleries.c.holder == holder)
        with self._database.begin() as opened:
            opened.execute(update(galleries).where(mine).values(updated=datetime.now(UTC), **values))


def _at(connection: str, ref: str) -> Any:
    return and_(galleries.c.connection == connection, galleries.c.ref == ref)


def _record(row: Row[Any]) -> GalleryRecord:
    return GalleryRecord(
        row.connection, row.ref, row.sku, row.state, _items(row.live), _items(row.wanted), dict(row.ids), row.stamp
    )


def _items(data: Any) -> tuple[Item, ...]:
    return tuple(Item.model_validate(item) for item in data)


def _json(items: Sequence[Item]) -> list[dict[str, Any]]:
    return [item.model_dump(mode="json") for item in items]
