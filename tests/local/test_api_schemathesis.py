"""The OpenAPI document against the service: generated requests, good and bad, all of schemathesis' checks, a fixed number of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.settings import ApiSettings
from connectors.online.orders import Orders, OrderState
from serve_apps.parts import open_parts
from studio.product import Product, ProductImage
from tests import sample
from tests.local.running import photo, served

CONFIG = """
seed = 20261122
color = false

[checks.not_a_server_error]
# 501: a documented edit that no engine here can do
expected-statuses = ["2xx", "3xx", "4xx", "501"]

[checks.positive_data_acceptance]
# Some rules tie fields together, or the request to what is stored; JSON Schema cannot say them.
expected-statuses = ["2xx", "3xx", "400", "401", "403", "404", "409", "413", "415", "422", "501"]

[generation]
max-examples = 3
deterministic = true

[phases.coverage]
unexpected-methods = ["put", "trace"]

[phases.stateful]
max-steps = 4

# Their bodies are those of POST /v1/images, in other wrappings.
[[operations]]
include-name = ["POST /v1/quote", "POST /v1/batches"]
phases.coverage.enabled = false
"""
HOOKS = """
import schemathesis

@schemathesis.serializer("application/jsonl", "application/x-ndjson")
def lines(context, value):
    return value.encode() if isinstance(value, str) else value
"""


@dataclass
class Ending:
    """Every order ends at once, so that nothing has to be waited for."""

    orders: Orders | None = None

    async def start(self, order_id: str) -> None:
        assert self.orders
        error = {"code": "cancelled", "message": "nothing is made here"}
        self.orders.move(order_id, OrderState.FAILED, error=error, event=("order.failed", {"order": order_id}))

    async def cancel(self, order_id: str) -> bool:
        assert self.orders
        return self.orders.move(order_id, OrderState.CANCELLED, event=("order.cancelled", {"order": order_id}))

    async def wait(self, order_id: str, seconds: float) -> bool:
        return True


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[str, str]]:
    desk = Ending()
    settings = sample.settings(tmp_path, api=ApiSettings(rate_per_minute=10**7, private_webhooks=True))
    parts = open_parts(settings, desk)
    desk.orders = parts.orders
    digest = parts.storage.put_blob(photo())
    mug = Product(sku="MUG-01", images=(ProductImage(uri=f"blob:{digest}", digest=digest),))
    parts.products.remember([mug], "tests")
    with served(parts) as url:
        yield url, parts.keys.issue("schemathesis", {"admin"})[1]


def test_every_check_on_every_operation(service: tuple[str, str], tmp_path: Path) -> None:
    url, secret = service
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    hooks = tmp_path / "hooks.py"
    hooks.write_text(HOOKS)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", f"{url}/openapi.json"),
        *("--header", f"X-Api-Key: {secret}", "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "SCHEMATHESIS_HOOKS": str(hooks)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    generated = re.search(r"([0-9]+) generated", done.stdout)
    assert generated, done.stdout[-3_000:]
    assert int(generated[1]) > 2000
