"""Telling which shot killed a pool worker: a worker writes down what it is about to do, and its successor reads it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from connectors.storage.base import Storage
from studio.keys import digest_of
from studio.shot import Outcome, Shot

Render = Callable[[Sequence[Shot]], Awaitable[list[Outcome]]]


class LastWords:
    """Counts starts of a chunk in the store. A chunk that was started `tries` times without an end is done shot by shot,
    and a shot that was started alone `tries` times without an end is the culprit.
    """

    def __init__(self, storage: Storage, *, tries: int) -> None:
        self._storage, self._tries = storage, tries

    async def guard(self, chunk: str, shots: Sequence[Shot], render: Render, blame: Callable[[Shot], Outcome]) -> list[Outcome]:
        """Outcomes in order; the process may die inside, and the next call goes on from there."""
        if self._start(chunk):
            outcomes = await render(shots)
            self._end(chunk)
            return outcomes
        results: list[Outcome] = []
        for shot in shots:
            name = f"{chunk}/{shot.id}"
            if not self._start(name):
                results.append(blame(shot))
                continue
            results += await render([shot])
            self._end(name)
        return results

    def _start(self, name: str) -> bool:
        return any(self._storage.put_action(_mark(name, attempt), b"started") for attempt in range(self._tries))

    def _end(self, name: str) -> None:
        for attempt in range(self._tries):
            self._storage.drop_action(_mark(name, attempt))


def _mark(name: str, attempt: int) -> str:
    return digest_of(["last words", name, attempt])
