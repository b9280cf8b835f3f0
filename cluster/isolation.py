"""Finding the one item that kills its process: retry the chunk, then halve it, alone, until single items are left."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Generic, TypeVar

from cluster.metering.lost import RENDERER, lose
from cluster.tiers import TIER, TIERS

log = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")


class Isolation(Generic[Item, Result]):
    """Calls `call(items)` for many chunks at once. When a process dies under a chunk it is called again; when it dies
    again, all other calls are let finish and the chunk is halved with nothing else in flight, so that neighbours are
    never blamed. `dead` are the exceptions that mean "the process died"; `blame(item)` is the result of a culprit.
    `width` calls of each tier run at once, so that urgent ones do not wait for a place behind standard ones.
    Seconds of calls that died are counted as lost by `name`.
    """

    def __init__(
        self,
        call: Callable[[Sequence[Item]], Awaitable[list[Result]]],
        *,
        dead: tuple[type[BaseException], ...],
        blame: Callable[[Item], Result],
        tries: int = 2,
        pause_s: float = 0.2,
        width: int = 64,
        name: str = RENDERER,
    ) -> None:
        self._call, self._dead, self._blame = call, dead, blame
        self._tries, self._pause_s, self._width, self._name = tries, pause_s, width, name
        self._open = {tier: asyncio.Semaphore(width) for tier in TIERS}
        self._alone = asyncio.Lock()

    async def __call__(self, items: Sequence[Item]) -> list[Result]:
        """One result an item, in order. The call's tier is `TIER`."""
        async with self._open[TIER.get()]:
            results = await self._try(items, self._tries)
        if results is not None:
            return results
        async with self._alone, AsyncExitStack() as others:
            for places in self._open.values():
                for _ in range(self._width):
                    await others.enter_async_context(places)
            log.warning("a process died %d times under a chunk of %d: looking for the culprit", self._tries, len(items))
            return await self._bisect(items)

    async def _bisect(self, items: Sequence[Item]) -> list[Result]:
        results = await self._try(items, self._tries if len(items) == 1 else 1)
        if results is not None:
            return results
        if len(items) == 1:
            return [self._blame(items[0])]
        middle = len(items) // 2
        return await self._bisect(items[:middle]) + await self._bisect(items[middle:])

    async def _try(self, items: Sequence[Item], tries: int) -> list[Result] | None:
        for attempt in range(tries):
            started = time.monotonic()
            try:
                return await self._call(items)
            except self._dead as error:
                lose(self._name, time.monotonic() - started)
                log.info("call died: %s", type(error).__name__)
                await asyncio.sleep(self._pause_s * 2**attempt)
        return None
