"""What work will take, from what earlier runs took; until there are any, from measured defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cluster.metering.forecast import Expected, Forecast, History
from cluster.metering.tariff import Tariff, on_gpu
from cluster.profile import Profile
from cluster.settings import Prices
from cluster.tiers import Tier
from connectors.records import Records

DEFAULT_CALL_S = {"u2netp": 0.35, "span-x2": 4.0, "span-x4": 6.0}
"""CPU-seconds of a model call on one core, measured (docs/benchmarks.md); used until a run has been recorded."""
DEFAULT_SHOT_S = 0.8
DEFAULT_STEP_S = 0.08
UNKNOWN_CALL_S = 1.0
PIXELS = "pixels"
"""Everything that is no model, in an estimate's seconds."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds of work by model and for everything else, wall seconds on this profile, and the price."""

    seconds: dict[str, float]
    wall_s: float
    cost: float
    currency: str
    basis: str
    """`measured` when earlier runs on these records were used, `mixed` where some steps never ran before, else `default`."""


def seconds_a_shot(records: Records) -> float | None:
    """CPU- and GPU-seconds that a made shot took in the latest runs; None while none is recorded."""
    past = [run.counts for run in records.runs() if run.counts.get("due") and run.counts.get("cpu_s")]
    shots = sum(run["due"] - run.get("cached", 0) for run in past)
    return sum(run["cpu_s"] + run["gpu_s"] for run in past) / shots if shots > 0 else None


def error_of_quotes(records: Records) -> float | None:
    """How far off the quotes of the latest runs were, as a share of the quote, without sign; None while no run was quoted."""
    errors = [abs(error) for run in records.runs() if (error := run.counts.get("quote_error")) is not None]
    return sum(errors) / len(errors) if errors else None


def quoted(
    forecast: Forecast,
    history: History,
    calls: Mapping[str, int],
    measured: Callable[[], float | None],
    profile: Profile,
    prices: Prices,
    *,
    shots: int,
    tier: Tier = "standard",
) -> Estimate:
    """What shots take that a forecast has seen, for nights and orders alike: by steps that ran before, else by `seconds_a_shot`,
    else by defaults."""
    if history.means and forecast.shots:
        return estimate_parts(forecast.seconds(history), profile, prices, tier=tier)
    return estimate(shots, calls, measured(), profile, prices, tier=tier)


def estimate(
    shots: int,
    calls: Mapping[str, int],
    measured: float | None,
    profile: Profile,
    prices: Prices,
    *,
    tier: Tier = "standard",
) -> Estimate:
    """What `shots` images with at most these model calls take; `measured` is `seconds_a_shot`. A cached cut-out makes it cheaper
    than said; nothing makes it much dearer."""
    seconds = {name: count * DEFAULT_CALL_S.get(name, UNKNOWN_CALL_S) for name, count in calls.items()}
    seconds[PIXELS] = shots * DEFAULT_SHOT_S
    if measured is not None:
        scale = measured * shots / max(sum(seconds.values()), 1e-9)
        seconds = {name: value * scale for name, value in seconds.items()}
    tariff = Tariff(prices, profile)
    price = sum(_price(name, value, tariff, profile, tier) for name, value in seconds.items())
    return Estimate(seconds, _wall(seconds, profile), price, prices.currency, "default" if measured is None else "measured")


def estimate_parts(expected: Expected, profile: Profile, prices: Prices, *, tier: Tier = "standard") -> Estimate:
    """What steps take that ran before; those that never did are guessed like `estimate` does."""
    tariff, seconds, price = Tariff(prices, profile), dict[str, float](), 0.0
    for step, model in {**expected.cpu, **expected.gpu}:
        cpu_s, gpu_s = expected.cpu.get((step, model), 0.0), expected.gpu.get((step, model), 0.0)
        name = model or PIXELS
        seconds[name] = seconds.get(name, 0.0) + cpu_s + gpu_s
        price += tariff.price(cpu_s, gpu_s, model=model, tier=tier)
    for runs, models in expected.unknown.values():
        guessed = {PIXELS: runs * DEFAULT_STEP_S}
        guessed |= {name: runs * DEFAULT_CALL_S.get(name, UNKNOWN_CALL_S) for name in models}
        for name, value in guessed.items():
            seconds[name] = seconds.get(name, 0.0) + value
            price += _price(name, value, tariff, profile, tier)
    basis = "mixed" if any(runs for runs, _ in expected.unknown.values()) else "measured"
    return Estimate(seconds, _wall(seconds, profile), price, prices.currency, basis)


def _price(name: str, seconds: float, tariff: Tariff, profile: Profile, tier: Tier) -> float:
    """Price of seconds of a model, or of everything else under PIXELS."""
    model = "" if name == PIXELS else name
    busy = (0.0, seconds) if model in on_gpu(profile) else (seconds, 0.0)
    return tariff.price(*busy, model=model, tier=tier)


def _wall(seconds: Mapping[str, float], profile: Profile) -> float:
    return sum(seconds.values()) / max(1, profile.renderer.threads * profile.workers)
