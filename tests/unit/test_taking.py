"""Messages that share a transaction: each caller hears about its own, and a bad one fails alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.sync_state import SyncState, Taken
from connectors.vendors.base import Told
from serve_apps.sync.taking import Taking
from studio.errors import InputError

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def told(number: int, ref: str = "") -> Told:
    return Told(f"m{number}", "changed", (ref or f"p{number}",), NOON)


def test_everybody_hears_about_their_own_and_nothing_is_taken_twice(tmp_path: Path) -> None:
    state = SyncState(str(tmp_path / "records.db"))

    async def all_at_once() -> list[Taken]:
        taking = Taking(state)
        return list(await asyncio.gather(*(taking.take(f"shop{n % 3}", [told(n // 2)]) for n in range(600))))

    found = asyncio.run(all_at_once())
    # 300 messages; the two copies of each went to two shops, or to one that tells them apart
    kept = {(f"shop{n % 3}", n // 2) for n in range(600)}
    assert sum(one.new for one in found) == len(kept)
    assert sum(one.repeated for one in found) == 600 - len(kept)
    assert state.waiting() == len(kept)


def test_one_that_cannot_be_stored_fails_alone(tmp_path: Path) -> None:
    state = SyncState(str(tmp_path / "records.db"))

    async def some() -> list[Taken | BaseException]:
        taking = Taking(state)
        calls = [taking.take("shop", [told(n, "\ud800" if n == 7 else "")]) for n in range(20)]
        return list(await asyncio.gather(*calls, return_exceptions=True))

    found = asyncio.run(some())
    assert [n for n, one in enumerate(found) if isinstance(one, InputError)] == [7]
    assert state.waiting("shop") == 19


def test_a_caller_that_goes_away_leaves_the_others_alone(tmp_path: Path) -> None:
    state = SyncState(str(tmp_path / "records.db"))

    async def some() -> Taken:
        taking = Taking(state)
        gone = [asyncio.create_task(taking.take("shop", [told(n)])) for n in range(5)]
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        found = await taking.take("shop", [told(99)])
        with pytest.raises(asyncio.CancelledError):
            await gone[0]
        return found

    assert asyncio.run(some()) == Taken(1, 0, 0)
