"""The files of runs, without what is about a subject: plan, journal and ledger are written anew, reports drawn again."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from connectors.erasure.actions import Traces
from connectors.erasure.subject import Subject, digests_in
from pipelines.runfiles import RunFiles


def all_runs(runs: str, endpoint_url: str) -> Iterator[RunFiles]:
    """Every run that keeps files, by name."""
    root = RunFiles(runs, "", endpoint_url=endpoint_url)
    infos = root.fs.get_file_info(pafs.FileSelector(root.root, allow_not_found=True))
    for name in sorted(PurePosixPath(info.path).name for info in infos if info.type == pafs.FileType.Directory):
        yield RunFiles(runs, name, endpoint_url=endpoint_url)


class ErasedRun:
    """One run. `find` the plan of every run first: what it says of group pictures decides about journals and ledgers."""

    def __init__(self, files: RunFiles, subject: Subject) -> None:
        self.files, self._subject = files, subject
        self.rows = 0
        """Planned shots, results and ledger rows that go."""

    def find_planned(self, traces: Traces) -> None:
        """What the plan names."""
        for path in self._chunked():
            for item in self._items(path):
                if self._planned(item):
                    self.rows += 1
                    traces.take(item)
                    shot = item["shot"]
                    self._subject.keys.add(item["key"])
                    if shot["product"]["sku"] not in self._subject.skus:
                        self._subject.showing.add(item["key"])

    def find_done(self, traces: Traces) -> None:
        """What journal and ledger name."""
        for path in self._journal():
            for item in self._items(path):
                if self._done(item):
                    self.rows += 1
                    traces.take(item)
                    self._subject.keys.add(item["key"])
        for row in self._ledger():
            if self._done(row):
                self.rows += 1
                traces.take(row)
                self._subject.keys.add(row["key"])

    def claims(self, candidates: Collection[str]) -> set[str]:
        """Which of the candidates are named by what stays."""
        planned = (item for path in self._chunked() for item in self._items(path) if not self._planned(item))
        results = (item for path in self._journal() for item in self._items(path) if not self._done(item))
        rows = (row for row in self._ledger() if not self._done(row))
        wanted, claimed = set(candidates), set[str]()
        for item in chain(planned, results, rows):
            claimed |= digests_in(item) & wanted
        return claimed

    def rewrite(self) -> None:
        """Write the files without it. A run that was not finished goes on without those shots."""
        for path in self._chunked():
            self._filtered(path, lambda item: not self._planned(item))
        for path in self._journal():
            self._filtered(path, lambda item: not self._done(item))
        path = self.files.path("ledger.parquet")
        if not self._is_file(path):
            return
        try:
            table = pq.read_table(path, filesystem=self.files.fs)
        except pa.ArrowInvalid:
            self.files.fs.delete_file(path)
            return
        self._replace(path, table.filter(pa.array([not self._done(_row(row)) for row in table.to_pylist()], pa.bool_())))

    def _filtered(self, path: str, stays: Any) -> None:
        table = pq.read_table(path, filesystem=self.files.fs)
        items = [json.dumps([item for item in json.loads(text) if stays(item)]) for text in table.column("items").to_pylist()]
        place = table.schema.get_field_index("items")
        self._replace(path, table.set_column(place, table.schema.field(place), pa.array(items, table.schema.field(place).type)))

    def _replace(self, path: str, table: pa.Table) -> None:
        with self.files.fs.open_input_file(path) as source:
            groups = pq.ParquetFile(source).num_row_groups
        group = max(1, -(-table.num_rows // max(1, groups)))
        pq.write_table(table, path + ".part", filesystem=self.files.fs, compression="zstd", row_group_size=group)
        self.files.fs.move(path + ".part", path)

    def _planned(self, item: dict[str, Any]) -> bool:
        shot = item["shot"]
        return self._subject.shown_in([shot["product"], shot["images"], shot.get("companions", ())])

    def _done(self, row: dict[str, Any]) -> bool:
        keys = self._subject.keys if self._subject.forced else self._subject.showing
        return row["sku"] in self._subject.skus or row["key"] in keys

    def _chunked(self) -> list[str]:
        path = self.files.path("plan", "plan.parquet")
        return [path] if self._is_file(path) else []

    def _journal(self) -> list[str]:
        return self.files.journal_files()

    def _items(self, path: str) -> Iterator[dict[str, Any]]:
        with self.files.fs.open_input_file(path) as source:
            for batch in pq.ParquetFile(source).iter_batches(batch_size=64, columns=["items"]):
                for text in batch.column("items").to_pylist():
                    yield from json.loads(text)

    def _ledger(self) -> Iterator[dict[str, Any]]:
        """Rows; none of a ledger that a stopped run left without an end: nobody can read it, and a resumed run writes it anew."""
        path = self.files.path("ledger.parquet")
        if not self._is_file(path):
            return
        with self.files.fs.open_input_file(path) as source:
            try:
                ledger = pq.ParquetFile(source)
            except pa.ArrowInvalid:
                return
            for batch in ledger.iter_batches(batch_size=512):
                yield from map(_row, batch.to_pylist())

    def _is_file(self, path: str) -> bool:
        return bool(self.files.fs.get_file_info(path).type == pafs.FileType.File)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """A ledger row with its pictures by name."""
    return {**row, "previews": dict(row.get("previews") or ())}
