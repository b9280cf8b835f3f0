"""Erasing: a product, a picture of a person or an order, with all that was made of it, wherever we keep or put it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from cluster.connections import open_connection
from cluster.engine import fetcher, storage
from cluster.journal import preview
from cluster.settings import Settings
from connectors import audit_tables, review_tables
from connectors import tables as record_tables
from connectors.audit import Audit, Entry
from connectors.database import Database
from connectors.erasure.actions import Doomed, Traces, doomed
from connectors.erasure.rows import Rows, Theirs
from connectors.erasure.subject import Subject
from connectors.erasure.workflows import forget_workflows
from connectors.names import safe_name
from connectors.online import tables as online_tables
from connectors.publications import Publications
from connectors.retention import Retention
from connectors.storage.base import BLOB
from connectors.storage.inventory import FolderInventory, drop_earlier_versions, inventory
from pipelines.erase_runs import ErasedRun, all_runs
from pipelines.nightly import known_looks, make_report
from studio.errors import Conflict, NotFound, PackshotError
from studio.imaging.codec import decode
from studio.imaging.glance import glance, look
from studio.keys import digest_bytes
from templates.library import PACKAGED, Library
from templates.people import FOLDER, read_people

assert audit_tables.audit_lines is not None
assert review_tables.review_items is not None


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants erased: products by SKU, people by their id in a people file, photos by digest, orders by id."""

    skus: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    photos: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """As the audit log names it: a person by the digest of the id, because the log is kept for ever."""
        parts = [f"sku:{sku}" for sku in self.skus] + [f"photo:{digest}" for digest in self.photos]
        parts += [f"person:{digest_bytes(name.encode())[:16]}" for name in self.people]
        return " ".join([*parts, *(f"order:{order}" for order in self.orders)])


@dataclass(slots=True)
class Erased:
    """What goes, or went. `problems`: what could not be reached; the next call takes it up."""

    rows: int = 0
    actions: int = 0
    unsigned: int = 0
    blobs: int = 0
    run_rows: int = 0
    workflows: int = 0
    galleries: int = 0
    files: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0: all of it is gone; 3: something could not be reached."""
        return 3 if self.problems else 0


class Eraser:
    """One erasure. `look` finds what would go; `erase` takes it out, outermost first, records last, so that a call that was
    stopped anywhere may be repeated."""

    def __init__(self, settings: Settings, wish: Wish, *, folders: Sequence[Path] = ()) -> None:
        self._settings, self._wish = settings, wish
        self._storage, self._fetch = storage(settings), fetcher(settings)
        self._store = inventory(self._storage)
        own = [settings.api.publish] if settings.api.publish else []
        self._folders = tuple(dict.fromkeys([*folders, *map(Path, own)]))
        database = Database(settings.records, record_tables.metadata, "records", record_tables.SCHEMA_VERSION)
        online = Database(settings.online, online_tables.metadata, "online", online_tables.SCHEMA_VERSION)
        self._records_database, self._online = database, online
        self._databases = [
            Rows(online, online_tables.metadata.sorted_tables),
            Rows(database, record_tables.metadata.sorted_tables),
        ]
        self.erased = Erased()
        people = {name: self._person(name) for name in wish.people}
        self._subject = Subject(frozenset(wish.skus), frozenset([*wish.photos, *people.values()]), set(wish.orders))
        self._traces = Traces()
        self._theirs: list[Theirs] = []
        self._runs: list[ErasedRun] = []
        self._doomed = Doomed((), 0, ())

    def look(self) -> Erased:
        """What would go. Nothing is changed. Raises NotFound for a person that no people file has, Conflict while an order of it
        is under way."""
        self._find()
        self._claims()
        library = Library.default(self._settings.template_folders, fonts=self._settings.weights_folder)
        keep = {digest for digest, _ in library.assets()} - self._subject.photos
        self._doomed = doomed(self._store, self._traces, keep=keep)
        erased = self.erased
        erased.actions, erased.blobs, erased.unsigned = len(self._doomed.actions), len(self._doomed.blobs), self._doomed.unsigned
        erased.rows = sum(theirs.count for theirs in self._theirs)
        erased.run_rows = sum(run.rows for run in self._runs)
        return erased

    def erase(self, actor: str) -> Erased:
        """Take it out. Raises what `look` raises, StorageError; a shop that does not answer is a problem of the result."""
        self.look()
        audit = Audit(self._records_database)
        audit.add([Entry(actor, "erase.begun", self._wish.told)])
        self._galleries()
        self._published_files()
        for key in self._doomed.actions:
            self._store.drop("actions", key)
        for digest in self._doomed.blobs:
            self._store.drop("blobs", digest)
        if isinstance(self._store, FolderInventory):
            for part in self._store.parts():
                part.unlink(missing_ok=True)
        self._rewrite_runs()
        self.erased.workflows = forget_workflows(self._settings.workflows, self._subject.orders)
        if not self.erased.problems:
            for rows, theirs in zip(self._databases, self._theirs, strict=True):
                rows.delete(theirs)
            self._databases[1].forget_published(self._subject, self._doomed.digests)
            for rows in self._databases:
                rows.settle()
        told = {name: getattr(self.erased, name) for name in ("rows", "actions", "blobs", "run_rows", "galleries", "files")}
        audit.add([Entry(actor, "erase.done", self._wish.told, {**told, "problems": len(self.erased.problems)})])
        return self.erased

    def _find(self) -> None:
        subject, traces = self._subject, self._traces
        traces.digests |= subject.photos
        self._runs = [ErasedRun(files, subject) for files in all_runs(self._settings.runs, self._settings.storage.endpoint_url)]
        for run in self._runs:
            run.find_planned(traces)
        self._theirs = [rows.find(subject, traces) for rows in self._databases]
        self._no_open_orders()
        for run in self._runs:
            run.find_done(traces)
        shared = self._databases[0].addresses(self._theirs[0]) | self._databases[1].addresses(self._theirs[1])
        traces.uris -= shared
        self._databases[1].find_images(subject, traces, self._theirs[1])
        traces.keys |= subject.keys

    def _claims(self) -> None:
        """What others name too stays. Photos that nobody else has are looked at, for what was made of them without a record."""
        subject, traces = self._subject, self._traces
        candidates = traces.digests | traces.keys
        for rows, theirs in zip(self._databases, self._theirs, strict=True):
            traces.claimed |= rows.claims(theirs, candidates, forced=subject.forced)
        for run in self._runs:
            traces.claimed |= run.claims(candidates)
        if subject.forced:
            traces.claimed -= subject.photos | subject.keys
        alone = subject.photos or {digest for digest in traces.photos if digest not in traces.claimed}
        for digest in alone:
            if small := self._small(digest):
                traces.own.add(small)

    def _small(self, digest: str) -> str:
        """Digest of a photo's small picture as it lies beside its cut-outs; "" where its bytes cannot be had."""
        address = self._traces.photos.get(digest, "")
        with suppress(PackshotError):
            data = self._storage.get_blob(digest)
            return _small(data)
        with suppress(PackshotError):
            if address and not address.startswith(BLOB):
                data = self._fetch.read(address)
                return _small(data) if digest_bytes(data) == digest else ""
        return ""

    def _no_open_orders(self) -> None:
        orders = online_tables.orders
        query = select(orders.c.id).where(orders.c.state.in_(["queued", "running"]))
        if under_way := sorted({row.id for row in self._online.all(query)} & self._subject.orders):
            raise Conflict(f"{', '.join(under_way[:5])} is under way; wait for its end or cancel it, then erase")

    def _galleries(self) -> None:
        """Take pictures of ours off the pages of shops: all of a product that goes, or those that show the photo."""
        going, records = self._doomed.digests, Publications(self._records_database)
        tables = record_tables.galleries
        for row in self._records_database.all(select(tables.c.connection, tables.c.ref, tables.c.sku).order_by(tables.c.ref)):
            known = records.get(row.connection, row.ref)
            assert known is not None
            whole = row.sku in self._subject.skus
            stays = () if whole else tuple(item for item in known.live if item.digest not in going)
            touched = len(stays) < len(known.live) or (whole and bool(known.ids)) or bool(set(known.ids) & going)
            if not touched:
                continue
            try:
                open_connection(self._settings, row.connection).publisher.publish(row.ref, row.sku, stays, force=True)
                self.erased.galleries += 1
            except PackshotError as error:
                if error.code != "product_gone":
                    self.erased.problems.append(f"{row.connection}: {row.sku}: {error.message}")

    def _published_files(self) -> None:
        going, mine = self._doomed.digests, {safe_name(sku) for sku in self._subject.skus}
        for root in self._folders:
            for sku, name, digest in _written(root):
                if sku in mine or digest in going:
                    self.erased.files += _retracted(root, sku, name, digest)

    def _rewrite_runs(self) -> None:
        library = Library.default(self._settings.template_folders, fonts=self._settings.weights_folder)
        for run in self._runs:
            if not run.rows:
                continue
            run.rewrite()
            report = Path(run.files.path("report.html"))
            if run.files.local and report.is_file():
                report.unlink()
                with suppress(PackshotError):
                    make_report(run.files, run.files.read_json("run.json"), self._storage.get_blob, known_looks(library))
        if self._settings.runs.startswith("s3://"):
            drop_earlier_versions(self._settings.runs, self._settings.storage.endpoint_url)

    def _person(self, name: str) -> str:
        """Digest of a person's photo. Raises NotFound, FetchError."""
        for path in _people_files(self._settings):
            for person in read_people(path):
                if person.id == name:
                    self.erased.notes.append(f"{name} is still in {path}: take the entry and the photo out, or it is used again")
                    return digest_bytes(self._fetch.read(person.photo))
        raise NotFound(f"no people file has {name!r}; give the photo's digest with --photo")


def expired(settings: Settings) -> tuple[str, ...]:
    """Ids of people whose consent has expired: their pictures are not used any more, and may not be kept."""
    today = datetime.now(UTC).date()
    people = [person for path in _people_files(settings) for person in read_people(path)]
    return tuple(dict.fromkeys(person.id for person in people if person.consent.expires < today))


def long_ended(settings: Settings, before: datetime) -> tuple[str, ...]:
    """Ids of orders that ended before then, at most 10,000."""
    return Retention(settings.online).ended(before.replace(tzinfo=before.tzinfo or UTC))


def _people_files(settings: Settings) -> Iterator[Path]:
    for folder in (*settings.template_folders, PACKAGED):
        yield from sorted((folder / FOLDER).glob("*.yaml"))


def _small(data: bytes) -> str:
    return digest_bytes(preview(look(glance(decode(data).rgb), half=True)))


def _written(root: Path) -> Iterator[tuple[str, str, str]]:
    """Folder, file name and digest of every file that we wrote under a destination's root."""
    for mark in sorted(root.glob("*/.packshot/*@*")):
        name, _, digest = mark.name.rpartition("@")
        yield mark.parent.parent.name, name, digest


def _retracted(root: Path, sku: str, name: str, digest: str) -> bool:
    """Take out a file that is still as we wrote it, and in any case our mark; whether there was one."""
    path = root / sku / name
    mark = path.parent / ".packshot" / f"{name}@{digest}"
    ours = path.is_file() and digest_bytes(path.read_bytes()) == digest
    if ours:
        path.unlink()
    mark.unlink(missing_ok=True)
    for folder in (mark.parent, path.parent):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return ours
