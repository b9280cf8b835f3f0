"""The orchestrator deployment: the one replica that carries orders out, and how the other replicas reach it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from cluster.calls import DEAD, Tiered, call_renderer
from cluster.settings import Settings
from cluster.tiers import TIERS, Tier
from connectors.online.orders import Orders, OrderState
from serve_apps.orders.desk import OrderDesk
from serve_apps.orders.flow import sql
from serve_apps.parts import open_parts
from serve_apps.sync.desk import SyncDesk
from studio.errors import ClusterUnavailable, PackshotError
from studio.shot import Outcome, Shot

log = logging.getLogger(__name__)
T = TypeVar("T")
_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)

TELL_S = 1.0
"""How often the renderer is told what is coming."""
START_S = 2.0
"""How long a caller waits for the orchestrator to take an order up; later the sweeper does."""
POLL_S = 0.25
DRAIN_S = 20.0
"""What running orders get at a shutdown; what is not done by then is taken up by the next orchestrator."""
OPTIONS: dict[str, Any] = {
    "name": "orchestrator",
    "num_replicas": 1,
    "max_ongoing_requests": 10_000,
    "ray_actor_options": {"num_cpus": 0},
    "graceful_shutdown_timeout_s": DRAIN_S + 10,
    "health_check_period_s": 5,
}
"""Of the deployment. One replica: orders have one place where they are worked on. Callers that wait for an order hold a place."""


class Orchestrator:
    """`OrderDesk` and `SyncDesk` in a replica, rendering on the renderer. `standard` is the renderer's twin for standard work."""

    async def __init__(  # type: ignore[misc] # Serve awaits it
        self, settings: dict[str, Any], renderer: DeploymentHandle, standard: DeploymentHandle | None = None
    ) -> None:
        self._renderer = Tiered(renderer, standard)
        self._rendering: Counter[str] = Counter()
        tree = Settings(**settings)
        self._desk = OrderDesk(tree, self._render)
        await self._desk.launch()
        self._sync = SyncDesk(open_parts(tree, self._desk)) if tree.connections else None
        if self._sync:
            await self._sync.launch()
        self._telling = asyncio.create_task(self._tell(), name="backlog")

    async def start(self, order_id: str) -> None:
        """See `Fulfilment.start`."""
        await self._desk.start(order_id)

    async def cancel(self, order_id: str) -> bool:
        """See `Fulfilment.cancel`."""
        return await self._desk.cancel(order_id)

    async def wait(self, order_id: str, seconds: float) -> bool:
        """See `Fulfilment.wait`."""
        return await self._desk.wait(order_id, seconds)

    async def check_health(self) -> None:
        """Serve starts another replica when this raises."""
        self._desk.check()
        if self._sync:
            self._sync.check()

    async def __del__(self) -> None:
        self._telling.cancel()
        if self._sync:
            await self._sync.close()
        await self._desk.close(DRAIN_S)

    async def _render(self, shots: Sequence[Shot], tier: str) -> list[Outcome]:
        chosen: Tier = "urgent" if tier == "urgent" else "standard"
        self._rendering[tier] += 1
        try:
            answers = await call_renderer(self._renderer, [s.model_dump_json() for s in shots], force=False, tier=chosen)
        except DEAD as error:
            raise ClusterUnavailable("the renderer's process died under this order") from error
        finally:
            self._rendering[tier] -= 1
        return [_OUTCOME.validate_json(answer) for answer in answers]

    async def _tell(self) -> None:
        """Orders that no handle holds yet, to the renderer's autoscaling."""
        handle = self._renderer.at("urgent")
        while True:
            try:
                open_orders = await self._desk.waiting()
                backlog = {tier: max(0, open_orders[tier] - self._rendering[tier]) for tier in TIERS}
                await asyncio.wait_for(handle.tell.remote(backlog), POLL_S + TELL_S)
            except (RayError, RayServeException, PackshotError, TimeoutError) as error:
                log.info("the renderer was not told what is coming: %s", error)
            await asyncio.sleep(TELL_S)


class HandleDesk:
    """`Fulfilment` over the orchestrator's handle. While it cannot be reached the order's row is all there is, and is enough."""

    def __init__(self, handle: DeploymentHandle, orders: Orders) -> None:
        self._handle, self._orders = handle, orders

    async def start(self, order_id: str) -> None:
        """Ask for an order to be begun; when nobody answers in time, the sweeper will find it."""
        try:
            await _answer(self._handle.start.remote(order_id), START_S)
        except ClusterUnavailable as error:
            log.info("order %s is left to the sweeper: %s", order_id, error.message)

    async def cancel(self, order_id: str) -> bool:
        """Cancel an order. Raises ClusterUnavailable for a running one while the orchestrator cannot be reached."""
        try:
            return bool(await _answer(self._handle.cancel.remote(order_id), START_S))
        except ClusterUnavailable:
            event = ("order.cancelled", {"order": order_id, "state": str(OrderState.CANCELLED)})
            queued = {OrderState.QUEUED}
            if await sql(self._orders.move, order_id, OrderState.CANCELLED, only_from=queued, event=event):
                return True
            if (await sql(self._orders.get, order_id)).state.ended:
                return False
            raise

    async def wait(self, order_id: str, seconds: float) -> bool:
        """Whether the order ended within so many seconds. Raises NotFound."""
        until = asyncio.get_running_loop().time() + seconds
        try:
            return bool(await _answer(self._handle.wait.remote(order_id, seconds), seconds + START_S))
        except ClusterUnavailable:
            while not (ended := (await sql(self._orders.get, order_id)).state.ended):
                left = until - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                await asyncio.sleep(min(POLL_S, left))
            return ended


async def _answer(call: Awaitable[T], seconds: float) -> T:
    """What a handle answers. Raises the orchestrator's own errors, and ClusterUnavailable when there is no answer."""
    try:
        return await asyncio.wait_for(call, seconds)
    except PackshotError:
        raise
    except (RayError, RayServeException, TimeoutError) as error:
        raise ClusterUnavailable(f"the orchestrator does not answer: {type(error).__name__}") from error
