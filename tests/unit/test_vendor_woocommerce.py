"""Webhooks of WooCommerce, and addresses that tell our pictures."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.vendors.woocommerce.hooks import WooHooks
from connectors.vendors.woocommerce.pictures import SCALED, mark_of
from studio.errors import InputError, Unauthenticated
from tests.doubles.woocommerce import WooDouble

SHOP = WooDouble()
PRODUCT = {"id": 12, "name": "Mug", "type": "simple", "date_modified_gmt": "2026-11-22T10:00:00"}


def test_a_change_is_told_with_its_time() -> None:
    headers, body = SHOP.message("product.updated", PRODUCT)
    (told,) = WooHooks().verify(["old secret", SHOP.secret], headers, body, now=0)
    assert (told.kind, told.refs, str(told.at)) == ("changed", ("12",), "2026-11-22 10:00:00+00:00")


def test_two_products_of_one_second_are_two_messages_and_one_sent_again_is_one() -> None:
    first, other = (SHOP.message("product.updated", PRODUCT | {"id": number}) for number in (1, 2))
    assert first[0]["x-wc-webhook-delivery-id"] == other[0]["x-wc-webhook-delivery-id"]
    ids = [WooHooks().verify([SHOP.secret], headers, body, now=0)[0].id for headers, body in (first, other, first)]
    replayed = WooHooks().verify([SHOP.secret], first[0] | {"x-wc-webhook-delivery-id": "new"}, first[1], now=0)[0].id
    assert ids[0] != ids[1]
    assert ids[0] == ids[2] == replayed


def test_a_header_that_nobody_signed_deletes_nothing() -> None:
    headers, body = SHOP.message("product.updated", PRODUCT)
    assert WooHooks().verify([SHOP.secret], headers | {"x-wc-webhook-topic": "product.deleted"}, body, now=0)[0].kind == "changed"
    headers, body = SHOP.message("product.deleted", {"id": 12})
    assert WooHooks().verify([SHOP.secret], headers, body, now=0)[0].kind == "deleted"


def test_variations_and_other_topics() -> None:
    headers, body = SHOP.message("product.updated", PRODUCT | {"id": 34, "type": "variation", "parent_id": 12})
    assert WooHooks().verify([SHOP.secret], headers, body, now=0)[0].refs == ("12/34",)
    headers, body = SHOP.message("order.created", {"id": 5})
    assert WooHooks().verify([SHOP.secret], headers, body, now=0)[0].kind == "other"


@given(st.data())
def test_what_was_changed_on_the_way_is_refused(data: st.DataObject) -> None:
    headers, body = SHOP.message("product.updated", PRODUCT)
    broken = bytearray(body)
    broken[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Unauthenticated):
        WooHooks().verify([SHOP.secret], headers, bytes(broken), now=0)


@given(st.one_of(st.text(max_size=60), st.binary(max_size=40).map(lambda raw: base64.b64encode(raw).decode())))
def test_what_is_not_signed_is_refused(signature: str) -> None:
    headers, body = SHOP.message("product.updated", PRODUCT)
    for secrets, given_headers in (
        ([SHOP.secret], headers | {"x-wc-webhook-signature": signature}),
        ([SHOP.secret], {}),
        ([], headers),
        ([""], SHOP.message("product.updated", PRODUCT, secret=" ")[0]),
        (["another"], headers),
    ):
        with pytest.raises(Unauthenticated):
            WooHooks().verify(secrets, given_headers, body, now=0)


@pytest.mark.parametrize("body", [[], {}, {"id": "12"}, {"id": True}, {"id": -1}, "text"])
def test_a_signed_body_without_a_product_is_said_to_be_wrong(body: object) -> None:
    headers, raw = SHOP.message("product.updated", body)
    with pytest.raises(InputError):
        WooHooks().verify([SHOP.secret], headers, raw, now=0)


def test_the_ping_of_a_new_webhook_is_answered_with_200() -> None:
    answer = WooHooks().handshake("POST", {}, {"content-type": "application/x-www-form-urlencoded"}, b"webhook_id=17")
    assert answer is not None
    assert answer.status == 200
    assert WooHooks().handshake("POST", {}, {}, json.dumps(PRODUCT).encode()) is None
    assert WooHooks().handshake("POST", {}, {}, b"webhook_id=17&x=1") is None


@given(st.binary(min_size=32, max_size=32))
def test_our_pictures_are_told_by_name_or_digest(raw: bytes) -> None:
    digest = raw.hex()
    for name in (
        f"front-packshot-{digest[:16]}.jpg",
        f"front-packshot-{digest[:16]}-scaled-1.jpg",
        f"{digest}.jpg",
        f"{digest}-2.jpg",
    ):
        assert mark_of(f"https://shop.example/wp-content/uploads/2026/11/{name}") == digest[:16]
    assert mark_of("https://shop.example/mug.jpg") == ""
    assert SCALED.search("https://shop.example/a-scaled-1.jpg")
