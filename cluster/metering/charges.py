"""One shot's report as charges: seconds and price by step and model, what was lost included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from cluster.metering.lost import RENDERER
from cluster.metering.tariff import Tariff
from cluster.tiers import Tier
from studio.shot import Report

LOST, OTHER = "lost", "other"
"""Charges that are no step: attempts that died with their machine, and seconds of reports that do not name their parts."""
_LEAST_S = 1e-6


@dataclass(frozen=True, slots=True)
class Charge:
    """Seconds of a step, or of a model inside a step. `runs`: 1 for a step that ran, 0 where the seconds are a model's.
    `lost_s` are in neither of the others."""

    step: str
    model: str
    runs: int
    cpu_s: float
    gpu_s: float
    lost_s: float
    price: float


def charges(report: Report, tariff: Tariff, *, tier: Tier = "standard", day: date | None = None) -> Iterator[Charge]:
    """What a shot cost, part by part. Seconds of attempts that died are priced as those of who died."""
    parts = {**dict.fromkeys(report.seconds, 0.0), **report.cpu_parts, **report.gpu_parts}
    for part in parts:
        step, _, model = part.partition(":")
        cpu_s, gpu_s = report.cpu_parts.get(part, 0.0), report.gpu_parts.get(part, 0.0)
        price = tariff.price(cpu_s, gpu_s, model=model, tier=tier, day=day)
        yield Charge(step, model, int(not model), cpu_s, gpu_s, 0.0, price)
    cpu_s, gpu_s = report.cpu_s - sum(report.cpu_parts.values()), report.gpu_s - sum(report.gpu_parts.values())
    if max(cpu_s, gpu_s) > _LEAST_S:
        yield Charge(OTHER, "", 0, cpu_s, gpu_s, 0.0, tariff.price(cpu_s, gpu_s, tier=tier, day=day))
    for who, seconds in report.lost_parts.items():
        model = "" if who == RENDERER else who
        busy = (0.0, seconds) if tariff.on_gpu(model) else (seconds, 0.0)
        yield Charge(LOST, model, 0, 0.0, 0.0, seconds, tariff.price(*busy, model=model, tier=tier, day=day))


def price_of(report: Report, tariff: Tariff, *, tier: Tier = "standard", day: date | None = None) -> float:
    """Price of a shot: the sum of its charges."""
    return sum(charge.price for charge in charges(report, tariff, tier=tier, day=day))
