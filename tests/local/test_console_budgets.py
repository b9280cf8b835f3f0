"""The console over a service without a folder to publish to, with a budget that is spent: what is refused, and what is not."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cluster.settings import ApiSettings, Budgets
from connectors.online.orders import OrderState
from connectors.review import Item, Wanted
from connectors.spend import Amount, Place
from serve_apps.parts import open_parts
from studio.product import Product, ProductImage
from tests import sample
from tests.local.running import Running, photo, running, served
from tests.local.test_console_review import STRICT
from tests.visitor import Visitor

SPENT = {"brand": {"Acme": {"limit": 1e-9, "period": "day"}}}
"""Whatever the first picture of this brand costs is more."""


class Nobody:
    """A desk that takes nothing up."""

    async def start(self, order_id: str) -> None: ...

    async def wait(self, order_id: str, seconds: float) -> bool:
        return False

    async def cancel(self, order_id: str) -> bool:
        return False


@dataclass
class Desk:
    service: Running
    writer: Visitor

    def ask(self, seed: int, sku: str, brand: str = "") -> dict[str, Any]:
        """The order, ended."""
        with self.service.client() as client:
            asset = client.post("/v1/assets", content=photo(seed)).json()["hash"]
            body = {"input": {"asset": asset}, "template": "tiny-strict", "product": {"sku": sku, "brand": brand}}
            order: dict[str, Any] = client.post("/v1/images", json=body, headers={"prefer": "wait=60"}).json()
            until = time.monotonic() + 120
            while order["state"] in ("queued", "running") and time.monotonic() < until:
                time.sleep(0.1)
                order = client.get(f"/v1/orders/{order['id']}").json()
            return order

    def item(self, sku: str) -> Item:
        """What waits of a product."""
        self.writer.get("/review")
        (found,) = self.service.parts.reviews.page(Wanted(text=sku))
        return found


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("budgets")
    style = folder / "art" / "styles" / "tiny-strict.yaml"
    style.parent.mkdir(parents=True)
    style.write_text(STRICT)
    with running(folder, more={"budgets": SPENT}) as service:
        writer = Visitor(service)
        yield Desk(service, writer)
        writer.close()


@pytest.fixture(scope="module")
def spent(desk: Desk) -> str:
    """The order that spent the budget of the brand, and is held back."""
    answer = desk.ask(1, "MUG-1", "Acme")
    assert answer["state"] == "review", answer
    desk.service.parts.budgets.forget()
    return str(answer["id"])


def test_an_order_is_not_made_again_beyond_a_budget(desk: Desk, spent: str) -> None:
    before = list(desk.service.rendered)
    told = desk.writer.send(f"/orders/{spent}/retry", {}, 402).text
    assert "The budget is spent" in told
    assert "budget of brand Acme" in told
    assert desk.service.parts.orders.get(spent).state is OrderState.REVIEW
    assert desk.service.rendered == before


def test_a_picture_is_not_made_anew_beyond_a_budget_and_stays_in_the_queue(desk: Desk, spent: str) -> None:
    item, orders = desk.item("MUG-1"), desk.service.parts.orders.waiting()
    wanted = {"item": [item.id], "action": "regenerate", "change": "fill", "value": "0.25"}
    said = desk.writer.ask("/review/decide", wanted)
    assert (said["decided"], len(said["problems"])) == ([], 1)
    assert "budget of brand Acme" in said["said"]
    parts = desk.service.parts
    assert parts.reviews.get(item.id).state == "open"
    assert parts.reviews.unapplied() == [], "the page must not stumble over it until the end of the month"
    assert parts.orders.waiting() == orders
    assert item.id in desk.writer.get("/review")
    assert parts.spend.sums(("brand",), only={"brand": "Acme"})[0].images == 1


def test_trying_a_template_beyond_a_budget_says_so_beside_the_form(desk: Desk, spent: str) -> None:
    del spent
    parts = desk.service.parts
    parts.budgets.forget()
    spec = parts.orders.list(sku="MUG-1")[0][0].spec
    photo_of = spec["setups"][0]["images"][0]
    parts.products.remember([_product("MUG-2", "Acme", photo_of), _product("MUG-3", "Bolt", photo_of)], "catalog.csv")
    answer = desk.writer.send("/templates/tiny-strict/preview", {"skus": "MUG-2 MUG-3"})
    told = desk.writer.get("/templates/tiny-strict")
    assert answer.status_code == 303
    assert "trying it on 1" in told
    assert "MUG-2: budget of brand Acme" in told


def test_try_it_is_refused_beyond_the_day_s_budget_and_says_so_over_the_form(tmp_path: Path) -> None:
    """Nobody names a brand there: the budget of the day stops it."""
    day = Budgets.model_validate({"day": {"limit": 1.0}})
    settings = sample.settings(tmp_path, api=ApiSettings(rate_per_minute=100_000), budgets=day)
    parts = open_parts(settings, Nobody())
    secrets = {"writer": parts.keys.issue("writer", {"write"})[1]}
    today = Place("night", datetime.now(UTC).date(), "standard", "Acme", "a@1", "tiny", "", "")
    parts.spend.put({today: Amount(runs=1, released=1, price=2.0)})
    with served(parts) as url:
        writer = Visitor(Running(parts, url, secrets, []))
        photos = {"photo": ("p.png", photo(9), "image/png")}
        told = writer.send("/try", {"template": "tiny-grey"}, 402, files=photos).text
        assert re.search(r'role="alert">budget of day .* spent', told), told
        assert "Make the picture" in told
        writer.close()
    assert parts.orders.list()[0] == []


def _product(sku: str, brand: str, photo_of: dict[str, Any]) -> Product:
    return Product(sku=sku, brand=brand, images=(ProductImage.model_validate(photo_of),))


def test_a_picture_that_was_approved_is_answered_from_the_store(desk: Desk) -> None:
    first = desk.ask(31, "CUP-1")
    assert first["state"] == "review"
    item = desk.item("CUP-1")
    batch = desk.writer.ask("/review/decide", {"item": [item.id], "action": "approve"})["batch"]
    rendered = list(desk.service.rendered)
    for _ in range(2):
        later = desk.ask(31, "CUP-1")
        assert (later["state"], [asset["hash"] for asset in later["assets"]]) == ("succeeded", [item.digest])
    assert desk.service.rendered == rendered, "no replica was asked"
    desk.writer.ask("/review/undo", {"batch": batch})
    assert desk.ask(31, "CUP-1")["state"] == "review"
