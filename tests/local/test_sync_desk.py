"""From a shop's message to the picture on its product, and no further: the service, a shop, and what goes wrong between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.vendors.base import mark_in
from serve_apps.sync.desk import GIVE_UP
from studio.keys import digest_bytes
from tests.doubles.serving import Fault, serving
from tests.doubles.woocommerce import WooDouble
from tests.local.running import Running, photo, running

START = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def woo() -> Iterator[WooDouble]:
    double = WooDouble()
    with serving(double):
        yield double


def connection(woo: WooDouble, folder: Path, **more: Any) -> dict[str, Any]:
    """Settings of the shop; its secrets lie in files."""
    secrets = {"key": "ck_1", "secret": "cs_1", "user": "editor", "password": "abcd efgh"}
    for name, text in {**secrets, "hook": woo.secret}.items():
        (folder / name).write_text(text)
    said = {
        "vendor": "woocommerce",
        "address": woo.url,
        "secrets": {name: f"file:{folder / name}" for name in secrets},
        "hook_secrets": [f"file:{folder / 'hook'}"],
        "templates": ["tiny-grey"],
        "allow_private": True,
    }
    return {"shop": said | more}


@pytest.fixture
def service(woo: WooDouble, tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, connections=connection(woo, tmp_path)) as found:
        yield found


def until(right: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not right():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def mug(woo: WooDouble, number: int, seed: int = 0) -> None:
    woo.product(number, START + timedelta(minutes=number), sku=f"MUG-{number}", name=f"Mug {number}")
    woo.human(number, f"mug-{number}.png", photo(seed or number))


def tell(service: Running, woo: WooDouble, number: int, topic: str = "product.updated") -> dict[str, int]:
    """The shop's own message about the product as it is now."""
    body = {"id": number} if topic == "product.deleted" else woo._shown(woo.products[number])
    headers, raw = woo.message(topic, body)
    with service.client(key="") as http:
        answer = http.post("/hooks/woocommerce/shop", headers=headers, content=raw)
    assert answer.status_code == 200, answer.text
    said: dict[str, int] = answer.json()
    return said


def settled(service: Running) -> None:
    until(lambda: service.parts.sync.waiting() == 0)


def marks(woo: WooDouble, number: int) -> list[bool]:
    return [bool(mark_in(url)) for url in woo.seen(number)]


def orders(service: Running) -> list[Any]:
    return service.parts.orders.list(limit=100)[0]


def touched(woo: WooDouble, number: int) -> None:
    woo.now += timedelta(minutes=1)
    woo.products[number]["date_modified_gmt"] = f"{woo.now:%Y-%m-%dT%H:%M:%S}"


def test_a_message_becomes_a_picture_and_our_write_becomes_nothing(service: Running, woo: WooDouble) -> None:
    mug(woo, 1)
    assert tell(service, woo, 1)["new"] == 1
    settled(service)
    assert marks(woo, 1) == [True, False]
    ours = woo.bytes_of(1)[0]
    (order,) = orders(service)
    assert (order.sku, order.state) == ("MUG-1", "succeeded")
    assert digest_bytes(ours) == order.result["shots"][0]["outcome"]["asset"]["digest"]
    assert digest_bytes(ours).startswith(mark_in(woo.seen(1)[0]))
    assert woo.media[woo.products[1]["images"][0]]["alt"] == "Mug 1"

    wrote, rendered = len(woo.wrote()), len(service.rendered)
    for _ in range(3):  # what the shop says about our write, and about a price
        assert tell(service, woo, 1)["new"] == 1
        settled(service)
        touched(woo, 1)
    assert (len(orders(service)), len(woo.wrote()), len(service.rendered)) == (1, wrote, rendered)


def test_what_changed_is_made_again_and_what_is_deleted_is_forgotten(service: Running, woo: WooDouble) -> None:
    mug(woo, 1)
    tell(service, woo, 1)
    settled(service)
    first = woo.seen(1)
    woo.products[1]["images"] = woo.products[1]["images"][:1]
    woo.human(1, "better.png", photo(77))
    touched(woo, 1)
    tell(service, woo, 1)
    settled(service)
    assert marks(woo, 1) == [True, False]
    assert woo.seen(1)[0] != first[0]
    assert len(orders(service)) == 2

    tell(service, woo, 1, "product.deleted")  # a lie: it is still there
    settled(service)
    seen = service.parts.sync.seen("shop", "1")
    assert seen is not None
    assert not seen.gone
    del woo.products[1]
    woo.now += timedelta(minutes=1)
    tell(service, woo, 1, "product.deleted")
    settled(service)
    seen = service.parts.sync.seen("shop", "1")
    assert seen is not None
    assert seen.gone
    assert len(orders(service)) == 2


def test_a_burst_about_one_product_is_one_piece_of_work(service: Running, woo: WooDouble) -> None:
    mug(woo, 1)
    for _ in range(20):
        touched(woo, 1)
        tell(service, woo, 1)
    settled(service)
    assert (len(orders(service)), marks(woo, 1)) == (1, [True, False])


@pytest.mark.parametrize(
    "faults",
    [
        [Fault(r"GET /wp-json/wc/v3/products/1$", 401, times=1)],
        [Fault(r"GET /wp-json/wc/v3/products/1$", 404, times=1)],
        [Fault(r"POST /wp-json/wp/v2/media$", 500, times=2)],
        [Fault(r"PUT /wp-json/wc/v3/products/1$", lost=True, times=1)],
        [Fault(r"GET .*mug-1.png$", 500, times=1)],
    ],
    ids=["login", "not there yet", "upload", "lost answer", "photo"],
)
def test_what_goes_wrong_is_tried_again(service: Running, woo: WooDouble, faults: list[Fault]) -> None:
    mug(woo, 1)
    woo.faults += faults
    tell(service, woo, 1)
    settled(service)
    assert (len(orders(service)), marks(woo, 1)) == (1, [True, False])
    assert not any(fault.times for fault in faults)


def test_what_the_shop_refuses_is_given_up_until_it_is_told_again(service: Running, woo: WooDouble) -> None:
    mug(woo, 1)
    woo.faults.append(Fault(r"GET /wp-json/wc/v3/products/1$", 400, times=GIVE_UP))
    tell(service, woo, 1)
    settled(service)
    assert (orders(service), woo.faults[0].times) == ([], 0)
    touched(woo, 1)
    tell(service, woo, 1)
    settled(service)
    assert marks(woo, 1) == [True, False]


def test_what_is_told_while_it_is_worked_on_is_looked_at_again(service: Running, woo: WooDouble) -> None:
    mug(woo, 1)
    for step in range(6):
        woo.products[1]["name"] = f"Mug of step {step}"
        touched(woo, 1)
        tell(service, woo, 1)
        time.sleep(0.1 * step)
    settled(service)
    assert marks(woo, 1) == [True, False]
    assert woo.media[woo.products[1]["images"][0]]["alt"] == "Mug of step 5"


def test_a_product_without_photos_makes_no_order_until_it_has_one(service: Running, woo: WooDouble) -> None:
    woo.product(1, START, sku="MUG-1", name="Mug 1")
    tell(service, woo, 1)
    settled(service)
    assert (orders(service), woo.wrote()) == ([], [])
    woo.human(1, "mug-1.png", photo(1))
    touched(woo, 1)
    tell(service, woo, 1)
    settled(service)
    assert marks(woo, 1) == [True, False]


def test_a_photo_that_cannot_be_had_leaves_what_is_there_and_is_tried_with_the_next_message(
    service: Running, woo: WooDouble
) -> None:
    mug(woo, 1)
    tell(service, woo, 1)
    settled(service)
    before = woo.seen(1)
    woo.products[1]["images"] = woo.products[1]["images"][:1]
    woo.human(1, "broken.png", photo(5))
    path = woo.seen(1)[1].removeprefix(woo.url)
    kept, woo.files[path] = woo.files[path], b"no picture"
    touched(woo, 1)
    tell(service, woo, 1)
    settled(service)
    assert woo.seen(1)[0] == before[0]
    woo.files[path] = kept
    touched(woo, 1)
    tell(service, woo, 1)
    settled(service)
    assert marks(woo, 1) == [True, False]
    assert woo.seen(1)[0] != before[0]


def test_two_connections_do_not_mix(woo: WooDouble, tmp_path: Path) -> None:
    other = WooDouble()
    other.secret = "another secret"
    (tmp_path / "other").mkdir()
    with serving(other):
        shops = connection(woo, tmp_path) | {"second": connection(other, tmp_path / "other")["shop"]}
        with running(tmp_path, connections=shops) as service:
            for double, seed in ((woo, 1), (other, 2)):
                mug(double, 1, seed)
            headers, raw = other.message("product.updated", other._shown(other.products[1]))
            with service.client(key="") as http:
                assert http.post("/hooks/woocommerce/shop", headers=headers, content=raw).status_code == 401
                assert http.post("/hooks/woocommerce/second", headers=headers, content=raw).status_code == 200
            settled(service)
            assert (marks(other, 1), marks(woo, 1)) == ([True, False], [False])
