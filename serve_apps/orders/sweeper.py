"""`Sweeper`: calls that are made again and again, so that what got lost between two processes is found."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from studio.errors import Interrupted, PackshotError

log = logging.getLogger(__name__)

Sweep = Callable[[], Awaitable[bool]]
"""Returns whether there may be more to do at once."""


@dataclass(slots=True)
class _Turn:
    sweep: Sweep
    every_s: float
    woken: bool
    next_at: float = 0.0


class Sweeper:
    """One task that makes every sweep in turn, each at its own interval."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._turns: list[_Turn] = []
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._stopping = False

    def add(self, sweep: Sweep, every_s: float = 0.0, *, woken: bool = False) -> None:
        """Another sweep; at the sweeper's own interval unless told otherwise, and at `wake` if `woken`."""
        self._turns.append(_Turn(sweep, max(every_s, self._every_s), woken))

    def check(self) -> None:
        """Raises Interrupted when the task has died of an error that no sweep should raise."""
        if self._task is not None and self._task.done():
            raise Interrupted(f"the sweeper ended: {self._task.exception()}")

    def wake(self) -> None:
        """There is something to do now."""
        self._wake.set()

    def start(self) -> None:
        """Begin, with every sweep once."""
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name="sweeper")

    async def stop(self) -> None:
        """End after the sweep that is under way."""
        if self._task is not None:
            self._stopping = True
            self._wake.set()
            await self._task
            self._task = None
        self._turns.clear()

    async def _run(self) -> None:
        while not self._stopping:
            for turn in self._turns:
                if turn.next_at <= time.monotonic() and not self._stopping:
                    more = await self._swept(turn.sweep)
                    turn.next_at = 0.0 if more else time.monotonic() + turn.every_s
            await self._pause()

    async def _pause(self) -> None:
        """Until the next turn, or until somebody says that there is something to do."""
        pause = min((turn.next_at for turn in self._turns), default=time.monotonic() + self._every_s) - time.monotonic()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), max(pause, 0.0))
            for turn in self._turns:
                turn.next_at = 0.0 if turn.woken else turn.next_at
        self._wake.clear()

    async def _swept(self, sweep: Sweep) -> bool:
        try:
            return await sweep()
        except PackshotError as error:
            log.warning("a sweep failed and is made again: %s", error.message)
            return False
