"""`Deliveries`: brings the outbox to the endpoints. It starts attempts, makes them and notes what came of them in the outbox.

Each attempt is a workflow of its own: between attempts the time of the next one stands in the outbox, so that an endpoint that is
down for a day holds no place in the queue.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.online.endpoints import Endpoint, Endpoints
from connectors.online.outbox import Delivery, DeliveryState, Outbox
from connectors.webhooks.delivery import Attempt, Delivered, Gone, Message, deliver, pause_s, webhook_client
from serve_apps.orders.telling import absolute
from studio.errors import NotFound

log = logging.getLogger(__name__)

QUEUE = "webhooks"
"""Queue of the workflow engine that attempts go through."""
FLOW = "deliver_event"
"""Name under which `Deliveries.deliver` is registered as a workflow."""
TEST_EVENT = "webhook.test"
"""Type of the event that a user sends to try an endpoint; it is tried once."""
WIDTH = 16
"""Attempts at a time."""
PER_ENDPOINT = 4
"""Attempts at a time at one endpoint: a slow one must not hold up the others."""
LEASE_S = 60.0
"""How long an attempt that was started is left alone; after a crash it is started again then."""
PUT_OFF_S = 2.0
SKIPPED = "skipped"
GONE = "the endpoint answered 410 Gone"

Start = Callable[[str, str, int], Awaitable[None]]
"""`await start(workflow_id, delivery_id, attempts)`: put `deliver(delivery_id, attempts)` into the queue."""


@dataclass(frozen=True, slots=True)
class _Started:
    """An attempt in the queue or under way. `until`: monotonic time from which it counts as lost."""

    endpoint: str
    until: float


class Deliveries:
    """Delivers at least once, with the event's id at every attempt. One a process; thread-safe where it says blocking.

    `retries_s` are the pauses between attempts in seconds, `total_s` limits one attempt, `base_url` makes links absolute.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        outbox: Outbox,
        *,
        retries_s: Sequence[float],
        allow_private: bool,
        total_s: float = 15.0,
        base_url: str = "",
    ) -> None:
        self._endpoints, self._outbox = endpoints, outbox
        self._retries_s, self._total_s, self._base_url = tuple(retries_s), total_s, base_url
        self._client = webhook_client(allow_private=allow_private)
        # Threads of its own: a slow endpoint must not take those of orders.
        self._threads = ThreadPoolExecutor(WIDTH, thread_name_prefix="webhook")
        self._started: dict[str, _Started] = {}
        self._attempting: set[str] = set()
        self._held: dict[str, float] = {}

    async def start_due(self, start: Start) -> int:
        """Start an attempt at everything that is due; returns how many. Called again and again, by one task."""
        found = await asyncio.to_thread(self._outbox.due)
        if not found:
            return 0
        chosen, waiting = self._choose(found)
        for ids, seconds in (([delivery.id for delivery in chosen], LEASE_S), (waiting, PUT_OFF_S)):
            if ids:
                await asyncio.to_thread(self._outbox.claim, ids, seconds)
        for delivery in chosen:
            self._started[delivery.id] = _Started(delivery.endpoint_id, time.monotonic() + LEASE_S)
            await start(_workflow_id(delivery), delivery.id, delivery.attempts)
        return len(chosen)

    async def deliver(self, delivery_id: str, attempts: int) -> str:
        """The workflow: one attempt, unless it was made already. Returns the delivery's state, or `skipped`.

        May be repeated. Raises StorageUnavailable when the outbox cannot be reached; the attempt is started again then.
        """
        if delivery_id in self._attempting:
            return SKIPPED
        self._attempting.add(delivery_id)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self.attempt, delivery_id, attempts)
        finally:
            self._attempting.discard(delivery_id)
            self._started.pop(delivery_id, None)

    def attempt(self, delivery_id: str, attempts: int) -> str:
        """One attempt and its record, when `attempts` were made before. Blocking."""
        try:
            delivery = self._outbox.get(delivery_id)
            endpoint = self._endpoints.get(delivery.endpoint_id)
        except NotFound:
            return SKIPPED  # deleted with its endpoint
        if delivery.state is not DeliveryState.PENDING or delivery.attempts != attempts:
            return SKIPPED
        if not endpoint.enabled:
            return self._record(delivery, DeliveryState.FAILED, error=f"not sent: {endpoint.disabled_reason}")
        return self._note(delivery, endpoint, self._send(delivery, endpoint))

    def close(self) -> None:
        """Wait for the attempts under way and close their connections. Blocking."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    def _choose(self, found: Sequence[Delivery]) -> tuple[list[Delivery], list[str]]:
        """Which of the due deliveries to start, and ids of those that wait for room at their endpoint."""
        now = time.monotonic()
        self._started = {name: started for name, started in self._started.items() if started.until > now}
        busy = Counter(started.endpoint for started in self._started.values())
        chosen, waiting = [], []
        for delivery in found:
            endpoint = delivery.endpoint_id
            held = self._held.get(endpoint, 0.0) > now
            if held or delivery.id in self._started or busy[endpoint] >= PER_ENDPOINT:
                waiting.append(delivery.id)
                continue
            busy[endpoint] += 1
            chosen.append(delivery)
        return chosen, waiting

    def _send(self, delivery: Delivery, endpoint: Endpoint) -> Attempt:
        event = self._outbox.event(delivery.event_id)
        message = Message(event.id, event.type, event.at, absolute(event.data, self._base_url))
        return deliver(self._client, endpoint.url, endpoint.live_secrets, message, now=time.time(), total_s=self._total_s)

    def _note(self, delivery: Delivery, endpoint: Endpoint, answer: Attempt) -> str:
        log.info("webhook %s to %s, attempt %d: %s", delivery.event_id, endpoint.id, delivery.attempts + 1, answer)
        if isinstance(answer, Delivered):
            return self._record(delivery, DeliveryState.DELIVERED, status=answer.status)
        if isinstance(answer, Gone):
            self._endpoints.disable(endpoint.id, GONE)
            return self._record(delivery, DeliveryState.FAILED, status=answer.status, error=GONE)
        if answer.after_s:
            self._held[endpoint.id] = time.monotonic() + answer.after_s
        schedule = () if delivery.type == TEST_EVENT else self._retries_s
        pause = pause_s(schedule, delivery.attempts + 1, answer.after_s, delivery.workflow_id)
        state = DeliveryState.FAILED if pause is None else DeliveryState.PENDING
        return self._record(delivery, state, status=answer.status or None, error=answer.reason, pause=pause)

    def _record(
        self, delivery: Delivery, state: DeliveryState, *, status: int | None = None, error: str = "", pause: float | None = None
    ) -> str:
        next_at = datetime.now(UTC) + timedelta(seconds=pause) if pause is not None else None
        self._outbox.attempted(delivery.id, state, status=status, error=error, next_at=next_at)
        return state.value


def _workflow_id(delivery: Delivery) -> str:
    """Another one at each start: the engine does not run a workflow whose id it knows, also when it ended in an error."""
    return f"{delivery.workflow_id}.{delivery.attempts}.{time.time_ns() // 1_000_000}"
