"""Urgent calls find a place at once, standard ones leave it to them; nobody is forgotten. The router is Serve's, without Ray."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.serve._private.common import DeploymentHandleSource, DeploymentID, ReplicaID, RequestMetadata
from ray.serve.request_router import PendingRequest

from cluster.routing import LOOKED_AT, TieredRouter
from cluster.tiers import Tier

SOON_S = 0.3


class Replica:
    """What the router sees of a replica: its name, its places, how many are taken."""

    def __init__(self, number: int, ongoing: int) -> None:
        self.replica_id = ReplicaID(f"r{number:03}", DeploymentID("m", "a"))
        self.max_ongoing_requests, self.calls = ongoing, Counter[str]()
        self.node_id, self.availability_zone = "n", None

    async def get_queue_len(self, *, deadline_s: float) -> int:
        return self.calls.total()


class Bench:
    """A router over replicas that hold calls until they are told to finish them."""

    def __init__(self, replicas: int, ongoing: int, *, reserved: int, urgent: int) -> None:
        self.replicas = [Replica(i, ongoing) for i in range(replicas)]
        self.router = TieredRouter(DeploymentID("m", "a"), DeploymentHandleSource.UNKNOWN, use_replica_queue_len_cache=True)
        self.router.initialize_state(reserved=reserved, urgent=urgent)
        self.router.update_replicas(self.replicas)  # type: ignore[arg-type]
        self.sent: list[str] = []

    def call(self, tier: Tier, name: str = "", request: str = "") -> asyncio.Task[Replica]:
        """Ask for a place."""
        return asyncio.create_task(self._call(tier, name, request or f"{tier}-{name}-{id(object())}"))

    async def _call(self, tier: Tier, name: str, request: str) -> Replica:
        metadata = RequestMetadata(request_id=request, internal_request_id=request, session_id=tier)
        picture = np.full((2, 2), len(self.sent), np.uint8)  # calls carry arrays, which have no truth value when compared
        pending = PendingRequest(args=[[picture]], kwargs={}, metadata=metadata)
        chosen: Any = await self.router._choose_replica_for_request(pending)
        self.router.on_send_request(chosen.replica_id)
        chosen.calls[tier] += 1
        self.sent.append(name)
        return chosen  # type: ignore[no-any-return]

    def finish(self, replica: Replica, tier: Tier) -> None:
        replica.calls[tier] -= 1
        self.router.decrement_queue_len_cache(replica.replica_id)


async def placed(tasks: Sequence[asyncio.Task[Replica]]) -> int:
    """How many calls have a place soon."""
    done, _ = await asyncio.wait(tasks, timeout=SOON_S)
    return len(done)


def run(work: Callable[[], Awaitable[None]]) -> None:
    """Run to the end, and end what still waits."""

    async def main() -> None:
        await work()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(main())


def test_standard_calls_leave_places_and_replicas_free() -> None:
    async def work() -> None:
        bench = Bench(3, 3, reserved=1, urgent=1)
        standard = [bench.call("standard") for _ in range(10)]
        assert await placed(standard) == 2 * 2
        free, *others = sorted(bench.replicas, key=lambda replica: replica.calls.total())
        assert [replica.calls.total() for replica in (free, *others)] == [0, 2, 2]

        urgent = [bench.call("urgent") for _ in range(3)]
        assert await placed(urgent) == 3
        assert free.calls["urgent"] >= 2, "the empty replica first"
        assert await placed([bench.call("urgent") for _ in range(3)]) == 2, "9 places in all"

    run(work)


def test_urgent_calls_pass_hundreds_that_wait() -> None:
    """Serve routes as many calls at a time as twice the replicas; all of those wait here."""

    async def work() -> None:
        bench = Bench(1, 2, reserved=0, urgent=1)
        standard = [bench.call("standard") for _ in range(300)]
        assert await placed(standard) == 1
        for _ in range(20):
            place = await asyncio.wait_for(bench.call("urgent"), SOON_S)
            bench.finish(place, "urgent")
        assert sum(task.done() for task in standard) == 1

    run(work)


def test_an_idle_reserved_replica_comes_before_one_between_two_standard_calls() -> None:
    async def work() -> None:
        bench = Bench(4, 2, reserved=1, urgent=1)
        standard = [bench.call("standard") for _ in range(3)]
        assert await placed(standard) == 3
        (kept,) = (replica for replica in bench.replicas if not replica.calls.total())
        for task in standard:
            bench.finish(await task, "standard")
        for _ in range(10):
            place = await asyncio.wait_for(bench.call("urgent"), SOON_S)
            assert place is kept
            bench.finish(place, "urgent")

    run(work)


def test_urgent_calls_that_come_together_take_a_replica_each() -> None:
    async def work() -> None:
        bench = Bench(8, 2, reserved=0, urgent=1)
        assert await placed([bench.call("urgent") for _ in range(8)]) == 8
        assert [replica.calls.total() for replica in bench.replicas] == [1] * 8
        assert await placed([bench.call("urgent") for _ in range(8)]) == 8

    run(work)


def test_one_replica_serves_both() -> None:
    async def work() -> None:
        bench = Bench(1, 4, reserved=2, urgent=1)
        assert await placed([bench.call("standard") for _ in range(6)]) == 3
        assert await placed([bench.call("urgent")]) == 1

    run(work)


def test_a_replica_for_one_call_takes_any() -> None:
    async def work() -> None:
        bench = Bench(2, 1, reserved=0, urgent=1)
        assert await placed([bench.call("standard") for _ in range(4)]) == 2

    run(work)


@pytest.mark.parametrize("tier", ["standard", "urgent"])
def test_first_come_first_served(tier: Tier) -> None:
    async def work() -> None:
        bench = Bench(2, 2, reserved=0, urgent=0)
        tasks = [bench.call(tier, str(i)) for i in range(24)]
        for i in range(24):
            bench.finish(await asyncio.wait_for(tasks[i], SOON_S), tier)
        assert bench.sent == [str(i) for i in range(24)]

    run(work)


def test_calls_made_within_one_request_all_get_a_place() -> None:
    """A chunk's model calls carry the same internal id: Serve takes it from the request they are made in."""

    async def work() -> None:
        bench = Bench(2, 4, reserved=0, urgent=0)
        assert await placed([bench.call("standard", request="chunk") for _ in range(8)]) == 8

    run(work)


def test_the_shortest_queue_is_chosen() -> None:
    async def work() -> None:
        bench = Bench(8, 4, reserved=0, urgent=1)
        for _ in range(16):
            await asyncio.wait_for(bench.call("standard"), SOON_S)
        assert [replica.calls.total() for replica in bench.replicas] == [2] * 8

    run(work)


def test_large_pools_are_sampled() -> None:
    async def work() -> None:
        bench = Bench(3 * LOOKED_AT, 2, reserved=1, urgent=1)
        (looked_at,) = await bench.router.choose_replicas(bench.replicas)  # type: ignore[arg-type]
        assert len({replica.replica_id for replica in looked_at}) == LOOKED_AT

    run(work)


def test_a_place_freed_by_another_caller_is_found() -> None:
    """Its end is not reported here; looking again finds it."""

    async def work() -> None:
        bench = Bench(1, 1, reserved=0, urgent=0)
        bench.replicas[0].calls["theirs"] = 1
        mine = bench.call("standard")
        assert await placed([mine]) == 0
        bench.replicas[0].calls["theirs"] = 0
        await asyncio.wait_for(mine, 2)

    run(work)


@settings(max_examples=15, deadline=None)
@given(
    replicas=st.integers(1, 4),
    ongoing=st.integers(1, 4),
    reserved=st.integers(0, 3),
    urgent=st.integers(0, 3),
    tiers=st.lists(st.sampled_from(["urgent", "standard"]), min_size=1, max_size=30),
)
def test_everybody_is_served_within_the_limits(
    replicas: int, ongoing: int, reserved: int, urgent: int, tiers: list[Tier]
) -> None:
    async def work() -> None:
        bench = Bench(replicas, ongoing, reserved=reserved, urgent=urgent)
        waiting = {bench.call(tier): tier for tier in tiers}
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=2)
            assert done, "nobody got a place, though there is one"
            standard = [replica.calls["standard"] for replica in bench.replicas]
            assert max(standard) <= max(1, ongoing - urgent)
            assert sum(count > 0 for count in standard) <= max(1, replicas - reserved)
            assert all(replica.calls.total() <= ongoing for replica in bench.replicas)
            for task in done:
                bench.finish(task.result(), waiting.pop(task))

    run(work)
