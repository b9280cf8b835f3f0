"""A process that delivers is killed in the middle of an attempt: the next one delivers the same event."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import standardwebhooks

from connectors.online.endpoints import Endpoints
from connectors.online.outbox import Outbox
from tests.local.receiver import receiving

ROOT = Path(__file__).resolve().parents[2]
WORKER = """
import asyncio, sys
from connectors.online.endpoints import Endpoints
from connectors.online.outbox import Outbox
from serve_apps.orders import deliveries
from serve_apps.orders.deliveries import Deliveries
from serve_apps.orders.workflows import QueueShape, Workflows

async def main(online, engine):
    made = Deliveries(Endpoints(online), Outbox(online), retries_s=(0,), allow_private=True)
    flows = Workflows(engine, {deliveries.QUEUE: QueueShape(deliveries.WIDTH)})
    flows.register(deliveries.FLOW, made.deliver)
    await flows.launch()

    async def start(workflow, delivery, attempts):
        await flows.start(deliveries.FLOW, workflow, delivery, attempts, queue=deliveries.QUEUE)

    while True:
        await made.start_due(start)
        await asyncio.sleep(0.05)

asyncio.run(main(*sys.argv[1:]))
"""


def test_kill_9_in_the_middle_of_an_attempt(tmp_path: Path) -> None:
    online, engine = (f"sqlite:///{tmp_path / name}" for name in ("online.db", "workflows.db"))
    endpoints, outbox = Endpoints(online), Outbox(online)
    with receiving() as receiver:
        endpoint = endpoints.create("key_1", f"{receiver.url}/held")
        event = outbox.add("key_1", "order.succeeded", {"order": "ord_1"})
        for killed in (True, False):
            worker = subprocess.Popen(
                [sys.executable, "-c", WORKER, online, engine], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
            )
            try:
                assert receiver.arrived.acquire(timeout=30)
                if not killed:
                    receiver.release.set()
                    assert receiver.answered.wait(30)
                    for _ in range(1000):
                        if outbox.deliveries(endpoint.id)[0][0].state != "pending" or receiver.stop.wait(0.02):
                            break
            finally:
                worker.send_signal(signal.SIGKILL)
                worker.wait()
        (delivery,) = outbox.deliveries(endpoint.id)[0]
        assert (delivery.state, delivery.attempts) == ("delivered", 1)
        assert [got.headers["webhook-id"] for got in receiver.got] == [event, event]
        for got in receiver.got:
            assert standardwebhooks.Webhook(endpoint.secrets[0].secret).verify(got.body, got.headers)
