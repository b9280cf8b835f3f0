"""What work will take, from what earlier runs took; until there are any, from measured defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cluster.metering import on_gpu
from cluster.profile import Profile
from cluster.settings import Prices
from connectors.records import Records

DEFAULT_CALL_S = {"u2netp": 0.35, "span-x2": 4.0, "span-x4": 6.0}
"""CPU-seconds of a model call on one core, measured (docs/benchmarks.md); used until a run has been recorded."""
DEFAULT_SHOT_S = 0.8
UNKNOWN_CALL_S = 1.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds of work by model and for everything else, wall seconds on this profile, and the price."""

    seconds: dict[str, float]
    wall_s: float
    cost: float
    currency: str
    basis: str
    """`measured` when earlier runs on these records were used, else `default`."""


def seconds_a_shot(records: Records) -> float | None:
    """CPU- and GPU-seconds that a made shot took in the latest runs; None while none is recorded."""
    past = [run.counts for run in records.runs() if run.counts.get("due") and run.counts.get("cpu_s")]
    shots = sum(run["due"] - run.get("cached", 0) for run in past)
    return sum(run["cpu_s"] + run["gpu_s"] for run in past) / shots if shots > 0 else None


def estimate(shots: int, calls: Mapping[str, int], measured: float | None, profile: Profile, prices: Prices) -> Estimate:
    """What `shots` images with at most these model calls take; `measured` is `seconds_a_shot`. A cached cut-out makes it cheaper
    than said; nothing makes it much dearer."""
    seconds = {name: count * DEFAULT_CALL_S.get(name, UNKNOWN_CALL_S) for name, count in calls.items()}
    seconds["pixels"] = shots * DEFAULT_SHOT_S
    if measured is not None:
        scale = measured * shots / max(sum(seconds.values()), 1e-9)
        seconds = {name: value * scale for name, value in seconds.items()}
    gpu = sum(value for name, value in seconds.items() if name in on_gpu(profile))
    cpu = sum(seconds.values()) - gpu
    price = cpu / 3600 * prices.cpu_hour + gpu / 3600 * prices.gpu_hour
    wall = sum(seconds.values()) / max(1, profile.renderer.threads * profile.workers)
    return Estimate(seconds, wall, price, prices.currency, "default" if measured is None else "measured")
