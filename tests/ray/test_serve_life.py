"""The service's life: `packshot serve` as its own process with its own Ray, from start to no process left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from cluster.engine import storage
from cluster.settings import Settings
from connectors.online.keys import ApiKeys
from tests import sample

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.ray
PROFILE = """
name: life
renderer: {num_cpus: 0.1, ongoing: 4, threads: 1}
models: {fake-matte: {num_cpus: 0.1, ongoing: 4, threads: 2, batch: 1}}
ray: {num_cpus: 4, object_store_mb: 128}
"""


@dataclass
class Running:
    """A service in a process of its own."""

    folder: Path
    settings: Settings
    process: subprocess.Popen[str]
    url: str = ""
    ray: str = ""
    key: dict[str, str] = field(default_factory=dict)

    def photo(self, seed: int) -> str:
        sample.photo(self.folder / f"{seed}.png", seed)
        return storage(self.settings).put_blob((self.folder / f"{seed}.png").read_bytes())

    def order(self, seed: int, wait: int = 60) -> httpx.Response:
        body = {"input": {"asset": self.photo(seed)}, "template": "tiny-grey", "priority": "urgent"}
        headers = self.key | {"prefer": f"wait={wait}"}
        return httpx.post(f"{self.url}/v1/images", json=body, headers=headers, timeout=90)

    def processes(self) -> list[psutil.Process]:
        return [p for p in psutil.Process(self.process.pid).children(recursive=True) if p.is_running()]


def write(folder: Path, fake: str) -> Settings:
    """Settings as a file in `folder`, where the command finds them."""
    (folder / "profile.yaml").write_text(PROFILE)
    api = {"port": 0, "rate_per_minute": 100_000}
    models = {"configured": {"fake-matte": fake}}
    settings: Settings = sample.settings(folder, profile=str(folder / "profile.yaml"), models=models, api=api)
    (folder / "packshot.yaml").write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    return settings


def command(running: Path, *words: str, **environ: str) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("RAY_ADDRESS", "RAY_TMPDIR")}
    with (running / "serve.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "serve", "--json", *words],
            cwd=running,
            env=environment | {"PYTHONPATH": str(ROOT)} | environ,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )


@contextmanager
def service(folder: Path, fake: str) -> Iterator[Running]:
    settings = write(folder, fake)
    running = Running(folder, settings, command(folder))
    known: list[psutil.Process] = []
    try:
        assert running.process.stdout is not None
        line = running.process.stdout.readline()
        assert line, (folder / "serve.log").read_text()[-3000:]
        found = json.loads(line)
        running.url, running.ray = found["url"], found["ray"]
        _, secret = ApiKeys(settings.online).issue("test", {"write"})
        running.key = {"authorization": f"Bearer {secret}"}
        known = running.processes()
        yield running
    finally:
        running.process.kill()
        for process in known:
            if process.is_running():
                process.kill()


def left(known: list[psutil.Process], seconds: float) -> list[str]:
    """Which of these still live after so long, other than as zombies that nobody reaps."""
    _, alive = psutil.wait_procs(known, timeout=seconds)
    return [" ".join(p.cmdline())[:120] for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_order_update_and_drain(tmp_path: Path) -> None:
    with service(tmp_path, "delay_s=0.01") as running:
        made_and_logged(running)
        updated_without_a_failed_request(running)
        drained_without_a_failed_request(running)


def made_and_logged(running: Running) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    running.key["traceparent"] = f"00-{trace}-00f067aa0ba902b7-01"
    answer = running.order(1)
    assert answer.status_code == 200, answer.text
    order = answer.json()
    assert (order["state"], order["trace"], answer.headers["traceparent"][3:35]) == ("succeeded", trace, trace)
    image = httpx.get(running.url + order["assets"][0]["url"], headers=running.key)
    assert (image.status_code, image.headers["content-type"]) == (200, "image/jpeg")
    del running.key["traceparent"]
    lines = [json.loads(line) for line in (running.settings.home / "logs" / "service.jsonl").read_text().splitlines()]
    ours = [line for line in lines if line.get("trace") == trace]
    assert {line["order"] for line in ours if "order" in line} == {order["id"]}


def updated_without_a_failed_request(running: Running) -> None:
    """Another model setting: every replica is replaced while orders are made."""
    before = {p.pid for p in running.processes() if any("fake-matte" in word for word in p.cmdline())}
    stop, wrong, seen = threading.Event(), [], []

    def customer(first: int) -> None:
        seed = first
        while not stop.is_set():
            try:
                answer = running.order(seed)
                seen.append(answer.json()["state"])
                if answer.status_code != 200:
                    wrong.append(answer.text)
            except httpx.HTTPError as error:
                wrong.append(repr(error))
            seed += 1

    customers = [threading.Thread(target=customer, args=(1000 * number,)) for number in (1, 2)]
    for one in customers:
        one.start()
    write(running.folder, "delay_s=0.02")
    update = command(running.folder, "--detach", PACKSHOT_RAY__ADDRESS=running.ray)
    out, _ = update.communicate(timeout=180)
    time_to_end = threading.Timer(3.0, stop.set)
    time_to_end.start()
    for one in customers:
        one.join()
    after = {p.pid for p in running.processes() if any("fake-matte" in word for word in p.cmdline())}
    assert update.returncode == 0, (running.folder / "serve.log").read_text()[-3000:]
    assert json.loads(out)["url"] == running.url
    assert wrong == []
    assert set(seen) == {"succeeded"}
    assert after
    assert not before & after


def drained_without_a_failed_request(running: Running) -> None:
    """SIGTERM while an order is waited for: readiness goes first, the order is answered, nothing is left."""
    write(running.folder, "delay_s=0.02")
    known, answers = running.processes(), []
    assert httpx.get(f"{running.url}/readyz").status_code == 200
    customers = [threading.Thread(target=lambda seed=seed: answers.append(running.order(seed))) for seed in range(9000, 9004)]
    for one in customers:
        one.start()
    running.process.send_signal(signal.SIGTERM)
    status, until = 200, time.monotonic() + 20
    while status == 200 and time.monotonic() < until:
        status = httpx.get(f"{running.url}/readyz").status_code
    assert status == 503
    for one in customers:
        one.join()
    assert [answer.status_code for answer in answers] == [200] * 4, [answer.text for answer in answers]
    running.process.wait(90)
    assert running.process.returncode == 0
    assert left(known, 30) == []


def test_a_killed_service_leaves_no_process_and_its_orders_are_made_by_the_next(tmp_path: Path) -> None:
    with service(tmp_path, "delay_s=3") as killed:
        known = killed.processes()
        agents = [p for p in known if "Agent" in " ".join(p.cmdline())]
        assert any("haproxy" in p.name() for p in known)
        accepted = killed.order(1, wait=0)
        assert accepted.status_code == 202, accepted.text
        killed.process.send_signal(signal.SIGKILL)
        assert left([p for p in known if p not in agents], 30) == []
        with service(tmp_path, "") as running:
            until, state = time.monotonic() + 60, ""
            while state != "succeeded" and time.monotonic() < until:
                state = httpx.get(f"{running.url}{accepted.headers['location']}", headers=killed.key).json()["state"]
            assert state == "succeeded"
        assert left(agents, 90) == []  # they look for their GCS for a minute before they give up
