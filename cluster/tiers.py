"""Two tiers of work, how a process knows which one it works for, and threads that take urgent work first."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, ParamSpec, TypeVar

Tier = Literal["urgent", "standard"]
TIERS: tuple[Tier, ...] = ("urgent", "standard")
TIER: ContextVar[Tier] = ContextVar("packshot_tier", default="standard")
"""The tier of the call that this task works for. Tasks and `asyncio.to_thread` inherit it; a call to another process says it."""
TURN: ContextVar[int] = ContextVar("packshot_turn", default=0)
"""When the call that this task works for came: among calls of a tier the oldest is finished first."""
_turns = itertools.count(1)
RANK: dict[Tier, int] = {tier: rank for rank, tier in enumerate(TIERS)}
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@contextmanager
def working_for(tier: Tier) -> Iterator[None]:
    """Everything in the block, and every task started in it, works for `tier`."""
    token = TIER.set(tier)
    try:
        yield
    finally:
        TIER.reset(token)


@contextmanager
def in_turn() -> Iterator[None]:
    """Everything in the block, and every task started in it, belongs to one call that came now."""
    token = TURN.set(next(_turns))
    try:
        yield
    finally:
        TURN.reset(token)


class PriorityPool(ThreadPoolExecutor):
    """Threads that take the most urgent waiting work next, within a tier what belongs to the oldest call (`TIER` and `TURN` of
    the caller). Running work is never interrupted: an urgent call waits for at most one piece of it a thread.

    The inherited queue holds one turn a call; whoever gets a turn takes the best call that waits then.
    """

    def __init__(self, threads: int, name: str = "work") -> None:
        super().__init__(threads, thread_name_prefix=name)
        self._waiting: list[tuple[int, int, int, Callable[[], None], Future[Any]]] = []
        self._order = itertools.count()
        self._guard = threading.Lock()

    def submit(self, fn: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Future[Result]:
        """Queue a call. Raises RuntimeError after `shutdown`."""
        future: Future[Result] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001  whatever it is, it belongs to whoever waits for the call
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._guard:
            heapq.heappush(self._waiting, (RANK[TIER.get()], TURN.get(), next(self._order), run, future))
            try:
                super().submit(self._turn)
            except RuntimeError:
                future.cancel()
                raise
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads after what waits, or without it."""
        if cancel_futures:
            with self._guard:
                for *_, future in self._waiting:
                    future.cancel()
        super().shutdown(wait, cancel_futures=cancel_futures)

    def _turn(self) -> None:
        with self._guard:
            *_, run, _future = heapq.heappop(self._waiting)
        run()
