"""Shopify's webhooks: `products/create`, `products/update`, `products/delete`, over HTTPS with the app's client secret.

The signature covers the raw body and no header (https://shopify.dev/docs/apps/build/webhooks/verify-deliveries, read 2026-09), so
there is no signed time and no replay window: a message is what its body says, its time the body's `updated_at`, and who acts on
`deleted` asks the shop first. Deliveries are repeated 8 times over 4 hours with the same id. The names without `X-` are those of
the newer events; their topics beyond these three are passed over.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from connectors.vendors.base import Answer, Told
from connectors.vendors.connection import Connection
from studio.errors import InputError, Unauthenticated

MAX_BODY = 8 << 20
"""Bytes; a product of 2,048 variants has about 3 MB."""
_ID = re.compile(r"[!-~]{1,128}")
_CHANGED = frozenset({"products/create", "products/update"})
_DELETED = "products/delete"


class ShopifyInbound:
    """Messages of one shop. Where the connection's address is a `myshopify.com` one, other shops of the same app are refused."""

    def __init__(self, connection: Connection) -> None:
        host = (urlsplit(connection.address).hostname or "").lower()
        self._shop = host if host.endswith(".myshopify.com") else ""

    def handshake(self, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer | None:
        """Shopify has none."""
        return None

    def verify(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: float) -> tuple[Told, ...]:
        """See `Inbound`. Refs are the product and, of each picture that variants have, the first variant that has it."""
        if len(body) > MAX_BODY:
            raise InputError(f"a message of more than {MAX_BODY} bytes")
        _check(secrets, _header(headers, "hmac-sha256"), body)
        message = _header(headers, "webhook-id")
        if not _ID.fullmatch(message):
            raise Unauthenticated("the webhook id is missing, or not 1 to 128 visible ASCII characters")
        if self._shop and _header(headers, "shop-domain").lower() != self._shop:
            raise Unauthenticated("the message is about another shop")
        topic = _header(headers, "topic").lower()
        if topic not in _CHANGED and topic != _DELETED:
            return (Told(message, "other"),)
        data = _product(body)
        product = f"gid://shopify/Product/{data['id']}"
        at = _time(data.get("updated_at")) or _time(_header(headers, "triggered-at"))
        # The topic is not signed; a deletion's body holds the id alone.
        kind = "deleted" if topic == _DELETED and set(data) == {"id"} else "changed"
        return (Told(message, kind, (product, *_variants(data)), at),)


def _check(secrets: Sequence[str], given: str, body: bytes) -> None:
    try:
        signature = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    fits = False
    keys = [secret for secret in secrets if secret]
    for secret in keys or [""]:
        fits |= hmac.compare_digest(hmac.digest(secret.encode(), body, hashlib.sha256), signature)
    if not (fits and keys):
        raise Unauthenticated("no secret of this connection has signed the message")


def _header(headers: Mapping[str, str], name: str) -> str:
    return headers.get(f"x-shopify-{name}", "") or headers.get(f"shopify-{name}", "")


def _product(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise InputError("the message is not JSON") from None
    if not isinstance(data, dict) or not _is_id(data.get("id")):
        raise InputError("the message has no product id")
    return data


def _variants(data: Mapping[str, Any]) -> tuple[str, ...]:
    firsts: dict[int, str] = {}
    variants = data.get("variants")
    for variant in variants if isinstance(variants, list) else []:
        if isinstance(variant, dict) and _is_id(variant.get("id")) and _is_id(variant.get("image_id")):
            firsts.setdefault(variant["image_id"], f"gid://shopify/ProductVariant/{variant['id']}")
    return tuple(firsts.values())


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 63


def _time(text: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
