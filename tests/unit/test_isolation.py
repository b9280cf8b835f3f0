"""A culprit is found alone; its neighbours are never blamed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.isolation import Isolation


class Died(Exception):
    pass


class Host:
    """A process that dies when it sees poison, and takes every call that is under way down with it."""

    def __init__(self, poison: set[int]) -> None:
        self.poison, self.generation, self.calls = poison, 0, 0

    async def __call__(self, items: Sequence[int]) -> list[str]:
        mine = self.generation
        self.calls += 1
        for item in items:
            await asyncio.sleep(0)
            if item in self.poison:
                self.generation += 1
                raise Died
            if self.generation != mine:
                raise Died
        return [f"ok {item}" for item in items]


def work(host: Host, chunks: Sequence[Sequence[int]], tries: int = 2) -> list[str]:
    async def main() -> list[str]:
        isolation = Isolation[int, str](host, dead=(Died,), blame=lambda item: f"dead {item}", tries=tries, pause_s=0)
        return [result for chunk in await asyncio.gather(*(isolation(chunk) for chunk in chunks)) for result in chunk]

    return asyncio.run(main())


@given(poison=st.sets(st.integers(0, 31), max_size=4), size=st.integers(1, 9))
def test_only_the_culprits_are_blamed(poison: set[int], size: int) -> None:
    items = list(range(32))
    chunks = [items[i : i + size] for i in range(0, 32, size)]
    assert work(Host(poison), chunks) == [f"dead {i}" if i in poison else f"ok {i}" for i in items]


def test_a_death_that_passes_costs_one_call() -> None:
    class Once(Host):
        async def __call__(self, items: Sequence[int]) -> list[str]:
            self.calls += 1
            if self.calls == 1:
                raise Died
            return [f"ok {item}" for item in items]

    host = Once(set())
    assert work(host, [[1, 2, 3]]) == ["ok 1", "ok 2", "ok 3"]
    assert host.calls == 2


def test_other_errors_pass_through() -> None:
    async def broken(items: Sequence[int]) -> list[str]:
        raise ValueError("bug")

    async def main() -> None:
        await Isolation[int, str](broken, dead=(Died,), blame=str)([1])

    with pytest.raises(ValueError, match="bug"):
        asyncio.run(main())
