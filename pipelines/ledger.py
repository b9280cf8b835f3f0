"""The ledger: one Parquet row a shot, and the counts that sum a run up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cluster.metering.charges import price_of
from cluster.metering.tariff import Tariff
from pipelines.runfiles import RunFiles
from studio.shot import Report

_MAPS = ("seconds", "model_calls", "measurements", "previews", "cpu_parts", "gpu_parts", "lost_parts")
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("run", "key", "shot_id", "sku", "title", "template", "destination", "slot")),
        *((name, pa.string()) for name in ("status", "reason", "detail", "code", "asset", "media_type", "path", "why", "engine")),
        *((name, pa.string()) for name in ("category", "action", "cure", "brand", "at")),
        *((name, pa.int64()) for name in ("width", "height", "bytes", "attempts")),
        ("cached", pa.bool_()),
        ("reused", pa.list_(pa.string())),
        ("tried", pa.list_(pa.string())),
        ("seconds", pa.map_(pa.string(), pa.float64())),
        ("model_calls", pa.map_(pa.string(), pa.int64())),
        ("measurements", pa.map_(pa.string(), pa.float64())),
        ("previews", pa.map_(pa.string(), pa.string())),
        *((name, pa.map_(pa.string(), pa.float64())) for name in ("cpu_parts", "gpu_parts", "lost_parts")),
        *((name, pa.float64()) for name in ("cpu_s", "gpu_s", "cost", "uncertainty")),
    ]
)


_SINCE: dict[str, Any] = {"category": "", "action": "", "cure": "", "brand": "", "at": "", "tried": [], "uncertainty": 0.0}
"""What ledgers of earlier versions do not have."""


def ledger_row(run: str, result: Mapping[str, Any], tariff: Tariff) -> dict[str, Any]:
    """A journal result as a ledger row (the fields of SCHEMA), priced by its day; `path` is filled by the publisher."""
    outcome = result["outcome"]
    asset = outcome.get("asset") or {}
    report = Report.model_validate(outcome["report"])
    return {
        "run": run,
        **{name: result[name] for name in ("key", "shot_id", "sku", "title", "template", "destination", "slot", "why")},
        "status": outcome["status"],
        "reason": outcome.get("reason", "") or outcome.get("code", ""),
        "detail": outcome.get("detail", "") or outcome.get("message", ""),
        "code": outcome.get("code", ""),
        **{name: result.get(name, "") for name in ("category", "brand", "at")},
        "action": outcome.get("action", ""),
        "asset": asset.get("digest", ""),
        "media_type": asset.get("media_type", ""),
        "width": asset.get("width", 0),
        "height": asset.get("height", 0),
        "bytes": asset.get("bytes", 0),
        "path": "",
        "cached": "shot" in report.reused,
        "cost": price_of(report, tariff, day=day_of(result)),
        **report.model_dump(exclude={"reused", "tried"}),
        "reused": list(report.reused),
        "tried": list(report.tried),
    }


def day_of(row: Mapping[str, Any]) -> date:
    """UTC day on which a result was made; today for journals that do not say."""
    at = str(row.get("at", ""))
    return datetime.fromisoformat(at).date() if at else datetime.now(UTC).date()


@dataclass(slots=True)
class Totals:
    """Sums over a run's rows."""

    status: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    model_calls: Counter[str] = field(default_factory=Counter)
    cached: int = 0
    cpu_s: float = 0.0
    gpu_s: float = 0.0
    cost: float = 0.0
    lost_s: float = 0.0

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one ledger row."""
        self.status[row["status"]] += 1
        if row["status"] != "released":
            self.reasons[row["reason"]] += 1
        self.model_calls.update(row["model_calls"])
        self.cached += row["cached"]
        self.cpu_s += row["cpu_s"]
        self.gpu_s += row["gpu_s"]
        self.cost += row["cost"]
        self.lost_s += sum(row["lost_parts"].values())


class LedgerWriter:
    """Writes rows as they come; `close` makes the file whole."""

    def __init__(self, files: RunFiles) -> None:
        self._path = files.path("ledger.parquet")
        self._fs = files.fs
        self._writer = pq.ParquetWriter(self._path, SCHEMA, filesystem=files.fs, compression="zstd")

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Append rows of `ledger_row`."""
        if rows:
            flat = [{**row, **{name: list(row[name].items()) for name in _MAPS}} for row in rows]
            self._writer.write_table(pa.Table.from_pylist(flat, schema=SCHEMA))

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


def read_ledger(files: RunFiles) -> Iterator[dict[str, Any]]:
    """Rows of a finished ledger, streamed."""
    with files.fs.open_input_file(files.path("ledger.parquet")) as source:
        for batch in pq.ParquetFile(source).iter_batches(batch_size=512):
            for row in batch.to_pylist():
                yield {**_SINCE, **row, **{name: dict(row.get(name) or ()) for name in _MAPS}}


def summary_line(run: str, summary: Mapping[str, Any]) -> str:
    """The one JSON line that `packshot run --json` ends with."""
    return json.dumps({"run": run, **summary}, sort_keys=False)
