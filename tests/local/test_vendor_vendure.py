"""Vendure without a shop: how its lists are walked, its cells, its messages. With a real shop: tests/integration/test_vendure.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from connectors.sources.mapping import Mapping
from connectors.vendors.base import Inbound, Listing
from connectors.vendors.connection import Connection
from connectors.vendors.registry import open_vendor
from connectors.vendors.vendure.cells import built, mapping_of, product_cells, variant_cells
from connectors.vendors.vendure.client import Client
from connectors.vendors.vendure.hooks import VendureInbound
from connectors.vendors.vendure.query import queries_for
from connectors.vendors.vendure.source import LIMIT, VendureSource
from studio.errors import InputError, InvalidCursor, RowError, Unauthenticated, VendorDenied, VendorRefused, VendorUnavailable
from studio.product import Product
from tests.doubles.serving import Call, Double, Fault, Reply, said, serving

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cyBvZiB2ZW5kdXJl"
START = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOW = 1_793_534_400.0
EVER = {"start": "2000-01-01T00:00:00Z", "end": "9999-12-31T00:00:00Z"}


class Lists(Double):
    """The two lists and the login of an Admin API, with the filters that the source uses; times have microseconds inside."""

    def __init__(self) -> None:
        super().__init__()
        self.products: dict[int, datetime] = {}
        self.errors: list[str] = []
        self.sessions = 1

    def answer(self, call: Call) -> Reply:
        assert call.method == "POST"
        assert call.path == "/admin-api"
        asked = call.json()
        if "mutation Login" in asked["query"]:
            right = asked["variables"] == {"user": "us", "password": "word"}
            kind = "CurrentUser" if right else "InvalidCredentialsError"
            answer = said(200, {"data": {"login": {"__typename": kind}}})
            return Reply(200, answer.body, answer.headers | ({"vendure-auth-token": f"token-{self.sessions}"} if right else {}))
        if call.headers.get("authorization") != f"Bearer token-{self.sessions}":
            return said(200, {"errors": [{"message": "no", "extensions": {"code": "FORBIDDEN"}}], "data": None})
        if self.errors:
            return said(200, {"errors": [{"message": "so", "extensions": {"code": self.errors.pop()}}], "data": None})
        if "query ChangedVariants" in asked["query"]:
            return said(200, {"data": {"list": {"items": [], "totalItems": 0}}})
        return said(200, {"data": {"list": self._list(asked["variables"]["options"])}})

    def _list(self, options: dict[str, Any]) -> dict[str, Any]:
        assert options.keys() <= {"filter", "sort", "take", "skip"}
        window = ((options.get("filter") or {}).get("updatedAt") or {}).get("between") or EVER
        first, last = (datetime.fromisoformat(window[name]) for name in ("start", "end"))
        found = [(at, ref) for ref, at in self.products.items() if first <= at <= last]
        found.sort(key=lambda one: one if "updatedAt" in options["sort"] else one[1:])
        skip = options.get("skip", 0)
        items = [record(ref, at) for at, ref in found[skip : skip + options["take"]]]
        return {"items": items, "totalItems": len(found)}


def record(ref: int, at: datetime) -> dict[str, Any]:
    time = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": str(ref), "updatedAt": time, "name": f"Mug {ref}", "slug": f"mug-{ref}", "variants": [], "assets": []}


@pytest.fixture
def shop() -> Iterator[Lists]:
    double = Lists()
    with serving(double):
        yield double


def connect(shop: Lists | None = None, **more: Any) -> Connection:
    told: dict[str, Any] = {"secrets": {"user": "us", "password": "word"}, "allow_private": True}
    return Connection(name="shop", vendor="vendure", address=shop.url if shop else "https://shop.example", **(told | more))


def source_of(shop: Lists, **more: Any) -> VendureSource:
    connection = connect(shop, **more)
    mapping = mapping_of(connection)
    return VendureSource(Client(connection, sleep=lambda _: None), mapping, queries_for(connection, mapping))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_product_is_seen_whatever_changes_meanwhile(shop: Lists, data: st.DataObject) -> None:
    """Hundreds changed in one instant, some within one millisecond, some while we read; and we may start again anywhere."""
    count = data.draw(st.integers(0, 3 * LIMIT))
    same = data.draw(st.integers(0, count))
    shop.products = {
        number: START + (timedelta(microseconds=number % 7) if number <= same else timedelta(seconds=number))
        for number in range(1, count + 1)
    }
    source, cursor, seen, changed = source_of(shop), "", set[str](), 0
    while True:
        pages = source.pages(cursor)
        page = next(pages)
        cursor, seen = page.cursor, seen | {one.ref for one in page.listings if isinstance(one, Listing)}
        if count and changed < 6:
            changed += 1
            for moved in data.draw(st.lists(st.integers(1, count), max_size=30)):
                shop.products[moved] = START + timedelta(days=1, seconds=changed)
        if data.draw(st.booleans()):
            continue
        for page in pages:
            cursor, seen = page.cursor, seen | {one.ref for one in page.listings if isinstance(one, Listing)}
        break
    assert seen == {str(number) for number in range(1, count + 1)}


@pytest.mark.parametrize("cursor", ["x", "{}", "[]", '{"products": {"since": "now", "skip": -1, "total": 0}, "variants": {}}'])
def test_a_foreign_cursor_is_refused(shop: Lists, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        next(source_of(shop).pages(cursor))


def test_a_session_that_ended_is_opened_again_once(shop: Lists) -> None:
    source = source_of(shop)
    shop.products = {1: START}
    assert next(source.pages()).listings
    shop.sessions += 1
    assert next(source.pages()).listings
    with pytest.raises(VendorDenied):
        next(source_of(shop, secrets={"user": "us", "password": "wrong"}).pages())


@pytest.mark.parametrize(
    ("code", "error"),
    [("INTERNAL_SERVER_ERROR", VendorUnavailable), ("USER_INPUT_ERROR", VendorRefused), ("FORBIDDEN", VendorDenied)],
)
def test_errors_inside_a_good_answer(shop: Lists, code: str, error: type[Exception]) -> None:
    source = source_of(shop)
    shop.errors = [code, code]
    with pytest.raises(error):
        next(source.pages())


def test_an_answer_that_is_lost_is_asked_for_again(shop: Lists) -> None:
    shop.products = {1: START}
    shop.faults = [Fault("POST", lost=True), Fault("POST", 503, skip=1)]
    assert next(source_of(shop).pages()).listings


def facet(code: str, *names: str) -> list[dict[str, Any]]:
    return [{"name": name, "facet": {"code": code, "name": code.title()}} for name in names]


def product(**more: Any) -> dict[str, Any]:
    asset = {"id": "7", "name": "mug.jpg", "source": "https://shop.example/assets/source/mug.jpg"}
    front = asset | {"id": "8", "source": "https://shop.example/assets/source/front.jpg"}
    variant = {
        "id": "3", "sku": "MUG-3", "name": "Mug red", "facetValues": facet("glaze", "matt"), "assets": [asset], "featuredAsset": asset,
        "options": [{"name": "Red", "group": {"name": "Colour"}}], "customFields": {"width": 8.2},
    }  # fmt: skip
    return {
        "id": "1", "name": "Mug", "slug": "mug", "description": "<p>A <b>mug</b></p>", "enabled": True, "featuredAsset": front,
        "assets": [asset, front], "facetValues": [*facet("category", "Kitchen", "Mugs"), *facet("brand", "Ostheim"), *facet("style", "Plain")],
        "collections": [{"name": "Home", "breadcrumbs": [{}]}, {"name": "Drinking", "breadcrumbs": [{}, {}]}], "variants": [variant],
        "customFields": {"material": "Stoneware"}, **more,
    }  # fmt: skip


def made(cells: dict[str, str], mapping: Mapping | None = None) -> Product:
    item = built("1", cells, mapping or mapping_of(connect()), usual=mapping is None)
    assert isinstance(item, Product)
    return item


def test_a_product_with_its_facts_and_pictures() -> None:
    found = made(product_cells(product()))
    assert (found.sku, found.title, found.brand, found.category) == ("MUG-3", "Mug", "Ostheim", "Mugs")
    assert found.attributes == {"style": "Plain", "colour": "Red", "description": "A mug"}
    assert [image.uri.rpartition("/")[2] for image in found.images] == ["front.jpg", "mug.jpg"]
    assert made(product_cells(product(facetValues=[]))).category == "Drinking"
    assert made(product_cells(product(variants=[]))).sku == "mug"


def test_a_variant_with_pictures_of_its_own() -> None:
    whole = product()
    found = made(variant_cells(product_cells(whole), whole["variants"][0] | {"sku": "MUG-4"}))
    assert (found.sku, found.variant_of, found.title, found.attributes["glaze"]) == ("MUG-4", "MUG-3", "Mug red", "matt")
    assert [image.uri.rpartition("/")[2] for image in found.images] == ["mug.jpg"]


def test_a_product_names_no_file_of_ours() -> None:
    asset = {"id": "7", "name": "mug.jpg", "source": "/etc/passwd"}
    cells = product_cells(product(featuredAsset=None, assets=[asset]))
    assert isinstance(built("1", cells, mapping_of(connect()), usual=True), RowError)


def message(body: Any, *, identifier: str = "msg_1", at: float = NOW) -> tuple[dict[str, str], bytes]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = Webhook(SECRET).sign(identifier, datetime.fromtimestamp(at, UTC), raw.decode("utf-8", "replace"))
    return {"webhook-id": identifier, "webhook-timestamp": str(int(at)), "webhook-signature": signature}, raw


def changed(**data: Any) -> dict[str, Any]:
    told = {"refs": ["12", "12/34"], "author": "keeper"} | data
    return {"type": "product.changed", "timestamp": "2026-11-01T12:00:00.123Z", "data": told}


@pytest.fixture
def inbound() -> Inbound:
    found = open_vendor(connect()).inbound
    assert found is not None
    return found


def test_what_a_message_says(inbound: Inbound) -> None:
    headers, body = message(changed())
    assert inbound.handshake("POST", {}, headers, body) is None
    (told,) = inbound.verify(["whsec_" + "b" * 32, SECRET], headers, body, now=NOW)
    assert (told.id, told.kind, told.refs, told.author) == ("msg_1", "changed", ("12", "12/34"), "keeper")
    assert told.at == datetime(2026, 11, 1, 12, 0, 0, 123000, tzinfo=UTC)
    headers, body = message(changed() | {"type": "product.deleted"})
    assert inbound.verify([SECRET], headers, body, now=NOW)[0].kind == "deleted"


def test_our_own_changes_and_foreign_kinds_are_other(inbound: Inbound) -> None:
    for said_ in (changed(author="us"), changed() | {"type": "order.placed"}):
        headers, body = message(said_)
        (told,) = inbound.verify([SECRET], headers, body, now=NOW)
        assert (told.kind, told.refs) == ("other", ())


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b"{", changed(refs=[]), changed(refs="12"), changed(refs=[12]), changed(refs=["../1"]), changed(refs=["1/2/3"]),
        changed(refs=["1"] * 1001), changed() | {"data": None}, changed() | {"timestamp": "today"}, changed() | {"timestamp": "2026-11-01T12:00:00"},
    ],
)  # fmt: skip
def test_a_signed_body_that_says_nothing_is_refused(inbound: Inbound, body: Any) -> None:
    headers, raw = message(body)
    with pytest.raises(InputError) as caught:
        inbound.verify([SECRET], headers, raw, now=NOW)
    assert not isinstance(caught.value, Unauthenticated)


@given(st.integers(0, 400), st.integers(1, 255))
def test_one_wrong_byte_anywhere_is_refused(place: int, change: int) -> None:
    inbound = VendureInbound("us")
    headers, body = message(changed())
    spoilt = bytearray(body)
    spoilt[place % len(body)] ^= change
    with pytest.raises(Unauthenticated):
        inbound.verify([SECRET], headers, bytes(spoilt), now=NOW)


def test_old_messages_and_no_secrets_are_refused(inbound: Inbound) -> None:
    headers, body = message(changed())
    for secrets, now in (([SECRET], NOW + 301), ([SECRET], NOW - 301), ([], NOW)):
        with pytest.raises(Unauthenticated):
            inbound.verify(secrets, headers, body, now=now)
