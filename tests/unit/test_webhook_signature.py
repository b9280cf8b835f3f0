"""Standard Webhooks signatures: the specification's vector, the published library in both directions, and everything that must fail."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from connectors.online.hook_secrets import new_secret
from connectors.webhooks.signature import TOLERANCE_S, parse_secret, signed_headers, verify
from studio.errors import InputError, Unauthenticated

VECTOR = {
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "at": 1614265330,
    "body": b'{"test": 2432232314}',
    "signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
NOW = 1_795_000_000
OLD, NEW, OTHER = new_secret(), new_secret(), new_secret()


def signed(body: bytes, keys: list[str], *, at: int = NOW, message: str = "evt_1") -> dict[str, str]:
    return signed_headers(keys, message=message, timestamp=at, body=body)


def test_the_vector_of_the_specification() -> None:
    headers = signed_headers([VECTOR["secret"]], message=VECTOR["id"], timestamp=VECTOR["at"], body=VECTOR["body"])
    assert headers == {
        "webhook-id": VECTOR["id"],
        "webhook-timestamp": str(VECTOR["at"]),
        "webhook-signature": VECTOR["signature"],
    }
    assert verify([VECTOR["secret"]], headers, VECTOR["body"], now=VECTOR["at"]) == VECTOR["id"]


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20) | st.integers(), max_size=4))
def test_the_library_verifies_what_we_sign(data: dict[str, object]) -> None:
    now = int(datetime.now(UTC).timestamp())
    body = json.dumps(data, ensure_ascii=True).encode()
    headers = signed(body, [NEW, OLD], at=now)
    for secret in (OLD, NEW):
        assert standardwebhooks.Webhook(secret).verify(body, headers) == data
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(OTHER).verify(body, headers)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40), st.sampled_from([OLD, OLD.removeprefix("whsec_")]))
def test_we_verify_what_the_library_signs(text: str, secret: str) -> None:
    signature = standardwebhooks.Webhook(secret).sign("msg_7", datetime.fromtimestamp(NOW, UTC), text)
    headers = {"webhook-id": "msg_7", "webhook-timestamp": str(NOW), "webhook-signature": signature}
    assert verify([NEW, OLD], headers, text.encode(), now=NOW) == "msg_7"
    with pytest.raises(Unauthenticated):
        verify([OTHER], headers, text.encode(), now=NOW)


def test_the_receiver_in_the_manual() -> None:
    manual = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text()
    (example,) = re.findall(r"```python\n(import base64.*?)```", manual, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    now, body = int(datetime.now(UTC).timestamp()), b'{"type": "order.succeeded"}'
    headers = signed(body, [NEW, OLD], at=now)
    assert [names["verify"](secret, headers, body) for secret in (NEW, OLD, OTHER)] == [True, True, False]
    assert not names["verify"](OLD, headers, body + b" ")
    assert not names["verify"](OLD, signed(body, [OLD], at=now - 400), body)


def test_bodies_need_not_be_text() -> None:
    body = b"\xff\x00\xfe"
    assert verify([OLD], signed(body, [OLD]), body, now=NOW) == "evt_1"


@given(st.binary(min_size=1, max_size=60), st.data())
def test_a_changed_byte_anywhere_is_noticed(body: bytes, data: st.DataObject) -> None:
    headers = signed(body, [OLD])
    at = data.draw(st.integers(0, len(body) - 1))
    changed = body[:at] + bytes([body[at] ^ data.draw(st.integers(1, 255))]) + body[at + 1 :]
    with pytest.raises(Unauthenticated):
        verify([OLD], headers, changed, now=NOW)


@pytest.mark.parametrize("changes", [{"webhook-id": "evt_2"}, {"webhook-timestamp": str(NOW + 1)}])
def test_id_and_time_are_signed(changes: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        verify([OLD], signed(b"{}", [OLD]) | changes, b"{}", now=NOW)


@pytest.mark.parametrize("off", [-TOLERANCE_S - 1, TOLERANCE_S + 1])
def test_messages_out_of_tolerance(off: int) -> None:
    with pytest.raises(Unauthenticated, match="clock"):
        verify([OLD], signed(b"{}", [OLD], at=NOW + off), b"{}", now=NOW)


@pytest.mark.parametrize("off", [-TOLERANCE_S, TOLERANCE_S])
def test_messages_at_the_edge_of_tolerance(off: int) -> None:
    assert verify([OLD], signed(b"{}", [OLD], at=NOW + off), b"{}", now=NOW) == "evt_1"


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_missing_headers(missing: str) -> None:
    headers = signed(b"{}", [OLD])
    del headers[missing]
    with pytest.raises(Unauthenticated):
        verify([OLD], headers, b"{}", now=NOW)


@pytest.mark.parametrize(
    "signature", ["", "v1", "v1,", "v1,@@@", "v1a,abcd", ",", " ", "v1,AAAA " * 1000, "v1," + "A" * 100_000, "v2,€", "\0"]
)
def test_malformed_signatures(signature: str) -> None:
    with pytest.raises(Unauthenticated):
        verify([OLD], signed(b"{}", [OLD]) | {"webhook-signature": signature}, b"{}", now=NOW)


@pytest.mark.parametrize("timestamp", ["", "soon", "1e9", "-5", "²", "9" * 400, f" {NOW}", f"{NOW}.5", "nan"])
def test_malformed_timestamps(timestamp: str) -> None:
    with pytest.raises(Unauthenticated):
        verify([OLD], signed(b"{}", [OLD]) | {"webhook-timestamp": timestamp}, b"{}", now=NOW)


@pytest.mark.parametrize("message", ["", "a.b", "a b", "x" * 129, "é", "a\n"])
def test_malformed_ids_are_refused_though_the_signature_fits(message: str) -> None:
    with pytest.raises(Unauthenticated, match="webhook-id"):
        verify([OLD], signed(b"{}", [OLD], message=message), b"{}", now=NOW)


def test_without_secrets_nothing_is_verified_not_even_an_all_zero_key() -> None:
    zero = "whsec_" + base64.b64encode(bytes(24)).decode()
    with pytest.raises(Unauthenticated):
        verify([], signed(b"{}", [zero]), b"{}", now=NOW)


def test_secrets_are_fresh_and_long() -> None:
    made = {new_secret() for _ in range(20)}
    assert len(made) == 20
    assert {len(parse_secret(secret)) for secret in made} == {32}


@pytest.mark.parametrize("length", [24, 25, 26, 64])
def test_secrets_with_and_without_prefix_and_padding(length: int) -> None:
    key = bytes(range(length))
    text = base64.b64encode(key).decode()
    assert {parse_secret(form) for form in (text, text.rstrip("="), "whsec_" + text, f" whsec_{text}\n")} == {key}


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_" + "A" * 28, "whsec_" + "A" * 200, "topsecret!", "whsec_ключ", "A\0" * 20]
)
def test_bad_secrets_are_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_secret(secret)
    assert len(secret) < 8 or secret not in str(caught.value)
