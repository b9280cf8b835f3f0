"""The desk over a real PostgreSQL: `.ci/postgres.sh start DIR`, then set PACKSHOT_TEST_POSTGRES to what it prints."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from connectors.online.orders import OrderState
from tests import desk, sample
from tests.orders_kept import every_order_once

pytestmark = pytest.mark.integration
ORDERS = 40


@pytest.fixture
def url() -> Iterator[str]:
    """A database of the test's own."""
    given = os.environ.get("PACKSHOT_TEST_POSTGRES", "")
    if not given:
        if os.environ.get("CI") == "true":
            pytest.fail("PACKSHOT_TEST_POSTGRES is not set, and CI must not skip this")
        pytest.skip("PACKSHOT_TEST_POSTGRES is not set")
    name = f"test_{uuid4().hex}"
    engine = create_engine(given, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(given).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def test_killed_again_and_again(url: str, tmp_path: Path) -> None:
    api = {"publish": str(tmp_path / "out"), "standard": 6, "urgent": 4}
    settings = sample.settings(tmp_path, api=api, online_url=url, workflows_url=url)
    orders, endpoint = desk.survive(settings, orders=ORDERS, kills=3, seed=20261122)
    every_order_once(settings, orders, endpoint, ORDERS)
    orders.close()


def test_one_order_after_the_other(url: str, tmp_path: Path) -> None:
    settings = sample.settings(tmp_path, online_url=url, workflows_url=url)

    async def test() -> None:
        async with desk.open_desk(settings) as opened:
            for number, priority in enumerate(("urgent", "standard", "urgent")):
                order = await desk.made(opened, desk.new_order(settings, number, priority=priority))
                assert order.state is OrderState.SUCCEEDED
            assert not await opened.cancel(order.id)
            again = opened.orders.again(order.id, by="key_a")
            await opened.start(again.id)
            assert await opened.wait(again.id, 20)
            assert opened.orders.get(again.id).result["cache_hit"]

    asyncio.run(test())
