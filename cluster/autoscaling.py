"""How many replicas: as many as the work that waits and runs asks for, quickly up, slowly down, never to and fro."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from ray.serve.config import AutoscalingContext

PREFIX = "backlog_"
REMEMBERED_S = 5.0
"""How long a told backlog counts. Whoever knows it tells it every second; one that is not repeated is gone."""
GAP_S = 5.0
"""Serve asks ten times a second; after a pause this long (no replica ran, the controller was replaced) old answers are void."""


class Backlog:
    """What callers told a replica of work that no handle holds yet, for Serve to collect."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, tuple[int, float]] = {}

    def tell(self, backlog: Mapping[str, int]) -> None:
        """Calls that will come, by source. A source replaces what it told before."""
        self._told |= {source: (count, self._clock()) for source, count in backlog.items()}

    def stats(self) -> dict[str, float]:
        """For `record_autoscaling_stats`. A source that went silent reads 0 once, then is forgotten."""
        now = self._clock()
        current = {f"{PREFIX}{source}": float(count * (now - at < REMEMBERED_S)) for source, (count, at) in self._told.items()}
        self._told = {source: told for source, told in self._told.items() if now - told[1] < REMEMBERED_S}
        return current


class Extreme:
    """The largest (or, with `sign=-1`, smallest) value of the last `seconds`. Each value costs amortised constant time."""

    def __init__(self, seconds: float, sign: int = 1) -> None:
        self._seconds, self._sign = seconds, sign
        self._kept: deque[tuple[float, int]] = deque()

    def add(self, now: float, value: int) -> int:
        """Take the value of now, which holds until the next one; the extreme of the window that ends now."""
        while self._kept and self._sign * self._kept[-1][1] <= self._sign * value:
            self._kept.pop()
        self._kept.append((now, value))
        while self._kept[0][0] < now - self._seconds:
            self._kept.popleft()
        return self._kept[0][1]


class QueueDepth:
    """Serve autoscaling policy. Demand is calls running and queued at handles, plus the backlog that callers told. A replica is
    wanted for each `per_replica` calls, which it takes in; so many are enough that each has `at_once` calls, which it works on,
    less `slack`. Between the two nothing moves: fewer replicas than the load keeps busy would only grow a queue and come back.

    More are started when more have been wanted all the time for `up_s`: as many as that whole time agrees on. Fewer are kept when
    fewer have been enough all the time for `down_s`: as many as its busiest moment needed. The last one ends when nothing was
    there for `idle_s`. `reserved` more are there while there is work. Serve's own delays must be off. Its `upscaling_factor` is
    how many it starts from zero before it asks any policy; answers are scaled so that its arithmetic ends at the number meant.
    """

    def __init__(
        self,
        *,
        per_replica: float,
        at_once: float,
        up_s: float,
        down_s: float,
        idle_s: float,
        reserved: int = 0,
        slack: float = 0.2,
    ) -> None:
        if not 0 < at_once <= per_replica or not 0 <= slack < 1:
            raise ValueError("0 < at_once <= per_replica and 0 <= slack < 1 are needed")
        if up_s < 0 or not 0 <= down_s <= idle_s or reserved < 0:
            raise ValueError("up_s >= 0, 0 <= down_s <= idle_s and reserved >= 0 are needed")
        self._per, self._full, self._reserved = per_replica, at_once * (1 - slack), reserved
        self._seconds = (up_s, down_s, idle_s)
        self._asked = -math.inf
        self._forget()

    def __call__(self, ctx: AutoscalingContext) -> tuple[float, dict[str, Any]]:
        """The number of replicas that Serve should aim for. Called some ten times a second by the controller."""
        now, target = time.time() if ctx.current_time is None else ctx.current_time, ctx.target_num_replicas
        if now - self._asked > GAP_S:
            self._forget()
            self._look(now, target, target)
        self._asked = now
        demand = ctx.total_num_requests + told(ctx.aggregated_metrics or {})
        low, high = ctx.capacity_adjusted_min_replicas, ctx.capacity_adjusted_max_replicas
        wanted, enough = (max(low, min(high, self._replicas(demand, load))) for load in (self._per, self._full))
        up, down = self._look(now, wanted, enough)
        return _scaled(min(max(target, up), down), ctx), {}

    def _replicas(self, demand: float, load: float) -> int:
        # A mean over a second that ends at a hundredth of a call is an empty queue, not a reason to keep a replica.
        return math.ceil(demand / load - 0.01) + self._reserved if demand > 0.01 * load else 0

    def _look(self, now: float, wanted: int, enough: int) -> tuple[int, int]:
        """Bounds for the target: at least what was wanted throughout, at most what the busiest moment needed."""
        up, down, ever = self._wanted.add(now, wanted), self._enough.add(now, enough), self._idle.add(now, enough)
        return up, max(down, min(ever, 1))

    def _forget(self) -> None:
        up_s, down_s, idle_s = self._seconds
        self._wanted, self._enough, self._idle = Extreme(up_s, -1), Extreme(down_s), Extreme(idle_s)


def told(metrics: Mapping[str, Mapping[Any, float]]) -> float:
    """The backlog in a deployment's metrics. Any replica may have been told of a source, by turns: the largest counts."""
    return sum(max(values.values(), default=0.0) for name, values in metrics.items() if name.startswith(PREFIX))


def _scaled(count: int, ctx: AutoscalingContext) -> float:
    """What Serve's `ceil(current + factor * (answer - current))` turns into `count`."""
    factor, current = float(ctx.config.get_upscaling_factor()), int(ctx.current_num_replicas)
    if factor == 1 or current == 0 or count <= current:
        return count
    return current + (count - current - 0.5) / factor
