"""`Records`: what is known about images, shots and runs from one night to the next, in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Table, func, select, update

from connectors.database import Database, batched, insert_new, upsert
from connectors.tables import SCHEMA_VERSION, images, metadata, plans, runs, shots
from studio.errors import StorageError

_SOME = 500
"""Values in one IN list (SQLite's oldest limit is 999)."""


_PLAN = [plans.c[name] for name in ("sku", "facts", "proof", "photos", "shots", "rule")]
_VERDICT = [shots.c.shot_id, shots.c.key, shots.c.parts["policy"].as_string(), shots.c.status, shots.c.path]
_SHOT = [
    shots.c[name] for name in ("shot_id", "key", "status", "parts", "reason", "digest", "media_type", "path", "run", "updated_at")
]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """A source image as last seen: `stamp` from the listing, BLAKE3 `digest` of its bytes."""

    uri: str
    stamp: str
    digest: str


@dataclass(frozen=True, slots=True)
class ShotRecord:
    """The last outcome of a shot. `parts` are the digests its key is made of, `path` is where it was published, if it was."""

    shot_id: str
    key: str
    status: str
    parts: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    digest: str = ""
    media_type: str = ""
    path: str = ""
    run: str = ""
    updated_at: datetime = field(default_factory=_now)


class PlanRecord(NamedTuple):
    """What planning came to for a catalogue's row. `facts`: digest of all that decided it but the photos' bytes; `photos`: which
    of its photos were looked at, by number; `shots`: ids of its shots without the SKU; `proof`: digest of those photos' stamps
    and the shots' keys."""

    sku: str
    facts: str
    proof: str
    photos: str
    shots: str
    rule: str = ""


class Verdict(NamedTuple):
    """What a plan must know of a shot's last outcome; `policy` is the digest of the limits that it was judged by."""

    shot_id: str
    key: str
    policy: str | None
    status: str
    path: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run over a catalogue. `counts` are shots by what became of them, `finished` is None while it goes on. Times are UTC."""

    id: str
    catalog: str
    state: str
    counts: Mapping[str, float]
    settings: Mapping[str, Any]
    started: datetime
    finished: datetime | None


class Records:
    """SQLite by default, PostgreSQL by URL. Tables are made on first use. Safe for many threads and processes.

    `url` is an SQLAlchemy URL or the path of an SQLite file. Raises SettingsError for a URL that cannot be used,
    StorageUnavailable when the database does not answer, StorageError for everything else it objects to.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url, metadata, "records", SCHEMA_VERSION)
        self.url = self._database.url

    def images(self, uris: Iterable[str] | None = None) -> dict[str, ImageRecord]:
        """Images by URI: all, or those of `uris` that are known."""
        base = select(images.c.uri, images.c.stamp, images.c.digest)
        queries = [base] if uris is None else [base.where(images.c.uri.in_(some)) for some in batched(dict.fromkeys(uris), _SOME)]
        return {row.uri: ImageRecord(*row) for query in queries for row in self._database.rows(query)}

    def image_digests(self, uris: Iterable[str]) -> dict[str, str]:
        """BLAKE3 digest by URI, of those that are known."""
        return {uri: image.digest for uri, image in self.images(uris).items()}

    def remember_images(self, rows: Iterable[ImageRecord]) -> None:
        """Add or replace images."""
        self._upsert(images, ({"uri": row.uri, "stamp": row.stamp, "digest": row.digest} for row in rows))

    def shots(self, catalog: str) -> Iterator[ShotRecord]:
        """Every shot of a catalogue, by id."""
        query = select(*_SHOT).where(shots.c.catalog == catalog).order_by(shots.c.shot_id)
        return (ShotRecord(*row) for row in self._database.rows(query))

    def shots_of(self, catalog: str, ids: Iterable[str]) -> dict[str, ShotRecord]:
        """Those of the named shots that are known, by id."""
        mine = select(*_SHOT).where(shots.c.catalog == catalog)
        queries = (mine.where(shots.c.shot_id.in_(some)) for some in batched(ids, _SOME))
        return {row.shot_id: ShotRecord(*row) for query in queries for row in self._database.all(query)}

    def remember_shots(self, catalog: str, rows: Iterable[ShotRecord]) -> None:
        """Add or replace shots of a catalogue."""
        names = [column.name for column in shots.columns if column.name not in ("catalog", "parts")]
        self._upsert(
            shots,
            ({"catalog": catalog, "parts": dict(row.parts), **{name: getattr(row, name) for name in names}} for row in rows),
        )

    def verdicts(self, catalog: str, ids: Iterable[str]) -> dict[str, Verdict]:
        """The last outcome of those of the named shots that are known, by id."""
        mine = select(*_VERDICT).where(shots.c.catalog == catalog)
        queries = (mine.where(shots.c.shot_id.in_(some)) for some in batched(ids, _SOME))
        return {row[0]: Verdict._make(row) for query in queries for row in self._database.all(query)}

    def plans(self, catalog: str, skus: Iterable[str]) -> dict[str, PlanRecord]:
        """What planning came to for those of the named SKUs that are known, by SKU."""
        mine = select(*_PLAN).where(plans.c.catalog == catalog)
        queries = (mine.where(plans.c.sku.in_(some)) for some in batched(skus, _SOME))
        return {row[0]: PlanRecord._make(row) for query in queries for row in self._database.all(query)}

    def remember_plans(self, catalog: str, rows: Iterable[PlanRecord]) -> None:
        """Add or replace what planning came to."""
        self._upsert(plans, ({"catalog": catalog, **row._asdict()} for row in rows))

    def start_run(self, run_id: str, catalog: str, settings: Mapping[str, Any], *, started: datetime | None = None) -> RunRecord:
        """Note that a run goes on. A run that is taken up again keeps its start and counts."""
        row = {
            "id": run_id,
            "catalog": catalog,
            "state": "running",
            "counts": {},
            "settings": dict(settings),
            "started": started or _now(),
            "finished": None,
        }
        with self._database.begin() as connection:
            connection.execute(insert_new(runs, connection.dialect.name), row)
            connection.execute(update(runs).where(runs.c.id == run_id).values(state="running", finished=None))
        return self.run(run_id) or RunRecord(run_id, catalog, "running", {}, settings, _now(), None)

    def finish_run(self, run_id: str, state: str, counts: Mapping[str, float], *, finished: datetime | None = None) -> None:
        """Note how a run ended. Raises StorageError for a run that was never started."""
        with self._database.begin() as connection:
            change = update(runs).where(runs.c.id == run_id).values(state=state, counts=dict(counts), finished=finished or _now())
            if connection.execute(change).rowcount == 0:
                raise StorageError(f"run {run_id!r} was never started")

    def run(self, run_id: str) -> RunRecord | None:
        """A run by id."""
        return next((_run(row) for row in self._database.rows(select(runs).where(runs.c.id == run_id))), None)

    def runs(self, limit: int = 100, offset: int = 0) -> list[RunRecord]:
        """The latest runs, newest first, after `offset` of them."""
        query = select(runs).order_by(runs.c.started.desc(), runs.c.id).limit(limit).offset(offset)
        return [_run(row) for row in self._database.rows(query)]

    def count_runs(self) -> int:
        """How many runs there are."""
        row = self._database.first(select(func.count()).select_from(runs))
        return 0 if row is None else int(row[0])

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._database.close()

    def __reduce__(self) -> tuple[object, ...]:
        return Records, (self.url,)

    def _upsert(self, table: Table, rows: Iterable[dict[str, Any]]) -> None:
        with self._database.begin() as connection:
            statement = upsert(table, connection.dialect.name)
            for some in batched(rows):
                connection.execute(statement, some)


def _run(row: Any) -> RunRecord:
    return RunRecord(row.id, row.catalog, row.state, row.counts, row.settings, row.started, row.finished)
