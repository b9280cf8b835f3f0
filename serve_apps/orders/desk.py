"""`OrderDesk`: takes accepted orders up, bounds how many are worked on, and sees to it that none is forgotten."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from cluster.engine import reader, registry, storage
from cluster.metering.meter import OrderMeter
from cluster.metering.tariff import Tariff
from cluster.profile import load_profile
from cluster.settings import Settings
from cluster.signing import signing
from connectors.audit import Audit
from connectors.destinations.folder import FolderDestination
from connectors.online.endpoints import Endpoints
from connectors.online.orders import Order, Orders, OrderState
from connectors.online.outbox import Outbox
from connectors.online.store import online
from connectors.spend import Spend
from serve_apps.orders import deliveries
from serve_apps.orders.deliveries import Deliveries
from serve_apps.orders.flow import FLOW, OrderFlow, Retry, sql
from serve_apps.orders.fulfilment import RenderShots
from serve_apps.orders.steps import OrderSteps
from serve_apps.orders.sweeper import Sweeper
from serve_apps.orders.workflows import FIRST, LAST, QueueShape, Workflows

KEPT_S = 7 * 86_400.0
"""How long the workflow engine remembers the steps of an ended order; the order itself is kept."""


class OrderDesk:
    """`Fulfilment` in this process. One at a time for one pair of databases; `launch` takes up what an earlier one left."""

    def __init__(self, settings: Settings, render: RenderShots, *, retry: Retry | None = None, sweep_s: float = 2.0) -> None:
        api, database, store = settings.api, online(settings.online), storage(settings)
        self._spend = Spend(settings.records)
        widths = {"urgent": api.urgent, "standard": api.standard}
        shapes = {name: QueueShape(width) for name, width in widths.items()}
        self.orders = Orders(database)
        self.workflows = Workflows(settings.workflows, {**shapes, deliveries.QUEUE: QueueShape(deliveries.WIDTH)})
        self._steps = OrderSteps(
            self.orders,
            store,
            reader(settings, store),
            render,
            FolderDestination(api.publish) if api.publish else None,
            OrderMeter(Tariff(settings.prices, load_profile(settings.profile)), self._spend),
            audit=Audit(settings.records),
            sign=signing(settings, store),
        )
        self._flow = OrderFlow(
            self.orders,
            self._steps,
            self.workflows,
            registry(settings).card,
            {name: asyncio.Semaphore(width) for name, width in widths.items()},
            retry or Retry(),
            self._ended,
        )
        self._outbox, self._events_days = Outbox(database), api.events_days
        self._deliveries = Deliveries(
            Endpoints(database),
            self._outbox,
            retries_s=api.webhook_retries_s,
            allow_private=api.private_webhooks,
            base_url=api.base_url,
        )
        self._sweeper = Sweeper(sweep_s)
        self._waiting: dict[str, asyncio.Event] = {}
        self._deadlines: dict[str, asyncio.TimerHandle] = {}
        self._expiring: set[asyncio.Task[bool]] = set()
        self._launched = 0.0

    async def launch(self) -> None:
        """Take up unfinished orders and deliveries, and begin to sweep."""
        self.workflows.register(FLOW, self._flow.run)
        self.workflows.register(deliveries.FLOW, self._deliveries.deliver)
        await self.workflows.launch()
        self._launched = time.monotonic()
        self._sweeper.add(self._start_forgotten)
        self._sweeper.add(self._deliver_due, woken=True)
        self._sweeper.add(self._end_stranded, every_s=30.0)
        self._sweeper.add(self._forget_old, every_s=600.0)
        self._sweeper.start()

    async def close(self, drain_s: float = 0.0) -> None:
        """Take nothing up any more, give running orders so long to end, and leave the rest to the next launch."""
        await self._sweeper.stop()
        for timer in self._deadlines.values():
            timer.cancel()
        await asyncio.gather(*self._expiring)
        await self.workflows.close(drain_s)
        await self._steps.close()
        await asyncio.to_thread(self._deliveries.close)
        await asyncio.to_thread(self.orders.close)
        await asyncio.to_thread(self._spend.close)

    async def start(self, order_id: str) -> None:
        """Begin an order, unless it has begun. Raises NotFound."""
        order = await sql(self.orders.get, order_id)
        await self._begin(order)
        await sql(self.orders.claim, [order_id])

    async def cancel(self, order_id: str) -> bool:
        """Cancel a queued order at once, a running one at its next step; False when it has ended or is being published."""
        return await self._flow.cancel(order_id)

    async def wait(self, order_id: str, seconds: float) -> bool:
        """Whether the order ended within so many seconds. Raises NotFound."""
        if await self._has_ended(order_id):
            return True
        told = self._waiting.setdefault(order_id, asyncio.Event())
        if await self._has_ended(order_id):
            return True
        try:
            await asyncio.wait_for(told.wait(), seconds)
        except TimeoutError:
            return await self._has_ended(order_id)
        return True

    def check(self) -> None:
        """Raises Interrupted when the sweeper has died."""
        self._sweeper.check()

    async def waiting(self) -> dict[str, int]:
        """Open orders by priority."""
        return await sql(self.orders.waiting)

    async def _has_ended(self, order_id: str) -> bool:
        ended = (await sql(self.orders.get, order_id)).state.ended
        if ended:
            self._ended(order_id)
        return ended

    async def _begin(self, order: Order) -> None:
        if order.state is not OrderState.QUEUED:
            return
        self._watch_deadline(order)
        # An urgent order does not wait until somebody looks at the queue; beyond the bound it does.
        direct = order.priority == "urgent" and not self._flow.rooms["urgent"].locked()
        queue = "" if direct else order.priority
        due = max(FIRST, int(order.deadline.timestamp())) if order.deadline else LAST
        await self.workflows.start(FLOW, order.workflow_id, order.id, order.generation, queue=queue, priority=min(due, LAST))

    def _watch_deadline(self, order: Order) -> None:
        if order.deadline is None or order.id in self._deadlines:
            return
        left = (order.deadline - datetime.now(UTC)).total_seconds()
        self._deadlines[order.id] = asyncio.get_running_loop().call_later(max(left, 0.0), self._expire, order.id)

    def _expire(self, order_id: str) -> None:
        self._deadlines.pop(order_id, None)
        task = asyncio.create_task(self._flow.expire(order_id))
        self._expiring.add(task)
        task.add_done_callback(self._expiring.discard)

    def _ended(self, order_id: str) -> None:
        if told := self._waiting.pop(order_id, None):
            told.set()
        self._sweeper.wake()
        if timer := self._deadlines.pop(order_id, None):
            timer.cancel()

    async def _start_forgotten(self) -> bool:
        """Start orders without a workflow: those that nobody started, and those that an earlier process had claimed."""
        found = await sql(self.orders.unstarted, time.monotonic() - self._launched)
        for order in found:
            await self._begin(order)
        if found:
            await sql(self.orders.claim, [order.id for order in found])
        return bool(found)

    async def _deliver_due(self) -> bool:
        async def start(workflow_id: str, delivery_id: str, attempts: int) -> None:
            await self.workflows.start(deliveries.FLOW, workflow_id, delivery_id, attempts, queue=deliveries.QUEUE)

        return bool(await self._deliveries.start_due(start))

    async def _end_stranded(self) -> bool:
        """Running orders whose workflow was lost are started again; one whose workflow ended without a word is dead."""
        cursor = ""
        while True:
            page, cursor = await asyncio.to_thread(self.orders.list, state=OrderState.RUNNING, limit=500, cursor=cursor)
            for order in page:
                if order.id not in self._flow.active:
                    await self._settle(order)
            if not cursor:
                return False

    async def _forget_old(self) -> bool:
        """Steps of ended workflows, names of counted renders, and, later, what happened to ended orders and what was sent."""
        before = datetime.now(UTC) - timedelta(days=self._events_days)
        events = await asyncio.to_thread(self.orders.forget_events, before)
        sent = await asyncio.to_thread(self._outbox.forget, before)
        await asyncio.to_thread(self._spend.forget, datetime.now(UTC) - timedelta(seconds=KEPT_S))
        return await self.workflows.forget(KEPT_S) or events or sent

    async def _settle(self, order: Order) -> None:
        status = await self.workflows.status(order.workflow_id)
        if not status:
            await self.workflows.start(FLOW, order.workflow_id, order.id, order.generation, queue=order.priority)
        elif status not in ("PENDING", "ENQUEUED", "DELAYED"):
            error = {"code": "interrupted", "message": f"the order's workflow ended as {status}; retry the order"}
            data = {"order": order.id, "state": str(OrderState.FAILED), "error": error}
            failed = ("order.failed", data)
            await sql(self.orders.move, order.id, OrderState.FAILED, error=error, generation=order.generation, event=failed)
            self._ended(order.id)
