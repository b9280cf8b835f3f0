"""Shopify's messages: signed, forged, cut, for another shop; and the metafield and bulk lines that come from outside."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.vendors.base import Told
from connectors.vendors.connection import Connection
from connectors.vendors.shopify.bulk import read_products
from connectors.vendors.shopify.hooks import MAX_BODY, ShopifyInbound
from connectors.vendors.shopify.ledger import Ledger, read_ledger
from studio.errors import InputError, Unauthenticated, VendorError

NOW = 1_795_428_000.0
SECRET, OLD = "app-secret", "app-secret-before"
INBOUND = ShopifyInbound(Connection(name="acme", vendor="shopify", address="https://acme.myshopify.com"))
BODY = {
    "id": 788032119674292922,
    "title": "Tee",
    "updated_at": "2026-11-23T09:00:00-05:00",
    "variants": [{"id": 1, "image_id": 7}, {"id": 2, "image_id": 7}, {"id": 3, "image_id": 8}, {"id": 4, "image_id": None}],
}


def signed(
    body: bytes, secret: str = SECRET, topic: str = "products/update", prefix: str = "x-shopify-", **more: str
) -> dict[str, str]:
    signature = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
    headers = {"topic": topic, "hmac-sha256": signature, "webhook-id": "wh-1", "shop-domain": "acme.myshopify.com", **more}
    return {prefix + name.replace("_", "-"): value for name, value in headers.items()}


def told(body: bytes, headers: dict[str, str], secrets: tuple[str, ...] = (SECRET,)) -> Told:
    return INBOUND.verify(secrets, headers, body, now=NOW)[0]


RAW = json.dumps(BODY).encode()


@pytest.mark.parametrize("prefix", ["x-shopify-", "shopify-"])
@pytest.mark.parametrize("secrets", [(SECRET,), (OLD, SECRET), (SECRET, OLD), ("", SECRET)])
def test_a_signed_message_says_product_variants_and_time(prefix: str, secrets: tuple[str, ...]) -> None:
    message = told(RAW, signed(RAW, prefix=prefix), secrets)
    product, variant = f"gid://shopify/Product/{BODY['id']}", "gid://shopify/ProductVariant/"
    at = datetime(2026, 11, 23, 14, tzinfo=UTC)
    assert message == Told("wh-1", "changed", (product, f"{variant}1", f"{variant}3"), at)


@given(st.binary(max_size=200), st.integers(0, 199), st.integers(1, 255))
def test_no_changed_byte_is_accepted(body: bytes, at: int, flip: int) -> None:
    headers = signed(body)
    if body:
        at %= len(body)
        body = body[:at] + bytes([body[at] ^ flip]) + body[at + 1 :]
    else:
        body = b"x"
    with pytest.raises(Unauthenticated):
        told(body, headers)


@given(st.text(max_size=100))
def test_no_signature_is_invented(text: str) -> None:
    with pytest.raises(Unauthenticated):
        told(RAW, {**signed(RAW), "x-shopify-hmac-sha256": text})


@pytest.mark.parametrize("secrets", [(), ("",), (OLD,), ("", "")])
def test_without_the_right_secret_nothing_is_accepted(secrets: tuple[str, ...]) -> None:
    for signer in (SECRET, ""):
        with pytest.raises(Unauthenticated):
            told(RAW, signed(RAW, signer), secrets)


@pytest.mark.parametrize(
    "more",
    [
        {"webhook_id": ""},
        {"webhook_id": "a b"},
        {"webhook_id": "x" * 129},
        {"shop_domain": "evil.myshopify.com"},
        {"shop_domain": ""},
    ],
)
def test_a_message_without_an_id_or_of_another_shop_is_refused(more: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        told(RAW, signed(RAW, **more))


def test_a_deletion_is_one_only_where_the_signed_body_is_that_of_a_deletion() -> None:
    small = b'{"id": 5}'
    at = datetime(2026, 11, 23, 14, tzinfo=UTC)
    headers = signed(small, topic="products/delete", triggered_at="2026-11-23T14:00:00.000Z")
    assert told(small, headers) == Told("wh-1", "deleted", ("gid://shopify/Product/5",), at)
    assert told(RAW, signed(RAW, topic="products/delete")).kind == "changed"


def test_other_topics_are_passed_over() -> None:
    assert told(b"[]", signed(b"[]", topic="app/uninstalled")) == Told("wh-1", "other")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"id": "1"}',
        b'{"id": true}',
        b'{"id": -1}',
        b'{"id": 1e400}',
        b"[" * 200_000,
        b'{"id": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_signed_body_that_makes_no_sense_is_an_input_error(body: bytes) -> None:
    with pytest.raises(InputError):
        told(body, signed(body))


def test_a_body_beyond_the_limit_is_not_even_hashed() -> None:
    with pytest.raises(InputError):
        told(b" " * (MAX_BODY + 1), {})


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=8)  # fmt: skip


@settings(max_examples=30)
@given(st.fixed_dictionaries({"id": st.integers(1, 9)}, optional={"variants": JSON, "updated_at": JSON, "title": JSON}))
def test_any_product_body_is_understood(data: dict[str, Any]) -> None:
    raw = json.dumps(data).encode()
    assert told(raw, signed(raw)).refs[0] == f"gid://shopify/Product/{data['id']}"


@settings(max_examples=30)
@given(JSON)
def test_a_broken_metafield_says_nothing(data: Any) -> None:
    assert read_ledger({"value": json.dumps({"pictures": data, "before": data}), "compareDigest": "d"}).digest == "d"


@settings(max_examples=30)
@given(st.dictionaries(st.text(max_size=9), st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=5))
def test_a_ledger_comes_back_as_it_was(entries: dict[str, tuple[str, str]]) -> None:
    marks, owners = ({key: pair[n] for key, pair in entries.items()} for n in (0, 1))
    ledger = Ledger(marks, owners, entries)
    assert read_ledger({"value": ledger.text(), "compareDigest": ""}) == ledger


@settings(max_examples=30)
@given(st.lists(st.lists(st.text(max_size=5), max_size=4), max_size=8), st.data())
def test_bulk_lines_are_read_from_any_product_on(products: list[list[str]], data: st.DataObject) -> None:
    lines, starts = b"", [0]
    for n, pictures in enumerate(products):
        product, variant = f"gid://shopify/Product/{n}", f"gid://shopify/ProductVariant/{n}"
        rows: list[dict[str, Any]] = [{"id": product}, {"id": variant, "__parentId": product}]
        rows += [{"id": f"gid://shopify/MediaImage/{n}-{m}", "alt": alt, "__parentId": product} for m, alt in enumerate(pictures)]
        rows += [{"id": f"gid://shopify/MediaImage/{n}-0", "__parentId": variant}, {"__parentId": product}]
        lines += b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
        starts.append(len(lines))
    first = data.draw(st.integers(0, len(products)))
    step = data.draw(st.integers(1, 50))
    read = list(read_products(lambda at, size: lines[at : at + min(size, step)], starts[first], len(lines)))
    assert [offset for _, offset in read] == starts[first + 1 :]
    assert [[media["alt"] for media in node["media"]["nodes"]] for node, _ in read] == products[first:]
    assert all(len(node["variants"]["nodes"][0]["media"]["nodes"]) == 1 for node, _ in read)


@pytest.mark.parametrize("lines", [b"{\n", b"[]\n", b'{"id": "a", "__parentId": "b"}\n', b"\n"])
def test_a_bulk_file_of_another_kind_is_an_error(lines: bytes) -> None:
    with pytest.raises(VendorError):
        list(read_products(lambda at, size: lines[at : at + size], 0, len(lines)))
    with pytest.raises(VendorError):
        list(read_products(lambda at, size: b"", 0, 5))
