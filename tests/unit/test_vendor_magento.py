"""Galleries of Magento as data, and webhooks that the shop signs itself."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from connectors.vendors.base import Picture, Placing
from connectors.vendors.connection import Connection
from connectors.vendors.magento.hooks import MagentoHooks
from connectors.vendors.magento.media import MAIN, arranged, in_order, shown, without
from studio.errors import InputError, Unauthenticated, VendorUnavailable

KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
SHOP = Connection(name="shop", vendor="magento", address="https://shop.example")


@st.composite
def galleries(draw: st.DrawFn) -> list[dict[str, object]]:
    entries = []
    for number in range(1, draw(st.integers(0, 7)) + 1):
        ours = draw(st.booleans())
        name = f"/a/b/x-packshot-{number:016x}.jpg" if ours else f"/a/b/{number}.jpg"
        entries.append({"id": number, "file": name, "label": "text", "position": draw(st.integers(0, 4)), "disabled": draw(st.booleans()),
                        "types": [], "media_type": draw(st.sampled_from(["image", "external-video"])) if not ours else "image"})  # fmt: skip
    for role in MAIN if entries else ():
        draw(st.sampled_from(entries))["types"].append(role)
    return entries


def picture(number: int, types: tuple[str, ...] = ()) -> Picture:
    return Picture(f"{number:016x}", "image/jpeg", f"x-packshot-{number:016x}.jpg", bytes, alt=f"alt {number}", types=types)


@given(galleries(), st.randoms(), st.booleans())
def test_an_arrangement_loses_nothing_and_gives_each_use_once(entries: list[dict], random, hide: bool) -> None:
    ours = [entry for entry in entries if "packshot" in entry["file"]]
    placed = random.sample(ours, random.randint(0, len(ours)))
    people = [entry for entry in in_order(entries) if entry not in ours]
    order = [Placing(str(e["id"]), picture(e["id"])) for e in placed] + ([] if hide else [Placing(str(e["id"])) for e in people])
    after = arranged(entries, order, hide=hide)
    assert sorted(e["id"] for e in after) == sorted(e["id"] for e in entries)
    assert [e["id"] for e in after][: len(order)] == [int(placing.id) for placing in order]
    assert [e["position"] for e in after] == list(range(1, len(after) + 1))
    by_id = {e["id"]: e for e in after}
    assert all(by_id[e["id"]]["disabled"] is False and by_id[e["id"]]["label"] == f"alt {e['id']}" for e in placed)
    assert all(by_id[e["id"]]["disabled"] for e in ours if e not in placed)
    assert all(by_id[e["id"]]["label"] == "text" and by_id[e["id"]]["file"] == e["file"] for e in people)
    if not hide:
        assert all(by_id[e["id"]]["disabled"] == e["disabled"] for e in people)
    roles = [role for e in after for role in e["types"]]
    assert sorted(roles) == sorted(set(roles))
    if placed:
        assert set(by_id[placed[0]["id"]]["types"]) == set(MAIN)
    assert arranged(after, order, hide=hide) == after, "the same again changes something"


@given(galleries(), st.randoms())
def test_uses_never_go_with_a_picture_while_another_is_seen(entries: list[dict], random) -> None:
    going = [str(e["id"]) for e in random.sample(entries, random.randint(0, len(entries)))]
    after = without(entries, going) or entries
    assert all(e["disabled"] for e in after if str(e["id"]) in going)
    assert without(after, going) is None
    stays = [e for e in after if str(e["id"]) not in going]
    assert sorted(role for e in after for role in e["types"]) == sorted(role for e in entries for role in e["types"])
    if any(not e["disabled"] for e in stays):
        assert not [role for e in after if str(e["id"]) in going for role in e["types"]]


def test_the_picture_that_asks_for_it_is_the_main_one() -> None:
    entries = [
        {"id": n, "file": f"/x-packshot-{n:016x}.jpg", "label": "", "position": n, "disabled": True, "types": []} for n in (1, 2)
    ]
    order = [Placing("1", picture(1)), Placing("2", picture(2, ("main", "swatch")))]
    assert [e["types"] for e in arranged(entries, order, hide=False)] == [[], [*MAIN, "swatch_image"]]


def test_a_picture_of_ours_that_is_not_there_yet_is_waited_for() -> None:
    with pytest.raises(VendorUnavailable):
        arranged([], [Placing("1", picture(1))], hide=False)
    assert arranged([], [Placing("1")], hide=False) == []


def test_videos_are_no_pictures() -> None:
    assert shown([{"id": 1, "file": "/v.jpg", "media_type": "external-video", "position": 1, "label": None}], "") == ()


def webhook(body: bytes, key: rsa.RSAPrivateKey = KEY) -> dict[str, str]:
    signature = key.sign(base64.b64encode(body), PKCS1v15(), SHA256())
    return {"x-adobe-commerce-webhook-signature": base64.b64encode(signature).decode()}


BODY = b'{"sku": "A"}'
SIGNED = webhook(BODY)


def test_a_webhook_of_the_shop() -> None:
    body = json.dumps({"product": {"sku": "MUG 1", "updated_at": "2026-11-22 10:00:00"}}).encode()
    (told,) = MagentoHooks(SHOP).verify(["client", PEM], webhook(body), body, now=0)
    assert (told.kind, told.refs) == ("changed", ("MUG 1",))
    assert told.at is not None
    assert told.at.isoformat() == "2026-11-22T10:00:00+00:00"
    assert MagentoHooks(SHOP).verify([PEM], webhook(body), body, now=9e9)[0].id == told.id


@pytest.mark.parametrize("secrets", [[], ["client"], ["-----BEGIN PUBLIC KEY-----\nnonsense"]])
def test_a_webhook_without_our_key_is_refused(secrets: list[str]) -> None:
    body = b'{"sku": "A"}'
    with pytest.raises(Unauthenticated):
        MagentoHooks(SHOP).verify(secrets, webhook(body), body, now=0)


@given(st.integers(0, 11), st.integers(1, 255))
def test_a_changed_body_is_refused(at: int, change: int) -> None:
    body = bytearray(BODY)
    body[at] ^= change
    with pytest.raises(Unauthenticated):
        MagentoHooks(SHOP).verify([PEM], SIGNED, bytes(body), now=0)


@pytest.mark.parametrize("header", ["", "%%%", "AAAA", base64.b64encode(bytes(256)).decode()])
def test_a_signature_that_is_none_is_refused(header: str) -> None:
    with pytest.raises(Unauthenticated):
        MagentoHooks(SHOP).verify([PEM], {"x-adobe-commerce-webhook-signature": header}, b'{"sku": "A"}', now=0)


@pytest.mark.parametrize("body", [b"[]", b"nonsense", b'{"product": {"name": "no sku"}}', b'{"sku": 5}', b"[" * 50_000])
def test_a_signed_body_without_a_product_is_said_to_be_wrong(body: bytes) -> None:
    with pytest.raises(InputError):
        MagentoHooks(SHOP).verify([PEM], webhook(body), body, now=0)


def test_the_challenge_of_adobe_comes_back_and_nothing_else_does() -> None:
    hooks = MagentoHooks(SHOP)
    answer = hooks.handshake("GET", {"challenge": "8ec8d794-e0ab"}, {}, b"")
    assert answer is not None
    assert json.loads(answer.body) == {"challenge": "8ec8d794-e0ab"}
    assert hooks.handshake("GET", {"challenge": "<script>"}, {}, b"") is None
    assert hooks.handshake("POST", {"challenge": "a"}, {}, b"") is None
