"""What a finished run left behind, read a page at a time: a ledger may have a million rows."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from cluster.run_journal import Journals, Progress
from connectors.s3_client import arrow_s3
from studio.errors import NotFound

RUN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
FACETS = ("status", "reason", "template", "destination")
_SINCE: dict[str, Any] = {"category": "", "action": "", "cure": "", "tried": [], "uncertainty": 0.0}
"""Fields that pages show and ledgers of earlier versions do not have."""
_SEARCHED = ("sku", "title", "slot")
_KEPT = 6
"""Ledgers and pairs remembered: some 100 MB each at a million rows."""
M = TypeVar("M")
_SHOWN = ("shot_id", "sku", "title", "slot", "template", "destination", "status", "reason", "detail", "asset", "previews")
_LISTED = (*_SHOWN, "why", "width", "height", "bytes", "seconds", "cost", "cached")
_DIFFERED = ("shot_id", "sku", "slot", "template", "destination", "status", "reason", "asset", "previews")
_COMPARED = ("shot_id", "status", "asset")
CHANGES = ("status", "picture", "added", "gone")
"""How a shot of a run may differ from the same shot of another."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A shot of two runs; one side is None where only the other has it."""

    change: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @property
    def row(self) -> Mapping[str, Any]:
        """Whichever side there is, the later one first."""
        return self.after or self.before or {}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two runs differ: shots by kind of change, `same` among them, and one page of differences."""

    counts: Counter[str]
    total: int
    items: Sequence[Difference]


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Some rows (the fields of the ledger that pages show), and how many there are in all."""

    items: Sequence[Mapping[str, Any]]
    total: int
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Rows by value, of the whole ledger, for each of FACETS."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """What a ledger is filtered by, few distinct values as a dictionary, the counts of these, and the file's footer."""

    table: pa.Table
    facets: Mapping[str, Mapping[str, int]]
    footer: pq.FileMetaData


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two ledgers joined by shot, the kind of change of each row, their counts, and the files' footers."""

    joined: pa.Table
    changes: np.ndarray[Any, np.dtype[np.str_]]
    counts: Counter[str]
    footers: tuple[pq.FileMetaData, pq.FileMetaData]


class RunLog:
    """Plans, journals, ledgers and summaries under the settings' `runs`, read-only."""

    def __init__(self, runs: str, *, endpoint_url: str = "") -> None:
        if runs.startswith("s3://"):
            self._fs: pafs.FileSystem = arrow_s3(endpoint_url)
        else:
            self._fs = pafs.LocalFileSystem()
        self._lock, self._known = threading.Lock(), OrderedDict[Hashable, Any]()
        self._journals = Journals(self._fs)
        self._root = PurePosixPath(runs.removeprefix("s3://").removeprefix("file://"))

    def plan(self, run: str) -> dict[str, Any]:
        """The plan's summary (`due`, `chunks`, `plan`), {} without one. Raises NotFound for what cannot be a run's name."""
        return self._json(run, "plan.json")

    def summary(self, run: str) -> dict[str, Any]:
        """How the run ended, {} while it goes on. Raises NotFound."""
        return self._json(run, "run.json")

    def progress(self, run: str) -> Progress | None:
        """How far it has come; None without a plan. Raises NotFound."""
        plan = self.plan(run)
        return self._journals.progress(self._path(run, "journal"), plan) if plan else None

    def page(self, run: str, wanted: Mapping[str, str], *, text: str = "", first: int = 0, size: int = 50) -> LedgerPage:
        """Rows whose fields (of FACETS) are as wanted and whose SKU, title or slot has `text` in it, in the ledger's order.

        An unfinished run has none. Raises NotFound.
        """
        if (found := self._open(run)) is None:
            return LedgerPage((), 0)
        with found as source:
            known = self._remembered(("columns", run, source.size()), lambda: _columns(pq.ParquetFile(source)))
            table = known.table
            mask = np.ones(table.num_rows, bool)
            for name, value in wanted.items():
                mask &= _true(pc.equal(table.column(name), value))
            if text:
                mask &= np.logical_or.reduce([_true(_holds(table.column(name), text)) for name in _SEARCHED])
            places = np.flatnonzero(mask)
            shown = _rows(_again(source, known.footer), places[first : first + size], _LISTED)
            return LedgerPage(shown, len(places), known.facets)

    def compare(self, before: str, after: str, *, change: str = "", first: int = 0, size: int = 50) -> Comparison:
        """Shots of two finished runs side by side; the page has those of one kind of change, or all that differ, by shot id.

        Raises NotFound.
        """
        one, other = self._open(before), self._open(after)
        if one is None or other is None:
            raise NotFound(f"run {before if one is None else after!r} has no ledger yet")
        with one as left, other as right:
            name = ("pair", before, left.size(), after, right.size())
            known = self._remembered(name, lambda: _pair(pq.ParquetFile(left), pq.ParquetFile(right)))
            files = _again(left, known.footers[0]), _again(right, known.footers[1])
            places = np.flatnonzero(known.changes == change if change else known.changes != "same")
            shown = places[first : first + size]
            sides = [_side(file, known.joined.column(name).take(pa.array(shown))) for file, name in zip(files, "ab", strict=True)]
            items = [Difference(str(known.changes[place]), one, other) for place, one, other in zip(shown, *sides, strict=True)]
            return Comparison(known.counts, len(places), items)

    def _remembered(self, name: Hashable, make: Callable[[], M]) -> M:
        """What was read of finished runs lately: their files never change, and who looks at one turns pages and filters."""
        with self._lock:
            if name in self._known:
                self._known.move_to_end(name)
                kept: M = self._known[name]
                return kept
        made = make()
        with self._lock:
            self._known[name] = made
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return made

    def _path(self, run: str, name: str) -> str:
        if not re.fullmatch(RUN, run):
            raise NotFound(f"no run {run!r}")
        return str(self._root / run / name)

    def _json(self, run: str, name: str) -> dict[str, Any]:
        path = self._path(run, name)
        if self._fs.get_file_info(path).type != pafs.FileType.File:
            return {}
        with self._fs.open_input_stream(path) as stream:
            found: dict[str, Any] = json.loads(stream.read())
        return found

    def _open(self, run: str) -> Any | None:
        """The ledger's file, once the run has ended: until then it has no footer."""
        path = self._path(run, "ledger.parquet")
        ended = self._fs.get_file_info(self._path(run, "run.json")).type == pafs.FileType.File
        return self._fs.open_input_file(path) if ended and self._fs.get_file_info(path).size else None


@lru_cache(maxsize=8)
def run_log(runs: str, endpoint_url: str) -> RunLog:
    """The runs of these settings."""
    return RunLog(runs, endpoint_url=endpoint_url)


def _true(values: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    found = values.fill_null(False).to_numpy()
    return np.asarray(found, bool)


def _holds(column: Any, text: str) -> Any:
    return pc.match_substring(column, text, ignore_case=True)


def _columns(file: pq.ParquetFile) -> _Columns:
    table = file.read(columns=[*FACETS, *_SEARCHED])
    for name in FACETS:
        table = table.set_column(table.schema.get_field_index(name), name, table.column(name).dictionary_encode())
    return _Columns(table, _facets(table), file.metadata)


def _pair(before: pq.ParquetFile, after: pq.ParquetFile) -> _Pair:
    joined = _joined(*(file.read(columns=list(_COMPARED)) for file in (before, after)))
    changes = _changes(joined)
    names, counts = np.unique(changes, return_counts=True)
    found = Counter(dict(zip(map(str, names), map(int, counts), strict=True)))
    return _Pair(joined.select(["a", "b"]), changes, found, (before.metadata, after.metadata))


def _again(source: Any, footer: pq.FileMetaData) -> pq.ParquetFile:
    """A ledger whose footer is known: it names every column of every row group, and takes longer to read than a page of rows."""
    return pq.ParquetFile(source, metadata=footer)


def _facets(table: pa.Table) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name in FACETS:
        counts = pc.value_counts(table.column(name)).to_pylist()
        found[name] = {one["values"]: one["counts"] for one in sorted(counts, key=lambda one: -one["counts"]) if one["values"]}
    return found


def _rows(file: pq.ParquetFile, places: Iterable[int], columns: Sequence[str]) -> list[dict[str, Any]]:
    """Rows at these places, in their order, with these columns; only the row groups that hold them are read."""
    wanted = np.fromiter(places, np.int64)
    if not wanted.size:
        return []
    sizes = np.array([file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)])
    ends = np.cumsum(sizes)
    groups = np.unique(np.searchsorted(ends, wanted, side="right"))
    begins = (ends - sizes)[groups]
    moved = np.concatenate([[0], np.cumsum(sizes[groups])[:-1]])
    mine = np.searchsorted(begins, wanted, side="right") - 1
    # A handful of small groups: threads would cost more than they save.
    some = file.read_row_groups(groups.tolist(), columns=list(columns), use_threads=False)
    table = some.take(pa.array(wanted - begins[mine] + moved[mine]))
    maps = [field.name for field in table.schema if pa.types.is_map(field.type)]
    return [{**_SINCE, **row, **{name: dict(row[name] or ()) for name in maps}} for row in table.to_pylist()]


def _joined(before: pa.Table, after: pa.Table) -> pa.Table:
    """One row a shot, with its place in either ledger as `a` and `b`, null where that one lacks it."""
    left, right = (
        table.append_column(name, pa.array(np.arange(table.num_rows))) for table, name in ((before, "a"), (after, "b"))
    )
    return left.join(right, keys="shot_id", join_type="full outer", right_suffix="_b").sort_by("shot_id")


def _changes(joined: pa.Table) -> np.ndarray[Any, np.dtype[np.str_]]:
    gone, added = (_true(pc.is_null(joined.column(name))) for name in ("b", "a"))
    status = ~_true(pc.equal(joined.column("status"), joined.column("status_b")))
    picture = ~_true(pc.equal(joined.column("asset"), joined.column("asset_b")))
    return np.select([gone, added, status, picture], ["gone", "added", "status", "picture"], "same")


def _side(file: pq.ParquetFile, places: Any) -> list[dict[str, Any] | None]:
    known = places.to_pylist()
    rows = iter(_rows(file, [place for place in known if place is not None], _DIFFERED))
    return [None if place is None else next(rows) for place in known]
