"""Taking finished chunks out of the journal while the run goes on: publish, record, count."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pyarrow as pa

from cluster.settings import Prices
from connectors.destinations.folder import FolderDestination
from connectors.names import asset_name
from connectors.records import Records, ShotRecord
from connectors.storage.base import Storage
from pipelines.ledger import LedgerWriter, Totals, ledger_row
from pipelines.runfiles import RunFiles
from studio.errors import PackshotError

log = logging.getLogger(__name__)


class Publisher:
    """Puts released images into the output folder, and nothing else."""

    def __init__(self, storage: Storage, out: FolderDestination | None) -> None:
        self._storage, self._out = storage, out

    def publish(self, sku: str, template: str, destination: str, slot: str, asset: str, media_type: str) -> str:
        """Path of the published file relative to the output folder; empty when the run has none."""
        if self._out is None:
            return ""
        name = asset_name(template.partition("@")[0], destination, slot, media_type)
        path = self._out.publish(sku, name, self._storage.get_blob(asset))
        return str(path.relative_to(self._out.root))

    def lacks(self, record: ShotRecord) -> bool:
        """Whether an image that was released is not in the output folder."""
        return self._out is not None and not (record.path and (self._out.root / record.path).is_file())

    def restore(self, record: ShotRecord) -> ShotRecord:
        """Publish again what an earlier run released. Returns the record with the path of now."""
        sku, template, destination, slot = record.shot_id.rsplit("/", 3)
        return replace(record, path=self.publish(sku, template, destination, slot, record.digest, record.media_type))


class Ingest:
    """Follows a journal. Every result is taken once, also when the journal names it twice."""

    def __init__(self, files: RunFiles, catalog: str, records: Records, publisher: Publisher, prices: Prices) -> None:
        self._files, self._catalog, self._records, self._publisher, self._prices = files, catalog, records, publisher, prices
        self._ledger = LedgerWriter(files)
        self._read: set[str] = set()
        self._seen: set[str] = set()
        self.totals = Totals()

    def poll(self) -> int:
        """Take what has appeared since the last call. Returns how many results that was."""
        taken = 0
        for path in self._files.journal_files():
            if path in self._read:
                continue
            try:
                chunks = list(self._files.read_journal(path))
            except (pa.ArrowInvalid, OSError):
                continue
            self._read.add(path)
            for _, results in chunks:
                taken += self._take([r for r in results if r["shot_id"] not in self._seen])
        return taken

    def close(self) -> None:
        """Finish the ledger."""
        self._ledger.close()

    def _take(self, results: list[dict[str, Any]]) -> int:
        rows, records = [], []
        for result in results:
            self._seen.add(result["shot_id"])
            row = ledger_row(self._files.run, result, self._prices)
            self._publish(row)
            self.totals.add(row)
            rows.append(row)
            records.append(_record(row, result))
        self._ledger.write(rows)
        self._records.remember_shots(self._catalog, records)
        return len(rows)

    def _publish(self, row: dict[str, Any]) -> None:
        if row["status"] != "released":
            return
        try:
            place = (row["sku"], row["template"], row["destination"], row["slot"])
            row["path"] = self._publisher.publish(*place, row["asset"], row["media_type"])
        except PackshotError as error:
            log.error("%s was made but not published: %s", row["shot_id"], error)
            row.update(status="failed", reason=error.code, code=error.code, detail=error.message)


def _record(row: dict[str, Any], result: dict[str, Any]) -> ShotRecord:
    return ShotRecord(
        shot_id=row["shot_id"],
        key=row["key"],
        parts=result["parts"],
        status=row["status"],
        reason=row["reason"],
        digest=row["asset"],
        media_type=row["media_type"],
        path=row["path"],
        run=row["run"],
    )
