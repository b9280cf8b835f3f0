"""Adobe I/O Events: keys are fetched from one place, and what they have not signed is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors.vendors.connection import Connection
from connectors.vendors.magento.hooks import MagentoHooks
from connectors.vendors.magento.keys import KEEP_S, MISSES, WITHIN_S, Keys
from studio.errors import InputError, Unauthenticated, VendorUnavailable
from tests.doubles.serving import Call, Double, Fault, Reply, serving

KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
PATHS = ["/prod/keys/pub-key-aaaa.pem", "/prod/keys/pub-key-bbbb.pem"]
CLIENT = "0123456789abcdef"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class KeyHost(Double):
    def __init__(self) -> None:
        super().__init__()
        self.keys = dict(zip(PATHS, map(pem, KEYS), strict=True))

    def answer(self, call: Call) -> Reply:
        return Reply(200, self.keys[call.path]) if call.path in self.keys else Reply(403)


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def host() -> Iterator[KeyHost]:
    double = KeyHost()
    with serving(double):
        yield double


def hooks_of(host: KeyHost, clock: Clock | None = None) -> MagentoHooks:
    options = {"hook-keys": host.url}
    one = Connection(name="shop", vendor="magento", address="https://shop.example", options=options, allow_private=True)
    return MagentoHooks(one, Keys(one, clock=clock or Clock()))


def event(sku: str = "MUG", **more: object) -> bytes:
    value = {"sku": sku, "updated_at": "2026-11-22 10:00:00"}
    kind = "com.adobe.commerce.observer.catalog_product_save_after"
    found = {"specversion": "1.0", "id": "msg-1", "type": kind, "data": {"value": value}, "recipient_client_id": CLIENT, **more}
    return json.dumps(found).encode()


def signed(body: bytes, keys: list[rsa.RSAPrivateKey] = KEYS, paths: list[str] = PATHS) -> dict[str, str]:
    headers = {}
    for n, (key, path) in enumerate(zip(keys, paths, strict=True), 1):
        headers[f"x-adobe-digital-signature-{n}"] = base64.b64encode(key.sign(body, PKCS1v15(), SHA256())).decode()
        headers[f"x-adobe-public-key{n}-path"] = path
    return headers


def test_an_event_is_understood_and_its_key_fetched_once_a_day(host: KeyHost) -> None:
    clock = Clock()
    hooks = hooks_of(host, clock)
    for n in range(5):
        (told,) = hooks.verify(["other", CLIENT], signed(event()), event(), now=n)
        assert (told.id, told.kind, told.refs, str(told.at)) == ("msg-1", "changed", ("MUG",), "2026-11-22 10:00:00+00:00")
    assert len(host.calls) == 1
    assert "authorization" not in host.calls[0].headers
    clock.at += KEEP_S
    hooks.verify([CLIENT], signed(event()), event(), now=0)
    assert len(host.calls) == 2


def test_either_signature_does(host: KeyHost) -> None:
    stranger = rsa.generate_private_key(65537, 2048)
    assert hooks_of(host).verify([CLIENT], signed(event(), [stranger, KEYS[1]]), event(), now=0)
    assert hooks_of(host).verify([CLIENT], signed(event(), paths=["/prod/keys/gone.pem", PATHS[1]]), event(), now=0)
    with pytest.raises(Unauthenticated):
        hooks_of(host).verify([CLIENT], signed(event(), [stranger, stranger]), event(), now=0)
    with pytest.raises(Unauthenticated):
        hooks_of(host).verify([CLIENT], signed(event()), event("OTHER"), now=0)
    with pytest.raises(Unauthenticated):
        hooks_of(host).verify([CLIENT], {}, event(), now=0)


@pytest.mark.parametrize("client", ["", "someone", CLIENT + "0", None])
def test_what_is_meant_for_others_asks_nobody_for_a_key(host: KeyHost, client: str | None) -> None:
    body = event(recipient_client_id=client)
    with pytest.raises(Unauthenticated):
        hooks_of(host).verify([CLIENT], signed(body), body, now=0)
    with pytest.raises(Unauthenticated):
        hooks_of(host).verify([], signed(event()), event(), now=0)
    assert host.calls == []


@pytest.mark.parametrize(
    "path",
    ["//evil.example/k.pem", "https://evil.example/k.pem", "/../k.pem", "/a/../k.pem", "@evil.example/k.pem", "/k.pem?x=.pem", "/k", "/k.pem\n", ":80/k.pem", "/%2e%2e/k.pem"],
)  # fmt: skip
def test_a_key_from_elsewhere_is_not_asked_for(host: KeyHost, path: str) -> None:
    with pytest.raises(Unauthenticated):
        hooks_of(host).verify([CLIENT], signed(event(), paths=[path, path]), event(), now=0)
    assert host.calls == []


def test_forgers_cannot_make_us_ask_for_ever(host: KeyHost) -> None:
    clock = Clock()
    hooks = hooks_of(host, clock)
    for n in range(40):
        with pytest.raises((Unauthenticated, VendorUnavailable)):
            hooks.verify([CLIENT], signed(event(), paths=[f"/no/{n}.pem", f"/not/{n}.pem"]), event(), now=0)
    assert len(host.calls) == MISSES
    clock.at += WITHIN_S
    assert hooks.verify([CLIENT], signed(event()), event(), now=0)


def test_a_weak_or_other_key_is_none(host: KeyHost) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    host.keys = dict(zip(PATHS, [pem(weak), pem(ec.generate_private_key(ec.SECP256R1()))], strict=True))
    for keys, paths in (([weak, weak], PATHS), ([KEYS[0], KEYS[0]], PATHS[::-1])):
        with pytest.raises(Unauthenticated):
            hooks_of(host).verify([CLIENT], signed(event(), keys, paths), event(), now=0)


def test_adobe_out_of_reach_is_no_forgery(host: KeyHost) -> None:
    host.faults.append(Fault("GET", status=503))
    hooks = hooks_of(host)
    with pytest.raises(VendorUnavailable):
        hooks.verify([CLIENT], signed(event()), event(), now=0)
    assert hooks.verify([CLIENT], signed(event()), event(), now=0)


def test_other_events_are_nothing_to_do_and_deletions_are_told(host: KeyHost) -> None:
    hooks = hooks_of(host)
    kinds = {
        "deleted": "com.adobe.commerce.observer.catalog_product_delete_after",
        "other": "com.adobe.commerce.observer.sales_order_save_after",
    }
    for kind, name in kinds.items():
        body = event(type=name)
        assert hooks.verify([CLIENT], signed(body), body, now=0)[0].kind == kind
    body = event(data={"value": {"name": "no sku"}})
    with pytest.raises(InputError, match="sku"):
        hooks.verify([CLIENT], signed(body), body, now=0)
