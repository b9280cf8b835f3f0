"""Events of Akeneo: what is taken, and what is refused."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.vendors.akeneo.hooks import MAX_AGE_S, AkeneoInbound
from studio.errors import InputError, Unauthenticated

NOW = 1_795_000_000.0
PRIMARY, SECONDARY = "primary-secret-of-the-subscription", "secondary-secret-of-the-subscription"
PRODUCT = "6a9f8486-2c36-4680-b87f-6f5f8f01b6cf"


def event(kind: str = "product.updated", data: Any = None, age: float = 3, **more: Any) -> bytes:
    at = datetime.fromtimestamp(NOW - age, UTC).isoformat().replace("+00:00", "Z")
    said = {
        "specversion": "1.0",
        "id": "018e32f9-dfe4-760e",
        "source": "pim",
        "type": f"com.akeneo.pim.v1.{kind}",
        "subject": "sub",
        "time": at,
    }
    return json.dumps(
        {
            **said,
            "data": {"product": {"uuid": PRODUCT}, "author": {"identifier": "julia", "type": "user"}} if data is None else data,
            **more,
        }
    ).encode()


def signed(body: bytes, **secrets: str) -> dict[str, str]:
    secrets = secrets or {"primary": PRIMARY}
    macs = {
        f"x-akeneo-signature-{which}": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        for which, secret in secrets.items()
    }
    return {**macs, "x-akeneo-signature-algorithm": "HmacSHA256"}


@pytest.mark.parametrize(
    ("body", "kind", "refs"),
    [
        (event(), "changed", (PRODUCT,)),
        (event("product.created"), "changed", (PRODUCT,)),
        (event("product.updated.delta"), "changed", (PRODUCT,)),
        (event("product.became-complete"), "changed", (PRODUCT,)),
        (event("product.deleted", {"product": {"uuid": PRODUCT}}), "deleted", (PRODUCT,)),
        (event("product-model.updated", {"product_model": {"code": "mug"}}), "other", ()),
        (event("family.updated", {"family": {"code": "mugs"}}), "other", ()),
        (event(data={"product": {"uuid": PRODUCT}, "author": {"identifier": "packshot", "type": "api"}}), "other", ()),
        (event(age=2100), "changed", (PRODUCT,)),
    ],
)
def test_events_are_understood(body: bytes, kind: str, refs: tuple[str, ...]) -> None:
    inbound = AkeneoInbound("packshot")
    rotations = [
        ({"primary": PRIMARY}, [PRIMARY]),
        ({"primary": "new" * 9, "secondary": PRIMARY}, [PRIMARY]),
        ({"primary": PRIMARY}, [SECONDARY, PRIMARY]),
    ]
    for sent, held in rotations:
        (told,) = inbound.verify(held, signed(body, **sent), body, now=NOW)
        assert (told.id, told.kind, told.refs) == ("018e32f9-dfe4-760e", kind, refs)
        assert told.at is not None
    assert inbound.handshake("GET", {}, {}, b"") is None


@pytest.mark.parametrize(
    ("secrets", "headers", "body"),
    [
        ([PRIMARY], signed(event(), primary=SECONDARY), event()),
        ([PRIMARY], signed(event()), event("product.deleted")),
        ([PRIMARY], {}, event()),
        ([], signed(event(), primary=""), event()),
        ([""], signed(event(), primary=""), event()),
        ([PRIMARY], {**signed(event()), "x-akeneo-signature-algorithm": "none"}, event()),
        ([PRIMARY], {"x-akeneo-signature-primary": "é" * 64}, event()),
        ([PRIMARY], signed(event(age=MAX_AGE_S + 1)), event(age=MAX_AGE_S + 1)),
        ([PRIMARY], signed(event(age=-301)), event(age=-301)),
    ],
)
def test_events_that_are_not_ours_are_refused(secrets: list[str], headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Unauthenticated):
        AkeneoInbound().verify(secrets, headers, body, now=NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b"[" * 100_000,
        event(specversion="0.3"),
        event(id=7),
        event(id="a b"),
        event(time="soon"),
        event(time="2026-11-02T08:00:00"),
        event(type=None),
        event(data={}),
        event(data={"product": {"uuid": "../1"}}),
        b" " * (1 << 20) + b"{}",
    ],
)
def test_a_signed_body_that_makes_no_sense_is_bad_input(body: bytes) -> None:
    with pytest.raises(InputError):
        AkeneoInbound().verify([PRIMARY], signed(body), body, now=NOW)


def test_the_retired_events_api_is_told_so() -> None:
    headers = {"x-akeneo-request-signature": "0" * 64, "x-akeneo-request-timestamp": str(int(NOW))}
    with pytest.raises(InputError, match="2026-12-31.*Event Platform"):
        AkeneoInbound().verify([PRIMARY], headers, b'{"events": []}', now=NOW)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=400),
    st.dictionaries(
        st.sampled_from(["x-akeneo-signature-primary", "x-akeneo-signature-secondary", "x-akeneo-signature-algorithm"]),
        st.text(max_size=70),
    ),
)
def test_nothing_forged_is_taken(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises((Unauthenticated, InputError)):
        AkeneoInbound().verify([PRIMARY, SECONDARY], headers, body, now=NOW)
