"""The rows of a database that are about a subject: found, read for what they name, deleted. Which those are is said per table."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, delete, select, text, update

from connectors.database import Database, batched
from connectors.erasure.actions import Traces
from connectors.erasure.subject import Subject, digests_in, photos_in
from connectors.storage.base import BLOB
from studio.keys import digest_of

KEPT = frozenset(
    {
        "api_keys", "audit_lines", "batches", "console_sessions", "hook_sources", "packshot_schema", "runs", "sync_cursors",
        "sync_messages", "webhook_endpoints", "review_marks", "spend", "spend_seen", "waits",
    }
)  # fmt: skip
"""Tables without anything of a product: numbers of whole runs and batches, keys, cursors, and the log of who erased what."""
IMAGES = "images"
PRODUCTS = ("products", "sync_products")
"""Tables with whole products: where only a photo is erased, the product stays without it."""
PARENTS: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "webhook_deliveries": ("outbox", ("id",), ("event_id",)),
    "review_decisions": ("review_items", ("id",), ("item",)),
    "sync_waiting": ("sync_products", ("connection", "ref"), ("connection", "ref")),
}
"""Tables whose rows go with rows of another: its name, the columns there, the columns here."""
SHOTS = {"shots": "key", "review_items": "key", "publications": "shot_key"}
"""Columns that hold the key of a shot, by table."""
PUBLISHED = ("galleries", "gallery_history")
"""What was published of a photo that must go does not keep it."""
_SOME = 500


@dataclass(frozen=True, slots=True)
class Theirs:
    """Primary keys of rows that go, by table name, and products that lose a photo, by table name and primary key."""

    rows: dict[str, list[dict[str, Any]]]
    thinner: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]]

    @property
    def count(self) -> int:
        """How many rows go or change."""
        return sum(map(len, self.rows.values())) + sum(map(len, self.thinner.values()))


class Rows:
    """The tables of one database. The columns say what a row is of: `sku`, `order_id`, `shot_id`, and keys and digests in it."""

    def __init__(self, database: Database, tables: Collection[Table]) -> None:
        self._database = database
        self._tables = [table for table in tables if table.name not in KEPT]

    def find(self, subject: Subject, traces: Traces) -> Theirs:
        """Rows of the subject, with what they name added to `traces`. Orders come first: others follow from them."""
        found = Theirs({}, {})
        gone: dict[str, set[tuple[Any, ...]]] = {}
        combined = _combinations(self._database, self._tables, subject)
        for table in sorted(self._tables, key=lambda table: (table.name != "orders", table.name in PARENTS)):
            if table.name == IMAGES:
                continue
            for row in self._database.rows(select(table)):
                if thin := _thinner(table, row, subject):
                    found.thinner.setdefault(table.name, []).append((_key(table, row), thin))
                elif _orphan(table, row, gone) or _theirs(table, row, subject, combined):
                    found.rows.setdefault(table.name, []).append(_key(table, row))
                    _learn(table, row, subject, traces)
                    for parent, columns, _ in PARENTS.values():
                        if parent == table.name:
                            gone.setdefault(parent, set()).add(tuple(row._mapping[name] for name in columns))
        return found

    def find_images(self, subject: Subject, traces: Traces, found: Theirs) -> None:
        """Add what is remembered of the subject's photos, in the record database, once all that names them is found."""
        images = next(table for table in self._tables if table.name == IMAGES)
        for row in self._database.rows(select(images)):
            if row.digest in subject.photos or row.uri in traces.uris:
                found.rows.setdefault(IMAGES, []).append({"uri": row.uri})
                traces.digests.add(row.digest)
                traces.photos[row.digest] = row.uri

    def addresses(self, theirs: Theirs) -> set[str]:
        """Addresses of photos of products that stay."""
        tables = [table for table in self._tables if table.name in PRODUCTS]
        going = {table.name: {_frozen(key) for key in theirs.rows.get(table.name, ())} for table in tables}
        return {
            uri
            for table in tables
            for row in self._database.rows(select(table))
            if _frozen(_key(table, row)) not in going[table.name]
            for uri, _ in photos_in(row.product)
        }

    def claims(self, theirs: Theirs, candidates: Collection[str], *, forced: bool) -> set[str]:
        """Which of the candidates rows name that stay."""
        claimed: set[str] = set()
        for table in self._tables:
            if forced and table.name in PUBLISHED:
                continue
            going = {_frozen(key) for key in theirs.rows.get(table.name, ())}
            changed = {_frozen(key): product for key, product in theirs.thinner.get(table.name, ())}
            for row in self._database.rows(select(table)):
                key = _frozen(_key(table, row))
                if key not in going:
                    claimed |= digests_in(changed.get(key) or dict(row._mapping)) & set(candidates)
        return claimed

    def delete(self, theirs: Theirs) -> None:
        """Take the rows out, and write products without their photo."""
        by_name = {table.name: table for table in self._tables}
        with self._writing() as opened:
            for name, keys in theirs.rows.items():
                for some in batched(keys, _SOME):
                    for key in some:
                        opened.execute(delete(by_name[name]).where(_where(by_name[name], key)))
            for name, changed in theirs.thinner.items():
                for key, product in changed:
                    opened.execute(update(by_name[name]).where(_where(by_name[name], key)).values(product=product))

    def settle(self) -> None:
        """Have SQLite overwrite what was deleted in its file too, as far as nobody else reads just now. PostgreSQL does that when
        it next vacuums."""
        if self._database.url.startswith("sqlite"):
            self._database.all(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    def forget_published(self, subject: Subject, going: Collection[str]) -> None:
        """Take out what was published, the lines that taking it off the pages wrote included."""
        for table in self._tables:
            if table.name not in PUBLISHED:
                continue
            for row in self._database.all(select(table)):
                told = [row._mapping[name] for name in ("items", "live", "wanted") if name in row._mapping]
                if row.sku in subject.skus or (table.name == "gallery_history" and digests_in(told) & set(going)):
                    with self._writing() as opened:
                        opened.execute(delete(table).where(_where(table, _key(table, row))))

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._database.begin() as opened:
            if opened.dialect.name == "sqlite":
                opened.exec_driver_sql("PRAGMA secure_delete = ON")
            yield opened


def _theirs(table: Table, row: Row[Any], subject: Subject, combined: Collection[str]) -> bool:
    values = row._mapping
    if table.name == "orders" and values["id"] in subject.orders:
        return True
    if values.get("sku") in subject.skus or values.get("order_id") in subject.orders:
        return True
    if _shot_key(table, values) in (subject.keys if subject.forced else subject.showing):
        return True
    if str(values.get("shot_id", "")).rsplit("/", 3)[0] in subject.skus:
        return True
    if table.name == "shots" and values["parts"].get("image") in combined:
        return True
    told = {name: values[name] for name in ("spec", "result", "data") if name in values}
    return bool(told) and subject.shown_in(told)


def _orphan(table: Table, row: Row[Any], gone: Mapping[str, Collection[tuple[Any, ...]]]) -> bool:
    if table.name not in PARENTS:
        return False
    parent, _, columns = PARENTS[table.name]
    return tuple(row._mapping[name] for name in columns) in gone.get(parent, ())


def _combinations(database: Database, tables: Collection[Table], subject: Subject) -> set[str]:
    """`parts.image` of shots that show one of the photos beside any photo we know of: what records say of a shot's photos."""
    images = next((table for table in tables if table.name == IMAGES), None)
    if images is None or not subject.photos:
        return set()
    known = {row.digest for row in database.rows(select(images.c.digest))}
    alone = {digest_of([photo]) for photo in subject.photos}
    return alone | {digest_of([other, photo]) for other in known for photo in subject.photos}


def _learn(table: Table, row: Row[Any], subject: Subject, traces: Traces) -> None:
    values = dict(row._mapping)
    traces.take(values)
    keys = {key} if (key := _shot_key(table, values)) else set()
    if table.name == "orders":
        keys = {shot["key"] for shot in (values["result"] or {}).get("shots", ())}
        subject.showing |= keys if values["sku"] not in subject.skus and values["id"] not in subject.orders else set()
        subject.orders.add(values["id"])
    subject.keys |= keys


def _shot_key(table: Table, values: Mapping[Any, Any]) -> str:
    return str(values[SHOTS[table.name]]) if table.name in SHOTS else ""


def _thinner(table: Table, row: Row[Any], subject: Subject) -> dict[str, Any]:
    """A product without the subject's photos; {} where it has none of them, or goes altogether."""
    if table.name not in PRODUCTS or row.sku in subject.skus:
        return {}
    images = row.product.get("images", [])
    left = [image for image in images if not _shows(image, subject)]
    return {**row.product, "images": left} if len(left) < len(images) else {}


def _shows(image: Mapping[str, Any], subject: Subject) -> bool:
    return image.get("digest") in subject.photos or str(image.get("uri", "")).removeprefix(BLOB) in subject.photos


def _key(table: Table, row: Row[Any]) -> dict[str, Any]:
    return {column.name: row._mapping[column.name] for column in table.primary_key.columns}


def _where(table: Table, key: Mapping[str, Any]) -> Any:
    return and_(*(table.c[name] == value for name, value in key.items()))


def _frozen(key: Mapping[str, Any]) -> str:
    return json.dumps(key, sort_keys=True, default=str)
