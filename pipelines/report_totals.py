"""The numbers on top of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class ReportTotals:
    """Sums over the rows of a run. `pairs` counts (status, reason); `choices` holds the values one can filter by."""

    images: int = 0
    status: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    why: Counter[str] = field(default_factory=Counter)
    engines: Counter[str] = field(default_factory=Counter)
    model_calls: Counter[str] = field(default_factory=Counter)
    choices: dict[str, list[str]] = field(default_factory=dict)
    cached: int = 0
    cpu_s: float = 0.0
    gpu_s: float = 0.0
    cost: float = 0.0
    bytes: int = 0
    wall_s: float = 0.0

    @property
    def reasons(self) -> list[tuple[str, str, int]]:
        """Status, reason and count, most frequent first."""
        return sorted(((status, reason, count) for (status, reason), count in self.pairs.items()), key=lambda r: (-r[2], r))

    @property
    def cost_per_image(self) -> float:
        """Cost over images of the run; 0 for an empty one."""
        return self.cost / self.images if self.images else 0.0

    @property
    def per_second(self) -> float:
        """Images a second of wall time; 0 when that is unknown."""
        return self.images / self.wall_s if self.wall_s else 0.0


def totals(rows: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> ReportTotals:
    """Sum up ledger rows; wall time is the run's own."""
    sums = ReportTotals(images=len(rows), wall_s=float(run.get("wall_s") or 0.0))
    for row in rows:
        sums.status[row["status"]] += 1
        if row["status"] != "released":
            sums.pairs[row["status"], row["reason"]] += 1
        sums.why[row["why"]] += 1
        sums.engines[row["engine"]] += 1
        sums.model_calls.update(dict(row["model_calls"] or {}))
        sums.cached += bool(row["cached"])
        sums.cpu_s += row["cpu_s"] or 0.0
        sums.gpu_s += row["gpu_s"] or 0.0
        sums.cost += row["cost"] or 0.0
        sums.bytes += row["bytes"] or 0
    for name in ("status", "reason", "template", "destination"):
        sums.choices[name] = sorted({row[name] for row in rows} - {"", None})
    return sums
