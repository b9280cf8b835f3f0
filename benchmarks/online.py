"""A real service for a benchmark: `packshot serve` in a process of its own, on a scratch folder, and a client for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmarks.goods import ROOT, quiet_ray
from benchmarks.http_load import Connection
from cluster.engine import storage
from cluster.settings import Settings
from connectors.online.keys import ApiKeys

START_S, STOP_S = 150, 60
RATE = 1_000_000


@dataclass(slots=True)
class Online:
    """A running service: its address and Ray's, its settings and process, and the headers of a key that may do everything."""

    url: str
    ray: str
    settings: Settings
    process: subprocess.Popen[str]
    headers: dict[str, str] = field(default_factory=dict)

    def asset(self, photo: Path) -> str:
        """The digest of a photo that the store has from now on."""
        return storage(self.settings).put_blob(photo.read_bytes())

    async def order(
        self, asset: str, *, priority: str = "urgent", wait: int = 60, key: str = "", sku: str = ""
    ) -> dict[str, Any]:
        """Order an image and wait for it. Raises RuntimeError for an answer that is no order, OSError when nobody answers."""
        body = {"input": {"asset": asset}, "template": self.settings.templates[0], "priority": priority}
        if sku:
            body["product"] = {"sku": sku}
        headers = self.headers | {"content-type": "application/json", "prefer": f"wait={wait}"}
        if key:
            headers["idempotency-key"] = key
        return await self.call("POST", "/v1/images", json.dumps(body).encode(), headers)

    async def call(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> dict[str, Any]:
        """One request on a connection of its own; the answer's JSON."""
        connection = Connection(self.url)
        try:
            status, answer = await connection.ask(method, path, body, headers or self.headers)
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path}: {status} {answer[:300].decode(errors='replace')}")
        document: dict[str, Any] = json.loads(answer)
        return document


@contextmanager
def service(settings: Settings) -> Iterator[Online]:
    """`packshot serve` with these settings, ready; it drains when the block ends. Raises RuntimeError when it does not start."""
    quiet_ray()
    folder = settings.home.parent
    document = settings.model_dump(mode="json")
    document["api"] |= {"port": 0, "rate_per_minute": RATE}
    (folder / "packshot.yaml").write_text(yaml.safe_dump(document))
    _, secret = ApiKeys(settings.online).issue("benchmark", {"admin"})
    command = [sys.executable, "-m", "pipelines.cli", "serve", "--json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            line = _first_line(process)
            if not line:
                raise RuntimeError(f"the service did not start: {(folder / 'serve.log').read_text()[-2000:]}")
            found = json.loads(line)
            yield Online(found["url"], found["ray"], settings, process, {"authorization": f"Bearer {secret}"})
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _first_line(process: subprocess.Popen[str]) -> str:
    late = threading.Timer(START_S, process.terminate)
    late.start()
    assert process.stdout is not None
    try:
        return next((line for line in process.stdout if line.startswith("{")), "")  # Ray may have its say before
    finally:
        late.cancel()
