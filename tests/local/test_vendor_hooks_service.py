"""Messages to a service of its own: one that cannot open a connection, and one to which the same message comes many times at once."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from starlette.testclient import TestClient

from connectors.vendors.connection import Connection
from serve_apps.http.api import make_api
from serve_apps.parts import open_parts
from tests import sample
from tests.local.running import served
from tests.local.test_vendor_hooks import NOON, Idle, connections, secret
from tests.senders import SENDERS, News


def test_a_connection_that_cannot_be_opened_is_asked_again(tmp_path: Path) -> None:
    """What is wrong with our settings is no reason for a vendor to give up, nor its business."""
    shop = Connection(
        name="shop", vendor="shopify", address="https://own.myshopify.com", hook_secrets=("env:PACKSHOT_TEST_NOT_SET",)
    )
    parts = open_parts(sample.settings(tmp_path, connections={"shop": shop}), Idle())
    with TestClient(make_api(parts), raise_server_exceptions=False) as http:
        answer = http.post("/hooks/shopify/shop", content=b"{}")
    assert (answer.status_code, answer.json()["detail"], answer.headers["retry-after"]) == (503, "not now", "2")


def test_the_same_message_many_times_at_once_is_taken_once(tmp_path: Path) -> None:
    found = {name: one for name, one in connections(tmp_path, "").items() if name == "bigcommerce-own"}
    parts = open_parts(sample.settings(tmp_path, connections=found), Idle())
    sender = SENDERS["bigcommerce"]
    with served(parts) as url, httpx.Client(base_url=url) as http, ThreadPoolExecutor(16) as pool:

        def post(number: int) -> Counter[str]:
            sent = sender.send(News(1 + number % 5, NOON, f"msg-{number % 10}", time.time()), secret("bigcommerce", "own"), "own")
            answer = http.post("/hooks/bigcommerce/bigcommerce-own", headers=dict(sent.headers), content=sent.body)
            assert answer.status_code == 200
            return Counter(answer.json())

        said = sum(pool.map(post, range(200)), Counter())
    assert said == {"new": 10, "repeated": 190}
    assert sorted((one.ref, one.turn) for one in parts.sync.all_waiting("bigcommerce-own")) == [(str(n), 2) for n in range(1, 6)]
