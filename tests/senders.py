"""Vendors as senders of messages: each signs in its own way, written from its documentation and not with our code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.doubles.serving import Call, Double, Reply

KEY_PATH = "/prod/keys/pub-key-aaaa.pem"
_ADOBE = rsa.generate_private_key(65537, 2048)
_FORGER = rsa.generate_private_key(65537, 2048)


@dataclass(frozen=True)
class Sent:
    headers: Mapping[str, str | bytes]
    body: bytes

    def having(self, name: str, value: str | bytes) -> Sent:
        return replace(self, headers={**self.headers, name: value})


@dataclass(frozen=True)
class News:
    """What a message says: about a product, at a time there; `id` and `sent` are of the message itself."""

    product: int
    at: datetime
    id: str
    sent: float
    deleted: bool = False
    raw: bytes | None = None
    """This body instead of one that says something."""
    topic: str = ""
    """Of something else than a product."""


@dataclass(frozen=True)
class Sender:
    """`store` tells connections of one vendor apart, `proof` are headers that a forger must not be able to change."""

    vendor: str
    proof: tuple[str, ...]
    ref: Callable[[int], str]
    send: Callable[[News, str, str], Sent]
    """News, secret, store."""
    settings: Callable[[str], dict[str, Any]]
    window: tuple[float, float] | None = None
    """Seconds that the time of sending may lie before and after ours, where it is signed."""
    dated: bool = True
    """Whether a deletion says when it was."""
    more: dict[str, Any] = field(default_factory=dict)


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def hmac64(secret: bytes, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()


def standard(key: bytes, news: News, body: bytes) -> dict[str, str]:
    stamp = str(int(news.sent))
    signature = hmac64(key, f"{news.id}.{stamp}.".encode() + body)
    return {"webhook-id": news.id, "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}


def raw(news: News, said: dict[str, Any]) -> bytes:
    return json.dumps(said).encode() if news.raw is None else news.raw


def _shopify(news: News, secret: str, store: str) -> Sent:
    said: dict[str, Any] = {"id": news.product}
    if not news.deleted:
        said |= {"title": "Mug", "updated_at": iso(news.at), "variants": [{"id": 1, "image_id": None}], "tags": "a, ü"}
    body = raw(news, said)
    topic = news.topic or ("products/delete" if news.deleted else "products/update")
    return Sent(
        {
            "x-shopify-topic": topic,
            "x-shopify-hmac-sha256": hmac64(secret.encode(), body),
            "x-shopify-webhook-id": news.id,
            "x-shopify-shop-domain": f"{store}.myshopify.com",
            "x-shopify-triggered-at": iso(news.at),
        },
        body,
    )


def _magento(news: News, secret: str, store: str) -> Sent:
    kind = news.topic or f"com.adobe.commerce.observer.catalog_product_{'delete' if news.deleted else 'save'}_after"
    value = {"sku": f"SKU-{news.product}", "updated_at": f"{news.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"}
    said = {
        "specversion": "1.0",
        "id": news.id,
        "source": store,
        "type": kind,
        "data": {"value": value},
        "recipient_client_id": secret,
    }
    body = raw(news, said)
    return Sent({"x-adobe-digital-signature-1": _rsa(_ADOBE, body), "x-adobe-public-key1-path": KEY_PATH}, body)


def _rsa(key: rsa.RSAPrivateKey, body: bytes) -> str:
    return base64.b64encode(key.sign(body, PKCS1v15(), SHA256())).decode()


def forged_by_another_key(sent: Sent) -> Sent:
    return sent.having("x-adobe-digital-signature-1", _rsa(_FORGER, sent.body))


class AdobeKeys(Double):
    """The host of Adobe's public keys."""

    def answer(self, call: Call) -> Reply:
        pem = _ADOBE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return Reply(200, pem) if call.path == KEY_PATH else Reply(403)


def _woo(news: News, secret: str, store: str) -> Sent:
    said: dict[str, Any] = {"id": news.product}
    if not news.deleted:
        gmt = f"{news.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
        said |= {"name": f"Mug of {store}", "type": "simple", "date_modified_gmt": gmt, "note": news.id}
    body = raw(news, said)
    return Sent(
        {
            "x-wc-webhook-topic": news.topic or ("product.deleted" if news.deleted else "product.updated"),
            "x-wc-webhook-signature": hmac64(secret.encode(), body),
            "x-wc-webhook-delivery-id": hashlib.md5(news.id.encode()).hexdigest(),
        },
        body,
    )


def _bigcommerce(news: News, secret: str, store: str) -> Sent:
    said = {
        "store_id": "1",
        "producer": f"stores/{store}",
        "scope": news.topic or f"store/product/{'deleted' if news.deleted else 'updated'}",
        "data": {"type": "product", "id": news.product},
        "hash": "3f9e",
        "created_at": int(news.at.timestamp()),
    }
    body = raw(news, said)
    return Sent(standard(secret.encode(), news, body), body)


def uuid(product: int) -> str:
    return f"00000000-0000-4000-8000-{product:012x}"


def _akeneo(news: News, secret: str, store: str) -> Sent:
    said = {
        "specversion": "1.0",
        "id": news.id,
        "source": store,
        "type": news.topic or f"com.akeneo.pim.v1.product.{'deleted' if news.deleted else 'updated'}",
        "subject": "sub",
        "time": iso(news.at),
        "data": {"product": {"uuid": uuid(news.product)}, "author": {"identifier": "julia", "type": "user"}},
    }
    body = raw(news, said)
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return Sent({"x-akeneo-signature-primary": mac, "x-akeneo-signature-algorithm": "HmacSHA256"}, body)


def _vendure(news: News, secret: str, store: str) -> Sent:
    said = {
        "type": news.topic or f"product.{'deleted' if news.deleted else 'changed'}",
        "timestamp": iso(news.at),
        "data": {"refs": [str(news.product)], "author": f"someone at {store}"},
    }
    body = raw(news, said)
    return Sent(standard(base64.b64decode(secret.removeprefix("whsec_")), news, body), body)


STANDARD = ("webhook-id", "webhook-timestamp", "webhook-signature")
WINDOW = (300.0, 300.0)
_LOGIN = {"client-id", "client-secret", "username", "password"}

SENDERS: dict[str, Sender] = {
    sender.vendor: sender
    for sender in (
        Sender(
            "shopify",
            ("x-shopify-hmac-sha256", "x-shopify-shop-domain"),
            lambda n: f"gid://shopify/Product/{n}",
            _shopify,
            lambda store: {"address": f"https://{store}.myshopify.com", "secrets": {"token"}},
        ),
        Sender(
            "magento",
            ("x-adobe-digital-signature-1", "x-adobe-public-key1-path"),
            lambda n: f"SKU-{n}",
            _magento,
            lambda store: {"address": f"https://{store}.example", "secrets": {"token"}, "allow_private": True},
        ),
        Sender(
            "woocommerce",
            ("x-wc-webhook-signature",),
            str,
            _woo,
            lambda store: {"address": f"https://{store}.example", "secrets": {"key", "secret", "user", "password"}},
            dated=False,
        ),
        Sender(
            "bigcommerce",
            STANDARD,
            str,
            _bigcommerce,
            lambda store: {"address": f"https://api.bigcommerce.com/stores/{store}", "secrets": {"token"}},
            WINDOW,
        ),
        Sender(
            "akeneo",
            ("x-akeneo-signature-primary", "x-akeneo-signature-algorithm"),
            uuid,
            _akeneo,
            lambda store: {"address": f"https://{store}.example", "secrets": _LOGIN},
        ),
        Sender(
            "vendure",
            STANDARD,
            str,
            _vendure,
            lambda store: {"address": f"https://{store}.example/admin-api", "secrets": {"user", "password"}},
            WINDOW,
        ),
    )
}
