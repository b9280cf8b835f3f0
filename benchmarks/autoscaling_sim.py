"""Autoscaling without a cluster: the policy inside Serve's own wrapper, over recorded traces, in a simulation of replicas and of
the way metrics take. `python -m benchmarks.autoscaling_sim` draws docs/images/autoscaling.png and prints the figures."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from ray.serve._private.common import DeploymentID
from ray.serve.autoscaling_policy import _apply_autoscaling_config
from ray.serve.config import AutoscalingConfig, AutoscalingContext

from cluster.autoscaling import QueueDepth
from cluster.deployments import autoscaling
from cluster.profile import Replicas

TICK_S = 0.1
SAMPLE_S, PUSH_S, WINDOW_S = 0.2, 1.0, 1.2
"""Handles look at their queue every 0.2 s and report every second (cluster/runtime.py); Serve averages `look_back_period_s`."""
Policy = Callable[[AutoscalingContext], tuple[float, dict[str, Any]]]


@dataclass(frozen=True)
class Trace:
    """What happens: when calls arrive (seconds, sorted), how long a replica works on one and takes to start, when some die."""

    name: str
    arrivals: Sequence[float]
    shape: Replicas
    service_s: float = 1.0
    start_s: float = 6.0
    losses: Sequence[tuple[float, int]] = ()
    length_s: float = 0.0
    """Simulated at least so long, and until all work is done."""


@dataclass
class Result:
    """What came out, tick by tick."""

    seconds: list[float] = field(default_factory=list)
    demand: list[int] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    finished: float = 0.0
    done: int = 0

    @property
    def moves(self) -> list[tuple[float, int, int]]:
        """Each change of the target: when, from, to."""
        pairs = zip(self.seconds[1:], self.target, self.target[1:], strict=False)
        return [(at, old, new) for at, old, new in pairs if old != new]

    @property
    def turns(self) -> int:
        """How often the direction of the target's moves changes."""
        ways = [new > old for _, old, new in self.moves]
        return sum(a != b for a, b in pairwise(ways))


@dataclass
class _Replica:
    ready: float
    calls: list[float] = field(default_factory=list)
    """Work left of each call it holds, seconds; it works on `threads` of them at a time."""


class _Metrics:
    """Demand as the controller knows it: samples pushed once a second, averaged over the window that ends now."""

    def __init__(self, phase_s: float) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._known: list[tuple[float, int]] = []
        self._sample, self._push = 0.0, phase_s

    def look(self, now: float, demand: int) -> float:
        if now >= self._sample:
            self._samples.append((now, demand))
            self._sample += SAMPLE_S
        if now >= self._push:
            while self._samples[0][0] < now - WINDOW_S:
                self._samples.popleft()
            self._known = list(self._samples)
            self._push += PUSH_S
        if not self._known:
            return 0.0
        ends = [at for at, _ in self._known[1:]] + [now + 1e-3]
        weights = [end - at for (at, _), end in zip(self._known, ends, strict=True)]
        return sum(w * value for w, (_, value) in zip(weights, self._known, strict=True)) / sum(weights)


class _Fleet:
    """Replicas, their calls, and the queue at the handles."""

    def __init__(self, trace: Trace) -> None:
        self.trace, self.shape = trace, trace.shape
        self.replicas = [_Replica(0.0) for _ in range(trace.shape.min_replicas)]
        self.queue: deque[float] = deque()
        self.done = 0

    def ready(self, now: float) -> list[_Replica]:
        return [replica for replica in self.replicas if replica.ready <= now]

    def demand(self) -> int:
        return len(self.queue) + sum(len(replica.calls) for replica in self.replicas)

    def resize(self, now: float, target: int) -> None:
        """Starting replicas go first, then those with the least work; what one was working on is finished elsewhere."""
        while len(self.replicas) < target:
            self.replicas.append(_Replica(now + self.trace.start_s))
        self.replicas.sort(key=lambda replica: (replica.ready > now, -len(replica.calls)))
        self.lose(len(self.replicas) - target)

    def lose(self, count: int) -> None:
        for _ in range(min(count, len(self.replicas))):
            self.queue.extendleft([self.trace.service_s] * len(self.replicas.pop().calls))

    def work(self, now: float) -> None:
        ready = self.ready(now)
        while self.queue and ready:
            shortest = min(ready, key=lambda replica: len(replica.calls))
            if len(shortest.calls) >= self.shape.ongoing:
                break
            shortest.calls.append(self.queue.popleft())
        for replica in ready:
            busy = [left - TICK_S for left in replica.calls[: self.shape.threads]]
            self.done += sum(left <= 1e-9 for left in busy)
            replica.calls = [left for left in busy if left > 1e-9] + replica.calls[self.shape.threads :]


def simulate(trace: Trace, *, policy: Policy | None = None, phase_s: float = 0.0) -> Result:
    """Run a trace. `phase_s` is when the first metrics are pushed; `policy` replaces ours, inside the same wrapper of Serve's."""
    config = autoscaling(trace.shape)
    decide = _apply_autoscaling_config(policy or QueueDepth(**config.policy.policy_kwargs))
    fleet, metrics, result = _Fleet(trace), _Metrics(phase_s), Result()
    arrivals, losses = deque(trace.arrivals), deque(trace.losses)
    state: dict[str, Any] = {}
    target, tick = trace.shape.min_replicas, 0
    while tick * TICK_S < trace.length_s or arrivals or fleet.demand():
        now = tick * TICK_S
        while arrivals and arrivals[0] <= now:
            arrivals.popleft()
            fleet.queue.append(trace.service_s)
        while losses and losses[0][0] <= now:
            fleet.lose(losses.popleft()[1])
        known, running = metrics.look(now, fleet.demand()), len(fleet.ready(now))
        count, state = decide(as_context(config, now, known, target, running=running, state=state))
        target = max(trace.shape.min_replicas, min(trace.shape.max_replicas, count))
        fleet.resize(now, target)
        fleet.work(now)
        result.seconds.append(now)
        result.demand.append(fleet.demand())
        result.target.append(target)
        result.running.append(len(fleet.ready(now)))
        if fleet.demand() or arrivals:
            result.finished = now + TICK_S
        tick += 1
    result.done = fleet.done
    return result


def ideal(trace: Trace) -> Result:
    """The same trace when the first call brings up every replica that there may be, at once: one replica start, no lag."""
    first = trace.arrivals[0]

    def oracle(ctx: AutoscalingContext) -> tuple[float, dict[str, Any]]:
        return (trace.shape.max_replicas if (ctx.current_time or 0.0) >= first else trace.shape.min_replicas), {}

    return simulate(trace, policy=oracle)


def as_context(
    config: AutoscalingConfig,
    now: float,
    demand: float,
    target: int,
    *,
    running: int,
    state: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
) -> AutoscalingContext:
    """What Serve tells a policy."""
    return AutoscalingContext(
        deployment_id=DeploymentID("renderer"),
        deployment_name="renderer",
        app_name="sim",
        current_num_replicas=running,
        target_num_replicas=target,
        running_replicas=[],
        total_num_requests=demand,
        total_queued_requests=None,
        aggregated_metrics=metrics or {},
        raw_metrics={},
        capacity_adjusted_min_replicas=config.min_replicas,
        capacity_adjusted_max_replicas=config.max_replicas,
        policy_state=state or {},
        last_scale_up_time=None,
        last_scale_down_time=None,
        current_time=now,
        config=config,
    )


def rate(per_s: Callable[[float], float], seconds: float) -> list[float]:
    """Arrival times of a rate that changes with time: one call each time its integral passes a whole number."""
    times, total = [], 0.0
    for tick in range(int(seconds / TICK_S)):
        total += per_s(tick * TICK_S) * TICK_S
        while total >= 1:
            times.append(tick * TICK_S)
            total -= 1
    return times


SHAPE = Replicas(max_replicas=8, ongoing=3, urgent=1, down_s=30, idle_s=60)
TWIN = SHAPE.model_copy(update={"min_replicas": 0, "cold": 8})
TRACES = {
    trace.name: trace
    for trace in (
        Trace("spike", [10.0] * 64, SHAPE, service_s=2.0, length_s=90),
        Trace("spike from zero", [10.0] * 64, TWIN, service_s=2.0, length_s=130),
        Trace("ramp", rate(lambda t: 5 * math.sin(math.pi * t / 240) ** 2, 240), SHAPE, length_s=300),
        Trace("saw-tooth", rate(lambda t: 0.2 * (t % 20), 240), SHAPE, length_s=300),
        Trace("slow start", [10.0] * 64, SHAPE, service_s=2.0, start_s=45, length_s=160),
        Trace("node loss", rate(lambda t: 5.0, 180), SHAPE, losses=((90.0, 4),), length_s=240),
    )
}


def main() -> None:
    """Draw the traces and print their figures."""
    from benchmarks.autoscaling_plot import draw

    results = {name: simulate(trace, phase_s=0.5) for name, trace in TRACES.items()}
    for name, result in results.items():
        trace = TRACES[name]
        first, best = trace.arrivals[0], ideal(trace).finished
        print(
            f"{name}: first decision after {result.moves[0][0] - first:.1f} s, drain {result.finished - first:.1f} s, "
            f"{(result.finished - first) / (best - first):.2f} of ideal, {len(result.moves)} moves, {result.turns} turns"
        )
    draw(TRACES, results, Path(__file__).resolve().parents[1] / "docs" / "images" / "autoscaling.png")


if __name__ == "__main__":
    main()
