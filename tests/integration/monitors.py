"""Prometheus and Alertmanager of the system, on free ports of loopback, with the project's own configuration."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

HERE = Path(__file__).resolve().parents[2] / "cluster" / "monitoring"


def program(*names: str) -> str:
    """The first of these that is installed. Without it: in CI a failure, elsewhere a skip."""
    found = next(filter(None, map(shutil.which, names)), "")
    if not found and os.environ.get("CI") == "true":
        pytest.fail(f"{names[0]} is not installed, and CI must not skip this")
    if not found:
        pytest.skip(f"{names[0]} is not installed (.ci/monitoring.sh does that)")
    return found


def until(right: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """The first answer that is true."""
    end = time.monotonic() + seconds
    while not (found := right()):
        assert time.monotonic() < end, what
        time.sleep(0.1)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Prometheus:
    url: str

    def ask(self, expr: str) -> list[dict[str, Any]]:
        """The series of an instant query."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expr}, timeout=30)
        assert answer.status_code == 200, f"{expr}: {answer.text}"
        return list(answer.json()["data"]["result"])


@contextmanager
def prometheus(folder: Path, service: str, key: str, alertmanager: str = "") -> Iterator[Prometheus]:
    """Scrapes the service every second, with the project's rules, that wait for nothing here."""
    binary = program("prometheus")
    config = yaml.safe_load((HERE / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    if alertmanager:
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager.removeprefix("http://")]
    else:
        del config["alerting"]
    ours = next(job for job in config["scrape_configs"] if job["job_name"] == "packshot")
    ours["static_configs"][0]["targets"] = [service.removeprefix("http://")]
    ours["authorization"]["credentials_file"] = str(folder / "packshot-key")
    (folder / "packshot-key").write_text(key)
    rules = yaml.safe_load((HERE / "rules" / "packshot.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["for"] = "0s"
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "packshot.yaml").write_text(yaml.safe_dump(rules))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    arguments = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    arguments += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with process([binary, *arguments], folder / "prometheus.log", f"http://127.0.0.1:{port}/-/ready") as url:
        yield Prometheus(url.removesuffix("/-/ready"))


@contextmanager
def alertmanager(folder: Path, port: int, service: str, key: str) -> Iterator[str]:
    """Sends to the service at once."""
    binary = program("prometheus-alertmanager", "alertmanager")
    config = yaml.safe_load((HERE / "alertmanager.yml").read_text())
    config["route"] |= {"group_wait": "0s", "group_interval": "1s"}
    hook = config["receivers"][0]["webhook_configs"][0]
    hook["url"] = f"{service}/v1/alerts"
    hook["http_config"]["authorization"]["credentials_file"] = str(folder / "writer-key")
    (folder / "writer-key").write_text(key)
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    arguments = [f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'alerts'}", "--log.level=warn"]
    arguments += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    with process([binary, *arguments], folder / "alertmanager.log", f"http://127.0.0.1:{port}/-/ready"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def process(command: list[str], log: Path, ready: str) -> Iterator[str]:
    with log.open("wb") as out:
        running = subprocess.Popen(command, stdout=out, stderr=out, cwd=log.parent)
    try:
        until(lambda: running.poll() is not None or _answers(ready), f"{command[0]} did not get ready")
        assert running.poll() is None, log.read_text()
        yield ready
    finally:
        running.terminate()
        running.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False
