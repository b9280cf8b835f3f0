"""SIGKILL of the worker at every step between a message and the picture on the product: all is taken up, nothing is done twice."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import signal
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cluster.settings import Settings
from connectors.online.orders import Orders
from connectors.sync_state import SyncState
from connectors.vendors.base import Told, mark_in
from serve_apps.orders.desk import OrderDesk
from serve_apps.parts import open_parts
from serve_apps.sync.desk import SyncDesk
from studio.shot import Shot
from tests import desk, sample
from tests.doubles.serving import Call, Reply, serving
from tests.doubles.woocommerce import WooDouble
from tests.local.running import photo
from tests.local.test_sync_desk import connection

RENDER = "die-at-the-next-render"
STEPS = (
    ("before the look", r"GET .*/products/1$", False),
    ("photo read", r"GET /wp-content/.*mug-2\.png$", True),
    ("while it renders", "", False),
    ("before the upload", r"POST .*/media$", False),
    ("after the upload", r"POST .*/media$", True),
    ("before the arrangement", r"PUT .*/products/6$", False),
    ("after the arrangement", r"PUT .*/products/7$", True),
)


@dataclass
class Kill:
    """Of the process that makes the first call that fits; `after`: once the shop has done it."""

    pattern: str
    after: bool
    pid: int = 0


class DeadlyShop(WooDouble):
    def __init__(self) -> None:
        super().__init__()
        self.kill: Kill | None = None

    def answer(self, call: Call) -> Reply:
        kill = self.kill if self.kill and re.search(self.kill.pattern, f"{call.method} {call.path}") else None
        if kill and not kill.after:
            self._strike(kill)
            return Reply(503)
        reply = super().answer(call)
        if kill:
            self._strike(kill)
        return reply

    def _strike(self, kill: Kill) -> None:
        self.kill = None
        os.kill(kill.pid, signal.SIGKILL)


@pytest.fixture
def woo() -> Iterator[DeadlyShop]:
    double = DeadlyShop()
    with serving(double):
        yield double


def work(settings: Settings) -> None:
    """Both desks until nothing waits any more; runs in a process of its own."""

    async def die(_shots: Sequence[Shot], _tier: str) -> None:
        if (settings.home / RENDER).exists():
            (settings.home / RENDER).unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    async def run() -> None:
        orders = OrderDesk(settings, desk.real_render(settings, die), retry=desk.QUICK, sweep_s=0.1)
        parts = open_parts(settings, orders)
        await orders.launch()
        syncs = SyncDesk(parts, poll_s=0.05, hold_s=2.0, pause_s=0.1)
        await syncs.launch()
        while True:
            if not await asyncio.to_thread(parts.sync.waiting):
                break
            await asyncio.sleep(0.05)
        await syncs.close()
        await orders.close()

    asyncio.run(run())


def minutes_later(settings: Settings) -> None:
    """A dead publisher's hold is over."""
    with sqlite3.connect(settings.home / "records.db") as records:
        records.execute("UPDATE galleries SET held_until = '2000-01-01 00:00:00.000000'")
    records.close()


def test_a_worker_that_dies_at_any_step_is_taken_over(woo: DeadlyShop, tmp_path: Path) -> None:
    settings = sample.settings(tmp_path, connections=connection(woo, tmp_path))
    state, begun = SyncState(settings.records), datetime(2026, 11, 20, 9, tzinfo=UTC)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.local.test_sync_kill"])
    for number, (step, pattern, after) in enumerate([*STEPS, ("", "", False)], 1):
        woo.product(number, begun + timedelta(minutes=number), sku=f"MUG-{number}", name=f"Mug {number}")
        woo.human(number, f"mug-{number}.png", photo(number))
        state.take("shop", [Told(f"msg-{number}", "changed", (str(number),), None)], now=datetime.now(UTC))
        if step and not pattern:
            (settings.home / RENDER).touch()
        process = processes.Process(target=work, args=(settings,))
        process.start()
        assert process.pid
        woo.kill = Kill(pattern, after, process.pid) if pattern else None
        process.join(100)
        assert process.exitcode == (-signal.SIGKILL if step else 0), step
        minutes_later(settings)
    assert state.waiting() == 0
    orders, _ = Orders(settings.online).list(limit=100)
    assert sorted((order.sku, order.state) for order in orders) == [(f"MUG-{n}", "succeeded") for n in woo.products]
    for number in woo.products:
        assert [bool(mark_in(url)) for url in woo.seen(number)] == [True, False], number
    ours = [mark_in(kept["source_url"]) for kept in woo.media.values() if mark_in(kept["source_url"])]
    assert len(ours) == len(set(ours)) == len(woo.products)
