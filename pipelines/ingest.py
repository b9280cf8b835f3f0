"""Taking finished chunks out of the journal while the run goes on: publish, record, count."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import Any

import pyarrow as pa

from cluster.metering.meter import RunMeter
from cluster.metering.tariff import Tariff
from connectors.audit import Audit, Entry
from connectors.destinations.folder import FolderDestination
from connectors.names import asset_name
from connectors.records import Records, ShotRecord
from connectors.signing import Signing
from connectors.storage.base import Storage
from pipelines.ledger import LedgerWriter, Totals, day_of, ledger_row
from pipelines.runfiles import RunFiles
from studio.errors import PackshotError
from studio.shot import Report

log = logging.getLogger(__name__)


class Publisher:
    """Puts released images into the output folder, and nothing else."""

    def __init__(self, storage: Storage, out: FolderDestination | None, sign: Signing | None = None) -> None:
        self._storage, self._out, self._sign = storage, out, sign or Signing(storage)

    def publish(self, sku: str, template: str, destination: str, slot: str, asset: str, media_type: str) -> str:
        """Path of the published file relative to the output folder; empty when the run has none."""
        if self._out is None:
            return ""
        name = asset_name(template.partition("@")[0], destination, slot, media_type)
        path = self._out.publish(sku, name, self._storage.get_blob(self._sign(asset, media_type, title=name)))
        return str(path.relative_to(self._out.root))

    def lacks(self, path: str) -> bool:
        """Whether an image that was released and has this path is not in the output folder."""
        return self._out is not None and not (path and os.path.isfile(f"{self._out.root}/{path}"))  # noqa: PTH113 - millions

    def restore(self, record: ShotRecord) -> ShotRecord:
        """Publish again what an earlier run released. Returns the record with the path of now."""
        sku, template, destination, slot = record.shot_id.rsplit("/", 3)
        return replace(record, path=self.publish(sku, template, destination, slot, record.digest, record.media_type))


class Ingest:
    """Follows a journal. Every result is taken once, also when the journal names it twice."""

    def __init__(
        self, files: RunFiles, catalog: str, records: Records, publisher: Publisher, tariff: Tariff, meter: RunMeter
    ) -> None:
        self._files, self._catalog, self._records, self._publisher = files, catalog, records, publisher
        self._tariff, self._meter = tariff, meter
        self._ledger = LedgerWriter(files)
        self._audit = Audit(records.url)
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
        self._audit.close()

    def _take(self, results: list[dict[str, Any]]) -> int:
        rows, records = [], []
        for result in results:
            self._seen.add(result["shot_id"])
            row = ledger_row(self._files.run, result, self._tariff)
            self._publish(row)
            self.totals.add(row)
            self._count(row, Report.model_validate(result["outcome"]["report"]))
            rows.append(row)
            records.append(_record(row, result))
        self._ledger.write(rows)
        self._tell(rows)
        self._records.remember_shots(self._catalog, records)
        return len(rows)

    def _tell(self, rows: list[dict[str, Any]]) -> None:
        """Released pictures into the audit log; those that this run told before it was taken up again are not told twice."""
        released = [row for row in rows if row["status"] == "released"]
        known = self._records.shots_of(self._catalog, (row["shot_id"] for row in released))
        told = {name for name, record in known.items() if record.run == self._files.run and record.status == "released"}
        names = ("template", "destination", "slot", "asset")
        fresh = [row for row in released if row["shot_id"] not in told]
        night = f"night:{self._files.run}"
        if fresh:
            entries = (Entry(night, "asset.released", row["sku"], {name: row[name] for name in names}) for row in fresh)
            self._audit.add(entries)

    def _count(self, row: dict[str, Any], report: Report) -> None:
        place = {name: row[name] for name in ("brand", "template", "destination")}
        self._meter.take(report, released=row["status"] == "released", day=day_of(row), **place)

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
