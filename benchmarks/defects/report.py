"""The held-out figures: seeded defects caught and clean pictures held back, by checks, by classifier, by the whole policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.defects.dataset import Row
from benchmarks.defects.looks import look
from benchmarks.defects.seeds import KINDS
from benchmarks.defects.training import known_of
from studio.qa.defects import ALARM, Judge, excess
from studio.qa.policy import decide, limits

CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one row: the limit that a check's value breaks first (empty: none), the classifier's `defect` value, and the
    kind it thinks likeliest."""

    row: Row
    reason: str
    defect: float
    named: str

    @property
    def by_judge(self) -> bool:
        """Whether the classifier holds the picture back."""
        return self.defect > ALARM

    @property
    def caught(self) -> bool:
        """Whether the policy as a whole does."""
        return bool(self.reason) or self.by_judge


def found(rows: Sequence[Row], judge: Judge, alarms: Mapping[str, float]) -> list[Found]:
    """Every row, judged by the limits of its look without the classifier's own, and by the classifier."""
    return [_found(row, judge, alarms) for row in rows]


def _found(row: Row, judge: Judge, alarms: Mapping[str, float]) -> Found:
    opinion = judge.opinion(known_of(row), row.embedding)
    kinds = {kind: value for kind, value in opinion.items() if kind in KINDS}
    return Found(row, blamed(row), excess(opinion, alarms), max(kinds, key=lambda kind: kinds[kind]))


def blamed(row: Row) -> str:
    """The limit that the row breaks first, without the classifier; empty where all hold."""
    template, destination = look(row.style, row.side)
    asking = template.model_copy(update={"examine": ("defects",)})
    bounds = {name: limit for name, limit in limits(asking, destination).items() if name in row.measured}
    return decide(row.measured, bounds).reason


def table(results: Sequence[Found]) -> dict[str, dict[str, Any]]:
    """By kind, and `clean` and `all seeded`: pictures, shares held back by checks, by the classifier, by both together, and how
    often the classifier's likeliest kind is the seeded one."""
    groups: dict[str, list[Found]] = {
        CLEAN: [f for f in results if not f.row.kind],
        "all seeded": [f for f in results if f.row.kind],
    }
    groups |= {kind: [f for f in results if f.row.kind == kind] for kind in KINDS}
    return {name: _line(group) for name, group in groups.items() if group}


def _line(group: Sequence[Found]) -> dict[str, Any]:
    count = len(group)
    caught = sum(f.caught for f in group)
    return {
        "pictures": count,
        "products": len({f.row.product for f in group}),
        "checks": round(sum(bool(f.reason) for f in group) / count, 4),
        "classifier": round(sum(f.by_judge for f in group) / count, 4),
        "policy": round(caught / count, 4),
        "low": round(wilson(caught, count)[0], 4),
        "high": round(wilson(caught, count)[1], 4),
        "named": round(sum(f.named == f.row.kind for f in group) / count, 4),
    }


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    share, room = hits / count, z * z / count
    middle, half = share + room / 2, z * float(np.sqrt(share * (1 - share) / count + room / (4 * count)))
    return (middle - half) / (1 + room), (middle + half) / (1 + room)


def printed(lines: dict[str, dict[str, Any]]) -> str:
    """A Markdown table."""
    head = ["pictures", "products", "held back by checks", "by classifier", "by the policy", "95 % interval", "kind named"]
    out = ["| | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    for name, line in lines.items():
        shares = [f"{100 * line[key]:.1f} %" for key in ("checks", "classifier", "policy")]
        span = f"{100 * line['low']:.1f} .. {100 * line['high']:.1f} %"
        named = "" if name == CLEAN else f"{100 * line['named']:.0f} %"
        out.append("| " + " | ".join([name, str(line["pictures"]), str(line["products"]), *shares, span, named]) + " |")
    return "\n".join(out)
