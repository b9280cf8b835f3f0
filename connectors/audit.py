"""`Audit`: who released, published, rolled back, erased what, and when: lines that are only added, each naming the one before."""

from __future__ import annotations

import getpass
import json
import logging
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Row, insert, select, text

from connectors.audit_tables import audit_lines
from connectors.database import Database, batched
from connectors.tables import SCHEMA_VERSION, metadata
from studio.errors import InputError
from studio.keys import digest_of

log = logging.getLogger(__name__)

Action = Literal[
    "asset.released",
    "asset.approved",
    "asset.rejected",
    "gallery.published",
    "gallery.rolled_back",
    "gallery.refused",
    "gallery.gone",
    "key.issued",
    "key.revoked",
    "hook.created",
    "template.released",
    "signed.in",
    "erase.begun",
    "erase.done",
]
ACTIONS = get_args(Action)
FIRST = "0" * 64
"""What the first line names as the one before."""
_ACTOR: ContextVar[str] = ContextVar("packshot_actor", default="")
_CHAIN = 0x61756474
"""PostgreSQL advisory lock of whoever adds a line: the chain has one end."""
_PAGE = 1000
_SQLITE_GUARDS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS audit_lines_{name} BEFORE {name} ON audit_lines "
    "BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END"
    for name in ("delete", "update")
)
_POSTGRES_GUARDS = (
    """CREATE OR REPLACE FUNCTION audit_lines_only_added() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$""",
    """CREATE OR REPLACE TRIGGER audit_lines_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_lines
    FOR EACH STATEMENT EXECUTE FUNCTION audit_lines_only_added()""",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that somebody did. `detail` holds text and whole numbers, never a secret, a photo or a person's name."""

    actor: str
    """`key:<id>`, `user:<user>@<host>`, `night:<run>`, `order:<id>`, `hook:<connection>`."""
    action: Action
    target: str
    detail: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as it was written. `hash` is BLAKE3 over everything else, `previous` the hash of the line before."""

    seq: int
    at: datetime
    entry: Entry
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verified:
    """`broken` says in words what does not fit and where; empty: every line is as it was written."""

    lines: int
    head: str
    """`<seq>:<hash>` of the last line that fits: noted elsewhere, it proves that no later line was taken away."""
    broken: str = ""


class Audit:
    """SQLite or PostgreSQL by URL, in the record database. Safe for many threads and processes; raises what `Database` raises.

    The database itself refuses to change or delete a line (triggers). Whoever owns the database can drop those; that shows in
    `verify`, unless they write the whole chain anew: against that, compare with a head that was noted elsewhere. Every head is
    logged, so a log that is shipped away holds it.
    """

    def __init__(self, url: str | Database) -> None:
        self._database = url if isinstance(url, Database) else Database(url, metadata, "records", SCHEMA_VERSION)

    def add(self, entries: Iterable[Entry], *, now: datetime | None = None) -> str:
        """Write entries in their order, all or none. Returns the new head. Raises InputError for an action that is unknown."""
        with self._database.begin() as opened:
            return append(opened, entries, now=now)

    def lines(
        self, *, after: int = 0, action: str = "", target: str = "", actor: str = "", since: datetime | None = None
    ) -> Iterator[Line]:
        """Lines in their order, read in pages; `target` and `actor` are beginnings."""
        c = audit_lines.c
        query = select(audit_lines).order_by(c.seq).limit(_PAGE)
        query = query.where(c.action == action) if action else query
        query = query.where(c.at >= since) if since else query
        query = query.where(c.target.startswith(target, autoescape=True)) if target else query
        query = query.where(c.actor.startswith(actor, autoescape=True)) if actor else query
        while rows := self._database.all(query.where(c.seq > after)):
            yield from map(_line, rows)
            after = rows[-1].seq

    def verify(self, head: str = "") -> Verified:
        """Every line against its hash and the one before. `head`, as an earlier call gave it, must still be there."""
        last, previous, wanted = 0, FIRST, head.partition(":")
        for line in self.lines():
            if line.seq != last + 1:
                return Verified(last, f"{last}:{previous}", f"line {last + 1} is missing")
            if line.previous != previous or line.hash != _hash(line.seq, line.at, line.entry, previous):
                return Verified(last, f"{last}:{previous}", f"line {line.seq} is not as it was written")
            last, previous = line.seq, line.hash
            if wanted[0] == str(line.seq) and wanted[2] != line.hash:
                return Verified(last - 1, f"{last - 1}:{line.previous}", f"line {line.seq} is not the one that was noted")
        if head and not (wanted[0].isdecimal() and int(wanted[0]) <= last):
            return Verified(last, f"{last}:{previous}", f"the log ends at line {last}, before {wanted[0]}")
        return Verified(last, f"{last}:{previous}")

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._database.close()


def append(opened: Connection, entries: Iterable[Entry], *, now: datetime | None = None) -> str:
    """Write entries inside a transaction of the record database, so that a thing and its line are there together or not at all.
    Returns the new head."""
    if opened.dialect.name == "postgresql":
        opened.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN})
    last = opened.execute(select(audit_lines.c.seq, audit_lines.c.hash).order_by(audit_lines.c.seq.desc()).limit(1)).first()
    seq, previous = (last.seq, last.hash) if last else (0, FIRST)
    if not last:
        _guard(opened)
    at = now or datetime.now(UTC)
    for some in batched(entries):
        rows = []
        for entry in some:
            if entry.action not in ACTIONS:
                raise InputError(f"{entry.action!r} is no action of the audit log")
            seq += 1
            row = _row(seq, at, entry, previous)
            previous = row["hash"]
            rows.append(row)
        opened.execute(insert(audit_lines), rows)
    log.info("audit head %d:%s", seq, previous)
    return f"{seq}:{previous}"


def _guard(opened: Connection) -> None:
    """Have the database refuse changes and deletions of lines."""
    for statement in _POSTGRES_GUARDS if opened.dialect.name == "postgresql" else _SQLITE_GUARDS:
        opened.exec_driver_sql(statement)


def actor() -> str:
    """Who acts here: as `acting_as` says, else the user whose process this is."""
    return _ACTOR.get() or this_user()


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Have what is done inside, in this thread or task, counted as this actor's."""
    token = _ACTOR.set(name)
    try:
        yield
    finally:
        _ACTOR.reset(token)


def this_user() -> str:
    """The actor of a process: `user:<user>@<host>`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"user:{user}@{socket.gethostname()}"


def _row(seq: int, at: datetime, entry: Entry, previous: str) -> dict[str, Any]:
    return {
        "seq": seq, "at": at, "actor": entry.actor, "action": entry.action, "target": entry.target,
        "detail": json.dumps(dict(entry.detail), sort_keys=True), "previous": previous, "hash": _hash(seq, at, entry, previous),
    }  # fmt: skip


def _hash(seq: int, at: datetime, entry: Entry, previous: str) -> str:
    told = [seq, at.astimezone(UTC).isoformat(timespec="microseconds"), entry.actor, entry.action, entry.target]
    return digest_of([*told, dict(entry.detail), previous])


def _line(row: Row[Any]) -> Line:
    entry = Entry(row.actor, row.action, row.target, json.loads(row.detail))
    return Line(row.seq, row.at, entry, row.previous, row.hash)
