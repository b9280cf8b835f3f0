"""The account of a soak finds what is lost, what is there twice, and errors that no fault explains; and a shut gate answers 503."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.ops import soak_stand
from benchmarks.ops.soak_accounts import account
from benchmarks.ops.soak_faults import FAULTS, INLINE, RAY
from benchmarks.ops.soak_servers import Gate
from benchmarks.ops.soak_stand import Fault, Stand
from benchmarks.ops.soak_work import ROWS
from cluster.logs import FILE
from connectors.online.orders import Orders, OrderState
from connectors.vendors.base import marked
from studio.keys import digest_bytes
from tests import desk, sample
from tests.doubles.serving import Call, Double, Reply, serving
from tests.doubles.woocommerce import WooDouble
from tests.local.running import photo
from tests.local.test_sync_desk import START, touched

NO_NIGHTS = f"night: 0 of {ROWS} rows"


@dataclass
class Left:
    """What a stand leaves behind for its account."""

    folder: Path
    woo: WooDouble = field(default_factory=WooDouble)
    samples: list[tuple[str, int, float, int]] = field(default_factory=list)
    died: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.settings = sample.settings(self.folder)
        (self.folder / "nights.jsonl").touch()

    def order(self, number: int, *, published: int = 1) -> str:
        """One that succeeded."""
        orders, new = Orders(self.settings.online), desk.new_order(self.settings, number)
        (name,) = orders.accept_many([new])
        orders.move(name, OrderState.RUNNING, event=("order.started", {}))
        for place in range(published):
            orders.publish(name, "key", place=f"place {place}", digest="0" * 64, path="x")
        orders.move(name, OrderState.SUCCEEDED, event=("order.succeeded", {}))
        return name


@pytest.fixture
def left(tmp_path: Path) -> Left:
    return Left(tmp_path)


def drawn(left: Any, accepted: dict[str, str] | None = None, *errors: tuple[float, str], struck: tuple[Fault, ...] = ()) -> Any:
    return account(left, accepted or {}, errors, [], struck)


def test_an_order_that_is_not_there_or_did_not_succeed_is_lost(left: Left) -> None:
    fine = left.order(1)
    (stuck,) = Orders(left.settings.online).accept_many([desk.new_order(left.settings, 2)])
    said = drawn(left, {"a": fine, "b": stuck, "c": "ord_gone"})
    assert [line.split(" ")[0:2] for line in said["lost_what"] if line != NO_NIGHTS] == [["order", "c"], ["order", stuck]]


def test_one_order_for_two_keys_and_an_event_told_twice_are_there_twice(left: Left) -> None:
    name = left.order(1)
    Orders(left.settings.online).add_event(name, "order.succeeded", {})
    said = drawn(left, {"a": name, "b": name})
    assert said["twice_what"] == [f"2 orders for {name}", f"{name}: order.succeeded told 2 times"]


def test_galleries(left: Left) -> None:
    woo, ours = left.woo, photo(9)
    for number in range(1, 6):
        woo.product(number, START, sku=f"MUG-{number}")
        woo.human(number, f"mug-{number}.png", photo(number))
    for number in range(2, 6):
        touched(woo, number)
        woo.human(number, marked("front.png", digest_bytes(ours) if number != 3 else "f" * 64), ours)
        woo.products[number]["images"].reverse()
    woo.products[4]["images"].reverse()
    del woo.products[5]["images"][1:]
    said = drawn(left)
    assert sorted({line.partition(":")[0] for line in said["lost_what"]}) == ["night", "product 3", "product 4", "product 5"]
    assert [line.split(" ", 1)[1] for line in said["twice_what"]] == ["uploaded 3 times"]


def test_an_error_needs_a_fault_at_its_time_by_the_clock_that_dated_it(left: Left) -> None:
    log = left.settings.home / FILE
    log.parent.mkdir(parents=True)
    log.write_text('{"time": "2026-11-23T08:00:00+00:00", "level": "error", "logger": "x", "message": "broke"}\n{"time": "2026-1')
    (left.folder / "nights.log").write_text(f"{1e9 + 1000:.1f} ERROR cluster: broke\n{1e9 + 500:.1f} WARNING cluster: slow\n")
    ahead = Fault("clock ahead", 1e9 + 900, 1e9 + 906, 90.0)
    said = drawn(left, {}, (1e9 + 910, "503"), (1e9 + 950, "503"), struck=(ahead,))
    assert (said["errors"], dict(said["unexplained_what"])) == (4, {"x: broke": 1, "#": 1})


def test_memory_is_of_the_longest_life_without_its_beginning(left: Left) -> None:
    begun = 1_000_000.0
    left.samples += [("nights", 1, begun + at, 100_000_000) for at in range(0, 60, 5)]
    left.samples += [("nights", 2, begun + at, 90_000_000 if at < 700 else 100_000_000 + 1000 * at) for at in range(0, 3600, 5)]
    said = drawn(left)["pss_mb"]["nights"]
    assert said["growth_an_hour"] == pytest.approx(0.035, abs=0.002)
    assert said["life_s"] == 2875


def test_every_fault_of_a_stand_can_be_struck() -> None:
    assert set(FAULTS) == set(INLINE) | set(RAY)
    assert {kind for kind in RAY if "killed" in kind} >= {"head killed", "node killed", "orchestrator killed", "ingress killed"}


class Behind(Double):
    def answer(self, call: Call) -> Reply:
        return Reply(200, call.body)


def ask(connection: HTTPConnection, body: bytes = b"") -> bytes:
    connection.request("POST", "/", body)
    return connection.getresponse().read()


def test_a_shut_gate_breaks_what_is_open_and_answers_503() -> None:
    behind = Behind()
    with serving(behind):
        gate = Gate(behind.url)
        kept = HTTPConnection(gate.url.removeprefix("http://"), timeout=60)
        try:
            assert ask(kept, b"x" * 300_000) == b"x" * 300_000
            gate.shut()
            with pytest.raises((OSError, HTTPException)):
                ask(kept)
            assert httpx.get(gate.url, timeout=60).status_code == 503
            gate.open()
            assert httpx.get(gate.url, timeout=60).status_code == 200
        finally:
            kept.close()
            gate.stop()


@pytest.mark.skipif(not soak_stand.CC, reason="needs a C compiler")
def test_a_wall_clock_goes_wrong_and_right_again_and_monotonic_time_stays(tmp_path: Path) -> None:
    program = "import sys, time\nfor _ in sys.stdin: print(time.time(), time.monotonic(), flush=True); time.sleep(0.01)"
    woo = WooDouble()
    woo.url = "http://127.0.0.1:9"
    stand = Stand(tmp_path, woo)
    environment = stand.environment() | stand.clocked("x")
    process = subprocess.Popen([sys.executable, "-c", program], env=environment, stdin=-1, stdout=-1, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    wrong = []
    for seconds in (0.0, 90.0, -90.0, 0.0):
        stand.clock("x", seconds)
        process.stdin.write("\n")
        process.stdin.flush()
        wall, monotonic = map(float, process.stdout.readline().split())
        wrong.append(round((wall - time.time()) / 10))
        assert abs(monotonic - time.monotonic()) < 60
    process.stdin.close()
    process.wait()
    assert wrong == [0, 9, -9, 0]
    assert struct.unpack("d", (tmp_path / "clock-x").read_bytes()) == (0.0,)
    assert json.loads((tmp_path / "stand.json").read_text()) == {}
