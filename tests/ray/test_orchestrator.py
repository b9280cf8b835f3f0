"""The orchestrator in a Serve replica, reached by handle: killed, it loses no order and publishes nothing twice."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.settings import Settings
from connectors.online.orders import Orders, OrderState
from studio.errors import NotFound
from tests import desk, sample

pytestmark = pytest.mark.ray
APP = "orders"


def application(tree: dict[str, Any]) -> Any:
    from ray import serve

    from cluster.engine import open_renderer
    from serve_apps.orders.orchestrator import OPTIONS, Orchestrator
    from studio.shot import Shot

    class Renderer:
        def __init__(self) -> None:
            self._renderer = open_renderer(Settings(**tree))
            self._told: list[dict[str, int]] = []

        async def render(self, shots: Sequence[str], force: bool, tier: str, trace: str) -> list[str]:
            await asyncio.sleep(0.2)
            outcomes = await self._renderer.render([Shot.model_validate_json(shot) for shot in shots], force=force)
            return [outcome.model_dump_json() for outcome in outcomes]

        async def tell(self, backlog: dict[str, int]) -> None:
            self._told.append(backlog)

        async def told(self) -> list[dict[str, int]]:
            return self._told

        async def pid(self) -> int:
            return os.getpid()

    class Killable(Orchestrator):
        async def pid(self) -> int:
            return os.getpid()

    renderer = serve.deployment(Renderer, name="renderer", max_ongoing_requests=4, ray_actor_options={"num_cpus": 0.1}).bind()
    return serve.deployment(Killable, **OPTIONS).bind(tree, renderer)


def test_killed_orchestrator_and_renderer(cluster: SimpleNamespace, tmp_path: Path) -> None:
    from ray import serve

    from serve_apps.orders.orchestrator import HandleDesk

    settings = sample.settings(tmp_path, api={"urgent": 6})
    orders = Orders(settings.online)
    new = [desk.new_order(settings, n, priority="urgent" if n % 2 else "standard") for n in range(16)]
    handle = serve.run(application(settings.model_dump(mode="json")), name=APP, route_prefix=None)
    renderer = serve.get_deployment_handle("renderer", APP)
    fulfilment = HandleDesk(handle, orders)

    async def test() -> None:
        with pytest.raises(NotFound):
            await fulfilment.wait("ord_none", 1)
        orders.accept_many(new)
        for order in new[:8]:
            await fulfilment.start(order.id)
        assert await fulfilment.wait(new[1].id, 60)
        pid = await handle.pid.remote()
        os.kill(pid, signal.SIGKILL)
        await fulfilment.start(new[9].id)
        assert await fulfilment.wait(new[9].id, 60)
        assert await handle.pid.remote() != pid
        os.kill(await renderer.pid.remote(), signal.SIGKILL)
        for order in new:
            assert await fulfilment.wait(order.id, 60)
        assert not await fulfilment.cancel(new[0].id)
        assert any(backlog["standard"] for backlog in await renderer.told.remote()) or orders.waiting()["standard"] == 0

    try:
        asyncio.run(test())
    finally:
        serve.delete(APP)
    found, _ = orders.list(limit=50)
    assert Counter(order.state for order in found) == {OrderState.SUCCEEDED: len(new)}
    for order in found:
        told = Counter(event.type for event in orders.events(order.id))
        assert told["order.succeeded"] == told["order.started"] == told["asset.published"] == 1
    orders.close()
