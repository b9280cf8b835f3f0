"""Four processes on one SQLite file: nothing lost, nothing doubled, nothing locked; and one that is killed while it writes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from connectors.online.endpoints import Endpoints
from connectors.online.orders import Orders, OrderState
from connectors.online.outbox import Outbox
from connectors.online.store import online

ROOT = Path(__file__).resolve().parents[2]
PROCESSES, KEYS = 4, 15
WORKER = """
import json, sys
from connectors.online.orders import NewOrder, Orders, OrderState
url, number, keys = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
orders = Orders(url)
did = {"created": [], "ended": [], "published": [], "own": []}
for n in range(keys):
    shared = NewOrder("key", "urgent", {"n": n}, f"S-{n}", "t@1", idempotency_key=f"k{n}", request_digest="d")
    order, created = orders.accept(shared)
    if created:
        did["created"].append(order.id)
    did["own"].append(orders.accept(NewOrder("key", "standard", {"n": n}, f"P{number}-{n}", "t@1"))[0].id)
    orders.move(order.id, OrderState.RUNNING, only_from={OrderState.QUEUED})
    orders.add_event(order.id, "step.finished", {"process": number})
    if orders.publish(order.id, "s" * 64, place="folder", digest="d", path=str(number)):
        did["published"].append(order.id)
    if orders.move(order.id, OrderState.SUCCEEDED, event=("order.succeeded", {"process": number})):
        did["ended"].append(order.id)
did["bulk"] = orders.accept_many([NewOrder("key", "standard", {}, "B", "t@1", batch=f"bat_{number}") for _ in range(300)])
print(json.dumps(did))
"""
ENDLESS = """
import sys
from connectors.online.orders import NewOrder, Orders
orders = Orders(sys.argv[1])
n = 0
while True:
    order, _ = orders.accept(NewOrder("key", "urgent", {"n": n}, f"S-{n}", "t@1"))
    orders.publish(order.id, "s" * 64, place="folder", digest="d", path="x")
    print(order.id, flush=True)
    n += 1
"""


def start(code: str, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *args], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'online.db'}"


def test_four_processes_share_a_new_file(url: str) -> None:
    """The tables are made by whoever comes first; the endpoint is added while they work."""
    processes = [start(WORKER, url, str(n), str(KEYS)) for n in range(PROCESSES)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    database = online(url)
    endpoint = Endpoints(database).create("key", "https://shop.example/", ["order.*"])
    did = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES

    orders = Orders(database)
    created = [one for each in did for one in each["created"]]
    assert len(created) == len(set(created)) == KEYS
    assert Counter(one for each in did for one in each["published"]) == Counter(created)
    assert Counter(one for each in did for one in each["ended"]) == Counter(created)
    for one in created:
        assert orders.get(one).state is OrderState.SUCCEEDED
        events = orders.events(one)
        assert [event.seq for event in events] == list(range(1, PROCESSES + 4))
        assert Counter(event.type for event in events) == {
            "order.queued": 1,
            "step.finished": PROCESSES,
            "asset.published": 1,
            "order.succeeded": 1,
        }
    own = [one for each in did for one in (*each["own"], *each["bulk"])]
    assert orders.waiting() == {"urgent": 0, "standard": len(own)}
    assert {orders.get(one).id for each in did for one in each["own"]} == {one for each in did for one in each["own"]}
    assert [len(orders.list(batch=f"bat_{n}", limit=5000)[0]) for n in range(PROCESSES)] == [300] * PROCESSES
    sent, _ = Outbox(database).deliveries(endpoint.id, limit=5000)
    assert len({delivery.order_id for delivery in sent}) == len(sent) <= KEYS
    database.close()


def test_what_a_killed_process_was_told_is_there(url: str) -> None:
    process = start(ENDLESS, url)
    assert process.stdout is not None
    told = [process.stdout.readline().strip() for _ in range(150)]
    process.send_signal(signal.SIGKILL)
    told += [line.strip() for line in process.stdout.read().splitlines() if len(line) == 30]
    process.wait()
    orders = Orders(url)
    stored = [order.id for order in orders.list(limit=100_000)[0]]
    assert set(told) <= set(stored)
    assert len(stored) - len(told) <= 1
    for one in told:
        assert [event.type for event in orders.events(one)] == ["order.queued", "asset.published"]
        assert len(orders.publications(one)) == 1
    for one in set(stored) - set(told):
        assert len(orders.publications(one)) == len(orders.events(one)) - 1, "the event came with its publication, or neither"
