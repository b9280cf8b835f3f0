"""Threads take urgent work first, lose nothing, and know whom they work for."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError, Future

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.tiers import TIER, TIERS, PriorityPool, Tier, working_for

WAIT_S = 10.0


class Busy:
    """A pool whose threads are all held until the block ends."""

    def __init__(self, pool: PriorityPool, threads: int = 1) -> None:
        self.pool, self.threads, self.end = pool, threads, threading.Event()

    def __enter__(self) -> None:
        started = threading.Barrier(self.threads + 1)

        def hold() -> None:
            started.wait(WAIT_S)
            self.end.wait(WAIT_S)

        for _ in range(self.threads):
            self.pool.submit(hold)
        started.wait(WAIT_S)

    def __exit__(self, *_: object) -> None:
        self.end.set()


@settings(max_examples=30, deadline=None)
@given(tiers=st.lists(st.sampled_from(TIERS), max_size=40))
def test_urgent_first_then_in_order(tiers: list[Tier]) -> None:
    done: list[int] = []
    with PriorityPool(1) as pool, Busy(pool):
        for i, tier in enumerate(tiers):
            with working_for(tier):
                pool.submit(done.append, i)
    assert done == sorted(range(len(tiers)), key=lambda i: (tiers[i] == "standard", i))


def test_an_urgent_call_waits_for_one_running_call_a_thread() -> None:
    with PriorityPool(2) as pool:
        with Busy(pool, 2):
            standard = [pool.submit(lambda: "standard") for _ in range(50)]
            with working_for("urgent"):
                urgent = pool.submit(lambda: sum(future.done() for future in standard))
        assert urgent.result(WAIT_S) <= 2
        assert [future.result(WAIT_S) for future in standard] == ["standard"] * 50


def test_results_errors_and_arguments_arrive() -> None:
    with PriorityPool(2) as pool:
        assert pool.submit(divmod, 7, 2).result(WAIT_S) == (3, 1)
        assert pool.submit(int, "ff", base=16).result(WAIT_S) == 255
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result(WAIT_S)
        with pytest.raises(SystemExit):
            pool.submit(exit_thread).result(WAIT_S)
        assert pool.submit(str, 1).result(WAIT_S) == "1", "the threads are still there"


def exit_thread() -> None:
    raise SystemExit(3)


def test_a_cancelled_call_is_not_run_and_blocks_nobody() -> None:
    ran: list[str] = []
    with PriorityPool(1) as pool:
        with Busy(pool):
            dropped, kept = pool.submit(ran.append, "dropped"), pool.submit(ran.append, "kept")
            assert dropped.cancel()
        kept.result(WAIT_S)
    assert ran == ["kept"]


def test_shutdown() -> None:
    pool = PriorityPool(1)
    waiting: list[Future[int]] = []
    with Busy(pool):
        waiting += [pool.submit(int, "1") for _ in range(3)]
        pool.shutdown(wait=False, cancel_futures=True)
    for future in waiting:
        with pytest.raises(CancelledError):
            future.result(WAIT_S)
    with pytest.raises(RuntimeError):
        pool.submit(int, "1")

    finishing = PriorityPool(1)
    with Busy(finishing):
        last = finishing.submit(int, "7")
        finishing.shutdown(wait=False)
    assert last.result(WAIT_S) == 7


def test_it_is_the_executor_of_a_loop_and_carries_the_tier() -> None:
    """`asyncio.to_thread`, tasks and gather inherit the tier; two calls at a time do not mix theirs up."""

    async def call(tier: Tier) -> list[Tier]:
        with working_for(tier):
            seen = await asyncio.gather(*(asyncio.to_thread(TIER.get) for _ in range(8)))
            return [*seen, await asyncio.create_task(asyncio.to_thread(TIER.get))]

    async def main() -> None:
        asyncio.get_running_loop().set_default_executor(PriorityPool(4))
        answers = await asyncio.gather(*(call(tier) for tier in TIERS * 5))
        assert answers == [[tier] * 9 for tier in TIERS * 5]
        assert TIER.get() == "standard"

    asyncio.run(main())


def test_urgent_threads_first_through_asyncio() -> None:
    order: list[Tier] = []

    async def main() -> None:
        pool = PriorityPool(1)
        asyncio.get_running_loop().set_default_executor(pool)

        async def call(tier: Tier) -> None:
            with working_for(tier):
                await asyncio.to_thread(lambda: order.append(TIER.get()))

        async with asyncio.TaskGroup() as group:
            with Busy(pool):
                for tier in ("standard", "standard", "urgent", "standard", "urgent"):
                    group.create_task(call(tier))  # type: ignore[arg-type]
                await asyncio.sleep(0)

    asyncio.run(main())
    assert order == ["urgent"] * 2 + ["standard"] * 3
