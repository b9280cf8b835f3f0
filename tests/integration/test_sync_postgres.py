"""The state of connections on a real PostgreSQL: set PACKSHOT_TEST_POSTGRES to the URL of a server."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from connectors.sync_state import SyncState
from connectors.vendors.base import Told
from tests.integration.test_online_postgres import url  # noqa: F401 - a fixture
from tests.sync_state_contract import NOON, SyncStateContract

pytestmark = pytest.mark.integration
TELLERS, MESSAGES, REFS = 4, 50, 8


@pytest.fixture
def state(url: str) -> Iterator[SyncState]:  # noqa: F811 - the fixture
    made = SyncState(url)
    yield made
    made.close()


class TestPostgres(SyncStateContract):
    pass


def test_messages_and_workers_race(state: SyncState) -> None:
    """Many messages of several products at once while workers take them: none fails, no claim is given twice, nothing is left."""

    def tell(teller: int) -> int:
        rng = random.Random(teller)
        taken = 0
        for number in range(MESSAGES):
            refs = tuple(str(rng.randrange(REFS)) for _ in range(3))
            told = Told(f"{teller}-{number}", "changed", refs, NOON + timedelta(seconds=number))
            taken += state.take("shop", [told], now=NOON).repeated
        return taken

    def work(_: int) -> list[tuple[str, object]]:
        claims = []
        for _ in range(MESSAGES):
            for waiting in state.due(now=NOON, limit=3, hold_s=600):
                claims.append((waiting.ref, (waiting.turn, waiting.held_until)))
                state.done(waiting)
        return claims

    with ThreadPoolExecutor(TELLERS + 3) as pool:
        tellers, workers = pool.map(tell, range(TELLERS)), pool.map(work, range(3))
        assert sum(tellers) == 0
        assert any(workers)
    for waiting in state.due(now=NOON, limit=REFS, hold_s=600):
        state.done(waiting)
    assert state.waiting() == 0
