"""What a plan will take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from cluster.estimates import DEFAULT_CALL_S, UNKNOWN_CALL_S, Estimate, quoted, seconds_a_shot
from cluster.metering.forecast import Forecast, History
from cluster.profile import Profile
from cluster.settings import Prices
from connectors.records import Records
from connectors.spend import Spend
from pipelines.plan import Planned, Tally

__all__ = ["Estimate", "estimate", "watched", "weight"]


def watched(planned: Iterable[Planned], forecast: Forecast, *, force: bool) -> Iterator[Planned]:
    """The same shots, counted for a forecast on the way. A shot that is only judged anew takes nothing."""
    for item in planned:
        if item.why != "policy":
            forecast.watch(item.shot, afresh=force)
        yield item


def estimate(tally: Tally, forecast: Forecast, spend: Spend, records: Records, profile: Profile, prices: Prices) -> Estimate:
    """Estimate a plan: by steps that ran before, else by shots of earlier runs, else by defaults."""
    shots, measured = sum(tally.why.values()), partial(seconds_a_shot, records)
    return quoted(forecast, History.read(spend), tally.calls, measured, profile, prices, shots=shots)


def weight(planned: Planned) -> float:
    """Relative cost of a shot, for ordering longest first: model calls, then canvas pixels."""
    calls = sum(count * DEFAULT_CALL_S.get(name, UNKNOWN_CALL_S) for name, count in planned.calls.items())
    destination = planned.shot.destination
    return calls + destination.width * destination.height / 4e6
