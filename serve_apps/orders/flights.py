"""`Flights`: the same work asked for twice at once is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Flights(Generic[Item, Result]):
    """Many items by key in one call, shared with every other call that wants the same keys meanwhile.

    A caller that goes away does not end the work: others may wait for it.
    """

    def __init__(self) -> None:
        self._flying: dict[tuple[str, str], tuple[asyncio.Task[list[Result]], int]] = {}

    async def __call__(
        self, group: str, items: Mapping[str, Item], work: Callable[[Sequence[Item]], Awaitable[list[Result]]]
    ) -> dict[str, Result]:
        """Results by key; `work` gets the items that nobody of the same `group` is working on. What it raises is raised here."""
        fresh = [key for key in items if (group, key) not in self._flying]
        if fresh:
            task = asyncio.create_task(_made(work, [items[key] for key in fresh]))
            self._flying.update({(group, key): (task, place) for place, key in enumerate(fresh)})
            task.add_done_callback(lambda done: self._landed(done, group, fresh))
        waiting = {key: self._flying[group, key] for key in items}
        return {key: (await asyncio.shield(task))[place] for key, (task, place) in waiting.items()}

    async def close(self) -> None:
        """End what is under way, also when somebody waits for it."""
        tasks = {task for task, _ in self._flying.values()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _landed(self, task: asyncio.Task[list[Result]], group: str, keys: Sequence[str]) -> None:
        for key in keys:
            del self._flying[group, key]
        if not task.cancelled():
            task.exception()  # seen, also when every caller has gone


async def _made(work: Callable[[Sequence[Item]], Awaitable[list[Result]]], items: Sequence[Item]) -> list[Result]:
    return await work(items)
