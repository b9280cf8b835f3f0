"""A night on a fleet that comes, grows, loses nodes and ends: the real autoscaling policy over simulated replicas and nodes.

A replica of the renderer has `threads`, which work on the oldest of the `ongoing` chunks that it holds first; a chunk lasts at
least as long as its longest photo, and while one waits for a GPU the threads go on with the next. What dies with a node begins
again. Nodes are asked for as Ray's autoscaler v2 does it (2.60, `_compute_to_launch`): no more than `upscaling_speed` times those
that run and no more than `launches` at once.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from ray.serve.autoscaling_policy import _apply_autoscaling_config

from benchmarks.autoscaling_sim import as_context
from benchmarks.ops.workload import Chunks
from cluster.autoscaling import QueueDepth
from cluster.deployments import autoscaling
from cluster.profile import Replicas

TICK_S = 1.0
Work = tuple[float, float, float]
"""A chunk: CPU-seconds, GPU-seconds, and seconds of its longest photo."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """The machines: replicas a node, seconds of asking, booting and of a replica's start, losses a node-hour."""

    replicas: int = 4
    ask_s: float = 30.0
    boot_s: float = 150.0
    start_s: float = 20.0
    lost_per_hour: float = 0.02
    upscaling_speed: float = 2.0
    launches: int = 10
    idle_s: float = 180.0


@dataclass(slots=True)
class Night:
    """How it went. `lower_s`: all work on all threads from the first second on, or the longest photo."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    gpu_s: float = 0.0
    redone_s: float = 0.0
    longest_s: float = 0.0
    chunks: int = 0
    photos: int = 0
    faults: int = 0
    nodes_lost: int = 0
    node_hours: float = 0.0
    thread_s: float = 0.0
    """What replicas could have worked while there was work."""
    full_s: float = 0.0
    """When the last of the replicas was there for the first time."""
    lower_s: float = 0.0

    @property
    def over_lower(self) -> float:
        return self.wall_s / self.lower_s


@dataclass(slots=True)
class _Replica:
    free: float
    held: dict[int, Work] = field(default_factory=dict)
    begun: dict[int, float] = field(default_factory=dict)
    up: bool = False
    dead: bool = False


@dataclass(slots=True)
class _Node:
    ready: float
    asked: float
    replicas: list[_Replica] = field(default_factory=list)


class Fleet:
    """One run over chunks, `shape` the replicas that work on them."""

    def __init__(self, shape: Replicas, nodes: Nodes, in_flight: int, source: Iterator[Chunks], seed: int = 1) -> None:
        self._shape, self._about, self._in_flight = shape, nodes, in_flight
        self._config = autoscaling(shape)
        self._policy = _apply_autoscaling_config(QueueDepth(**self._config.policy.policy_kwargs))
        self._rng = np.random.default_rng(seed)
        self._nodes: list[_Node] = []
        self._starting: list[tuple[float, int, _Replica]] = []
        self._ends: list[tuple[float, int, _Replica]] = []
        self._again: deque[Work] = deque()
        self._running = self._held = self._numbers = 0
        self._target = shape.min_replicas
        self._known = 0.0
        self.night = Night()
        self._windows = source
        self._work = self._each()
        self._next: Work | None = next(self._work, None)

    def run(self) -> Night:
        """To the last chunk."""
        now, night = 0.0, self.night
        while self._next is not None or self._again or self._held:
            self._lose(now)
            self._arrive(now)
            self._scale(now)
            night.thread_s += self._running * self._shape.threads * TICK_S
            self._finish(now + TICK_S)
            now += TICK_S
        night.node_hours += len(self._nodes) * (self._shape.down_s + self._about.idle_s) / 3600
        places = self._shape.max_replicas * self._shape.threads
        night.lower_s = max(night.cpu_s / places, night.longest_s)
        return night

    def _each(self) -> Iterator[Work]:
        night = self.night
        for window in self._windows:
            night.cpu_s += float(window.cpu_s.sum())
            night.gpu_s += float(window.gpu_s.sum())
            night.longest_s = max(night.longest_s, float(window.longest_s.max()))
            night.chunks += len(window.photos)
            night.photos += int(window.photos.sum())
            night.faults += window.faults
            yield from zip(window.cpu_s.tolist(), window.gpu_s.tolist(), window.longest_s.tolist(), strict=True)

    def _scale(self, now: float) -> None:
        """Ask the policy, which knows the demand of a second ago; bring replicas up or let idle ones go."""
        waiting = max(0, self._in_flight - self._held) if self._next is not None else len(self._again)
        demand, self._known = self._known, float(self._held + waiting)
        context = as_context(self._config, now, demand, self._target, running=self._running)
        self._target = max(self._shape.min_replicas, min(self._shape.max_replicas, math.ceil(self._policy(context)[0])))
        live = sum(len(node.replicas) for node in self._nodes)
        missing = self._target - live
        for node in self._nodes:
            while missing > 0 and len(node.replicas) < self._about.replicas:
                replica = _Replica(max(now, node.ready) + self._about.start_s)
                node.replicas.append(replica)
                heapq.heappush(self._starting, (replica.free, self._number(), replica))
                missing -= 1
        if missing > 0:
            self._ask(now, missing)
        elif missing < 0:
            self._shrink(-missing)

    def _ask(self, now: float, missing: int) -> None:
        about = self._about
        asking = sum(node.asked > now for node in self._nodes)
        running = sum(node.ready <= now for node in self._nodes)
        may = min(about.launches - asking, math.ceil(about.upscaling_speed * max(running, 1)))
        for _ in range(max(0, min(may, math.ceil(missing / about.replicas)))):
            self._nodes.append(_Node(now + about.ask_s + about.boot_s, now + about.ask_s))

    def _shrink(self, count: int) -> None:
        for node in self._nodes:
            for replica in [r for r in node.replicas if not r.held][:count]:
                replica.dead = True
                node.replicas.remove(replica)
                self._running -= replica.up
                count -= 1

    def _arrive(self, now: float) -> None:
        while self._starting and self._starting[0][0] <= now:
            _, _, replica = heapq.heappop(self._starting)
            if replica.dead:
                continue
            replica.up = True
            self._running += 1
            if not self.night.full_s and self._running == self._shape.max_replicas:
                self.night.full_s = now
            for _ in range(self._shape.ongoing):
                self._give(replica, now)

    def _lose(self, now: float) -> None:
        """Spot nodes that are taken away in this second."""
        ready = [node for node in self._nodes if node.ready <= now]
        self.night.node_hours += len(ready) * TICK_S / 3600
        for _ in range(self._rng.binomial(len(ready), self._about.lost_per_hour * TICK_S / 3600)):
            node = ready.pop(int(self._rng.integers(len(ready))))
            self._nodes.remove(node)
            self.night.nodes_lost += 1
            for replica in node.replicas:
                replica.dead = True
                self._running -= replica.up
                self._held -= len(replica.held)
                self.night.redone_s += min(
                    sum(work[0] for work in replica.held.values()),
                    sum(max(0.0, now - begun) for begun in replica.begun.values()) * self._shape.threads,
                )
                self._again.extend(replica.held.values())

    def _finish(self, until: float) -> None:
        """Chunks that end before `until`; each place that gets free takes the next chunk."""
        ends, night = self._ends, self.night
        while ends and ends[0][0] < until:
            at, number, replica = heapq.heappop(ends)
            if replica.dead:
                continue
            del replica.held[number], replica.begun[number]
            self._held -= 1
            night.wall_s = at
            self._give(replica, at)

    def _give(self, replica: _Replica, now: float) -> None:
        """The next chunk to a replica that has a place; its threads come to it when they are through with the older ones."""
        if self._again:
            work = self._again.popleft()
        elif self._next is not None:
            work, self._next = self._next, next(self._work, None)
        else:
            return
        cpu, gpu, longest = work
        begun = max(replica.free, now)
        replica.free = begun + cpu / self._shape.threads
        waits = gpu / self._shape.threads
        number = self._number()
        replica.held[number], replica.begun[number] = work, begun
        self._held += 1
        heapq.heappush(self._ends, (max(replica.free + waits, begun + longest), number, replica))

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers
