"""What a plan will take."""

from __future__ import annotations

from cluster import estimates
from cluster.estimates import DEFAULT_CALL_S, UNKNOWN_CALL_S, Estimate, seconds_a_shot
from cluster.profile import Profile
from cluster.settings import Prices
from connectors.records import Records
from pipelines.plan import Planned, Tally

__all__ = ["Estimate", "estimate", "weight"]


def estimate(tally: Tally, records: Records, profile: Profile, prices: Prices) -> Estimate:
    """Estimate a plan."""
    return estimates.estimate(sum(tally.why.values()), tally.calls, seconds_a_shot(records), profile, prices)


def weight(planned: Planned) -> float:
    """Relative cost of a shot, for ordering longest first: model calls, then canvas pixels."""
    calls = sum(count * DEFAULT_CALL_S.get(name, UNKNOWN_CALL_S) for name, count in planned.calls.items())
    destination = planned.shot.destination
    return calls + destination.width * destination.height / 4e6
