"""Messages of BigCommerce: what is taken, and what is refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.vendors.bigcommerce.hooks import BigCommerceInbound
from connectors.webhooks.signature import signed_headers
from studio.errors import InputError, Unauthenticated

SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
NOW = 1_795_000_000


def message(scope: str = "store/product/updated", data: Any = None, **more: Any) -> bytes:
    said = {
        "store_id": "1",
        "producer": "stores/abc123",
        "scope": scope,
        "data": {"type": "product", "id": 205} if data is None else data,
        "hash": "3f9e",
        "created_at": NOW - 5,
    }
    return json.dumps({**said, **more}).encode()


def signed(body: bytes, secret: str = SECRET, at: int = NOW) -> dict[str, str]:
    return signed_headers(["whsec_" + base64.b64encode(secret.encode()).decode()], message="msg-1", timestamp=at, body=body)


@pytest.mark.parametrize(
    ("body", "kind", "refs"),
    [
        (message(), "changed", ("205",)),
        (message("store/product/created"), "changed", ("205",)),
        (message("store/product/deleted"), "deleted", ("205",)),
        (
            message("store/sku/updated", {"type": "sku", "id": 9, "sku": {"product_id": 206, "variant_id": 4}}),
            "changed",
            ("206",),
        ),
        (message("store/product/inventory/updated"), "other", ()),
        (message("store/order/created", {"type": "order", "id": 9}), "other", ()),
    ],
)
def test_messages_are_understood(body: bytes, kind: str, refs: tuple[str, ...]) -> None:
    inbound = BigCommerceInbound("stores/abc123")
    for secrets in ([SECRET], ["another-secret-of-the-same-length", SECRET]):
        (told,) = inbound.verify(secrets, signed(body), body, now=NOW)
        assert (told.id, told.kind, told.refs) == ("msg-1", kind, refs)
        assert told.at == datetime.fromtimestamp(NOW - 5, UTC)
    assert inbound.handshake("POST", {}, signed(body), body) is None


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (signed(message(), SECRET[::-1]), message()),
        (signed(message(), at=NOW - 301), message()),
        (signed(message(), at=NOW + 301), message()),
        (signed(message()), message("store/product/deleted")),
        ({}, message()),
        (signed(message(producer="stores/other")), message(producer="stores/other")),
    ],
)
def test_messages_that_are_not_ours_are_refused(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Unauthenticated):
        BigCommerceInbound("stores/abc123").verify([SECRET], headers, body, now=NOW)


def test_without_a_secret_nothing_is_taken() -> None:
    with pytest.raises(Unauthenticated):
        BigCommerceInbound("stores/abc123").verify([], signed(message()), message(), now=NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b"[" * 60_000,
        message(data={}),
        message(data=[1]),
        message(data={"id": True, "type": "x"}),
        message(data={"id": "../1"}),
        b"x" * 70_000,
    ],
)
def test_a_signed_body_that_makes_no_sense_is_bad_input(body: bytes) -> None:
    with pytest.raises((InputError, Unauthenticated)):
        BigCommerceInbound("stores/abc123").verify([SECRET], signed(body), body, now=NOW)


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=400),
    st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text(max_size=70)),
)
def test_nothing_forged_is_taken(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises((Unauthenticated, InputError)):
        BigCommerceInbound("stores/abc123").verify([SECRET], headers, body, now=NOW)
