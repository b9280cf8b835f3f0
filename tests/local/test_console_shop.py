"""From a shop's message to a picture that a person lets through: it gets onto the product there, and off it again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.online.orders import OrderState
from connectors.review import Wanted
from connectors.vendors.base import Told, mark_in
from tests import sample
from tests.doubles.serving import serving
from tests.doubles.woocommerce import WooDouble
from tests.local.running import Running, photo, running
from tests.visitor import Visitor

STRICT = sample.TEMPLATE.replace("tiny-grey", "tiny-strict").replace("qa: {", "qa: {fill: {max: 0.3}, ")


@pytest.fixture
def woo() -> Iterator[WooDouble]:
    double = WooDouble()
    with serving(double):
        double.product(1, datetime(2026, 11, 20, tzinfo=UTC), sku="MUG-1", name="Mug")
        double.human(1, "mug.png", photo(1))
        yield double


@pytest.fixture
def service(tmp_path: Path, woo: WooDouble) -> Iterator[Running]:
    style = tmp_path / "art" / "styles" / "tiny-strict.yaml"
    style.parent.mkdir(parents=True)
    style.write_text(STRICT)
    secrets: dict[str, str] = {}
    for name, value in (("key", "ck_1"), ("secret", "cs_1"), ("user", "editor"), ("password", "abcd efgh")):
        (tmp_path / name).write_text(value)
        secrets[name] = f"file:{tmp_path / name}"
    shop: dict[str, Any] = {"vendor": "woocommerce", "address": woo.url, "secrets": secrets, "templates": ["tiny-strict"]}
    with running(tmp_path, {"shop": {**shop, "allow_private": True}}) as running_service:
        yield running_service


def until(true: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


def test_a_picture_that_is_let_through_gets_to_the_shop(service: Running, woo: WooDouble) -> None:
    parts = service.parts
    parts.sync.take("shop", [Told("msg-1", "changed", ("1",))], now=datetime.now(UTC))
    assert until(lambda: bool(parts.orders.list(state=OrderState.REVIEW)[0]))
    assert until(lambda: parts.sync.waiting("shop") == 0)
    assert [bool(mark_in(url)) for url in woo.seen(1)] == [False]
    writer = Visitor(service)
    assert "MUG-1" in writer.get("/review")
    (item,) = parts.reviews.page(Wanted())
    assert item.owner == ""
    writer.ask("/review/decide", {"item": [item.id], "action": "approve"})
    assert until(lambda: any(mark_in(url) for url in woo.seen(1)))
    assert parts.storage.get_blob(item.digest) in woo.bytes_of(1)
    assert parts.orders.list()[0][0].state is OrderState.SUCCEEDED
    assert len(parts.orders.list()[0]) == 1, "the same order, not another one"
    writer.close()
