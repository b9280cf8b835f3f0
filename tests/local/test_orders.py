"""The desk over SQLite, with the real renderer and the fake matting model in this process."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cluster.settings import Settings
from connectors.online.endpoints import Endpoints
from connectors.online.orders import NewOrder, Order, OrderState
from serve_apps.orders.desk import OrderDesk
from serve_apps.orders.flow import Retry
from studio.errors import ClusterUnavailable, NotFound, WeightsCorrupt
from studio.shot import Outcome, Shot
from tests import sample
from tests.desk import QUICK, all_ended, made, new_order, open_desk, real_render


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    tree: Settings = sample.settings(
        tmp_path,
        api={"publish": str(tmp_path / "out"), "standard": 1, "urgent": 2, "private_webhooks": True},
        fetch={"allow_private": True},
    )
    return tree


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - what is waited for happens in other threads and in SQL
        await asyncio.sleep(0.01)


class Gate:
    """A render that waits until it is let through, and counts who came."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.came: Counter[str] = Counter()
        self.tiers: set[str] = set()

    async def __call__(self, shots: Sequence[Shot], tier: str) -> None:
        self.came.update(shot.product.sku for shot in shots)
        self.tiers.add(tier)
        if tier == "standard":
            await self.open.wait()

    async def has(self, sku: str) -> None:
        await until(lambda: self.came[sku] > 0)


class Site(BaseHTTPRequestHandler):
    """Answers what the list of the server says, then 200; keeps the ids of webhooks."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        answers = self.server.answers  # type: ignore[attr-defined]
        status = answers.pop(0) if answers else 200
        body = self.server.body if status == 200 else b""  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append(self.headers["webhook-id"])  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def site() -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.asked, server.answers, server.body = [], [], b""  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def run(test: Callable[[OrderDesk], Awaitable[None]], settings: Settings, *renders: Any) -> None:
    async def opened() -> None:
        async with open_desk(settings, *renders) as desk:
            await test(desk)

    asyncio.run(opened())


def types(desk: OrderDesk, order: Order | NewOrder) -> list[str]:
    return [event.type for event in desk.orders.events(order.id)]


def test_an_order_is_made_published_and_told(settings: Settings, tmp_path: Path) -> None:
    async def test(desk: OrderDesk) -> None:
        order = await made(desk, new_order(settings, 1, priority="urgent"))
        assert (order.state, order.error, order.attempts) == (OrderState.SUCCEEDED, {}, 1)
        (shot,) = order.result["shots"]
        assert shot["outcome"]["status"] == "released"
        assert shot["models"]["fake-matte"]
        address, path = shot["published"]
        assert address.endswith(shot["outcome"]["asset"]["digest"])
        assert (tmp_path / "out" / path).is_file()
        assert types(desk, order) == [
            "order.queued",
            "order.started",
            "order.step",
            "order.step",
            *["asset.published"] * 2,
            "order.succeeded",
        ]
        again = await made(desk, new_order(settings, 1, priority="urgent"))
        assert again.result["cache_hit"]
        assert await desk.wait(order.id, 0)
        with pytest.raises(NotFound):
            await desk.wait("ord_none", 0)

    run(test, settings)


def test_urgent_passes_a_blocked_standard_queue(settings: Settings) -> None:
    gate = Gate()

    async def test(desk: OrderDesk) -> None:
        slow = [new_order(settings, n) for n in range(3)]
        desk.orders.accept_many(slow)
        for order in slow:
            await desk.start(order.id)
        await gate.has(slow[0].sku)
        urgent = await made(desk, new_order(settings, 9, priority="urgent"))
        assert urgent.state is OrderState.SUCCEEDED
        states = Counter(desk.orders.get(order.id).state for order in slow)
        assert states == {OrderState.RUNNING: 1, OrderState.QUEUED: 2}
        assert await desk.waiting() == {"urgent": 0, "standard": 3}
        gate.open.set()
        await all_ended(desk.orders, 20)
        assert gate.tiers == {"urgent", "standard"}

    run(test, settings, real_render(settings, gate))


def test_the_same_shot_wanted_twice_is_rendered_once(settings: Settings, tmp_path: Path) -> None:
    wide = settings.model_copy(update={"api": settings.api.model_copy(update={"standard": 4})})
    gate = Gate()

    async def test(desk: OrderDesk) -> None:
        orders = [new_order(settings, 5) for _ in range(3)]
        desk.orders.accept_many(orders)
        for order in [*orders, *orders]:
            await desk.start(order.id)
        await until(lambda: all(types(desk, order)[-1] == "order.step" for order in orders))
        gate.open.set()
        found = await all_ended(desk.orders, 20)
        assert {order.state for order in found.values()} == {OrderState.SUCCEEDED}
        assert gate.came["SKU-005"] == 1
        assert all(len(desk.orders.publications(order.id)) == 2 for order in orders)

    run(test, wide, real_render(wide, gate))


def test_only_errors_that_may_pass_are_tried_again(settings: Settings, site: Any, tmp_path: Path) -> None:
    sample.photo(tmp_path / "photo.png", 3)
    site.body = (tmp_path / "photo.png").read_bytes()
    base = f"http://127.0.0.1:{site.server_port}"

    async def test(desk: OrderDesk) -> None:
        site.answers = [503, 503]
        order = await made(desk, new_order(settings, 3, uri=f"{base}/busy.png", priority="urgent"))
        assert order.state is OrderState.SUCCEEDED
        assert site.asked == ["/busy.png"] * 3
        steps = [e.data for e in desk.orders.events(order.id) if e.type == "order.step" and e.data["step"] == "resolve"]
        assert [data["attempt"] for data in steps] == [1, 2, 3]

        site.answers = [404]
        dead = await made(desk, new_order(settings, 4, uri=f"{base}/gone.png", priority="urgent"))
        assert (dead.state, dead.error["code"]) == (OrderState.FAILED, "fetch_failed")
        assert site.asked.count("/gone.png") == 1

        site.answers = [503] * QUICK.tries
        worn = await made(desk, new_order(settings, 6, uri=f"{base}/never.png", priority="urgent"))
        assert (worn.state, worn.error["code"]) == (OrderState.FAILED, "fetch_failed")
        assert site.asked.count("/never.png") == QUICK.tries

        replay = desk.orders.again(worn.id, by="key_a")
        await desk.start(replay.id)
        assert await desk.wait(replay.id, 10)
        healed = desk.orders.get(replay.id)
        assert (healed.state, healed.generation, healed.error) == (OrderState.SUCCEEDED, 1, {})

    run(test, settings)


def test_a_renderer_that_cannot_be_reached_is_tried_again(settings: Settings) -> None:
    faults: list[Exception] = [ClusterUnavailable("no replica"), ClusterUnavailable("no replica")]
    working = real_render(settings)

    async def render(shots: Sequence[Shot], tier: str) -> list[Outcome]:
        if faults:
            raise faults.pop()
        return await working(shots, tier)

    async def test(desk: OrderDesk) -> None:
        order = await made(desk, new_order(settings, 1, priority="urgent"))
        assert (order.state, order.attempts) == (OrderState.SUCCEEDED, 3)
        faults.append(WeightsCorrupt("wrong digest"))
        dead = await made(desk, new_order(settings, 2, priority="urgent"))
        assert (dead.state, dead.attempts, dead.error["code"]) == (OrderState.FAILED, 1, "weights_corrupt")
        faults.append(ZeroDivisionError("a fault of ours"))
        broken = await made(desk, new_order(settings, 3, priority="urgent"))
        assert (broken.state, broken.error["code"]) == (OrderState.FAILED, "internal_error")

    run(test, settings, render)


def test_cancel(settings: Settings) -> None:
    gate = Gate()

    async def test(desk: OrderDesk) -> None:
        running, queued = new_order(settings, 1), new_order(settings, 2)
        desk.orders.accept_many([running, queued])
        await desk.start(running.id)
        await desk.start(queued.id)
        await gate.has(running.sku)
        assert await desk.cancel(queued.id)
        assert not await desk.cancel(queued.id)
        waiting = asyncio.create_task(desk.wait(running.id, 10))
        await asyncio.sleep(0)
        assert await desk.cancel(running.id)
        assert await waiting
        gate.open.set()
        done = await made(desk, new_order(settings, 3))
        assert not await desk.cancel(done.id)
        for order in (running, queued):
            assert desk.orders.get(order.id).state is OrderState.CANCELLED
            assert types(desk, order)[-1] == "order.cancelled"
            assert desk.orders.publications(order.id) == []
        assert gate.came[queued.sku] == 0

    run(test, settings, real_render(settings, gate))


def test_an_order_that_is_not_begun_by_its_deadline_fails(settings: Settings) -> None:
    gate = Gate()

    async def test(desk: OrderDesk) -> None:
        first = new_order(settings, 1)
        late = new_order(settings, 2, deadline=datetime.now(UTC) + timedelta(seconds=1.5))
        past = new_order(settings, 3, priority="urgent", deadline=datetime.now(UTC) - timedelta(seconds=1))
        desk.orders.accept(first)
        await desk.start(first.id)
        await gate.has(first.sku)
        for order in (late, past):
            assert (await made(desk, order)).error["code"] == "deadline_passed"
        gate.open.set()
        assert (await made(desk, new_order(settings, 4))).state is OrderState.SUCCEEDED
        assert gate.came[late.sku] == gate.came[past.sku] == 0

    run(test, settings, real_render(settings, gate))


def test_what_qa_holds_back(settings: Settings) -> None:
    """The product is asked for too small for the template's own limit; the second rung asks for the size that passes."""

    async def test(desk: OrderDesk) -> None:
        plain = new_order(settings, 1, priority="urgent")
        large = plain.spec["template"]
        large = large | {"qa": large["qa"] | {"fill": {"min": 0.8}}}
        template = large | {"composition": large["composition"] | {"fill": 0.5}}
        small = plain.spec | {"template": template}

        def order(**more: Any) -> NewOrder:
            return NewOrder("key_a", "urgent", small | more, plain.sku, plain.template)

        review = await made(desk, order())
        assert (review.state, review.error) == (OrderState.REVIEW, {})
        assert review.result["shots"][0]["outcome"]["reason"] == "fill"
        assert (await made(desk, order(on_fail="reject"))).state is OrderState.REJECTED
        assert desk.orders.publications(review.id) == []
        useless = template | {"light": {"softness": 0.1}}
        kept = await made(desk, order(on_fail="retry", ladder=[useless]))
        assert kept.state is OrderState.REVIEW
        cured = await made(desk, order(on_fail="retry", ladder=[useless, large]))
        assert (cured.state, cured.attempts) == (OrderState.SUCCEEDED, 3)
        assert cured.result["shots"][0]["template"]["composition"]["fill"] == 0.86

    run(test, settings)


def test_orders_nobody_started_or_somebody_lost(settings: Settings) -> None:
    async def test(desk: OrderDesk) -> None:
        forgotten = [new_order(settings, n) for n in range(3)]
        lost, stranded = new_order(settings, 7), new_order(settings, 8)
        desk.orders.accept_many([*forgotten, lost, stranded])
        desk.orders.claim([lost.id])
        desk.orders.move(stranded.id, OrderState.RUNNING)

    run(test, settings)

    async def taken_up(desk: OrderDesk) -> None:
        found = await all_ended(desk.orders, 20)
        assert Counter(order.state for order in found.values()) == {OrderState.SUCCEEDED: 5}

    run(taken_up, settings)


def test_closing_leaves_orders_to_the_next_launch(settings: Settings) -> None:
    gate = Gate()
    order = new_order(settings, 1)

    async def begun(desk: OrderDesk) -> None:
        desk.orders.accept(order)
        await desk.start(order.id)
        await gate.has(order.sku)

    run(begun, settings, real_render(settings, gate))
    ours = ("dbos", "queue-worker", "fetch", "webhook", "workflows")
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith(ours)] == []

    async def finished(desk: OrderDesk) -> None:
        assert await desk.wait(order.id, 20)
        found = desk.orders.get(order.id)
        assert found.state is OrderState.SUCCEEDED
        assert Counter(types(desk, order))["order.started"] == 1

    run(finished, settings)


def test_the_engine_forgets_what_has_ended(settings: Settings) -> None:
    async def test(desk: OrderDesk) -> None:
        order = await made(desk, new_order(settings, 1, priority="urgent"))
        while await desk.workflows.status(order.workflow_id) == "PENDING":  # noqa: ASYNC110 - the engine writes it down later
            await asyncio.sleep(0.01)
        assert not await desk.workflows.forget(3600)
        assert await desk.workflows.status(order.workflow_id) == "SUCCESS"
        assert not await desk.workflows.forget(-1)
        assert await desk.workflows.status(order.workflow_id) == ""
        assert desk.orders.get(order.id).state is OrderState.SUCCEEDED

    run(test, settings)


def test_events_reach_webhooks_once_each(settings: Settings, site: Any) -> None:
    endpoints = Endpoints(settings.online)
    endpoints.create("key_a", f"http://127.0.0.1:{site.server_port}/hook", ["order.succeeded"])

    async def test(desk: OrderDesk) -> None:
        await made(desk, new_order(settings, 1, priority="urgent"))
        await made(desk, new_order(settings, 2, priority="urgent"))
        await until(lambda: len(site.asked) >= 2)

    run(test, settings)
    assert len(set(site.asked)) == len(site.asked) == 2
    assert all(event.startswith("evt_") for event in site.asked)
    endpoints.close()


def test_pauses_grow_to_a_bound() -> None:
    retry = Retry(tries=9, first_s=0.5, factor=3, most_s=10)
    pauses = [retry.pause_s(tried) for tried in range(1, 9)]
    assert pauses[:3] == [0.5, 1.5, 4.5]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 10
