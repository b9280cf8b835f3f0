"""Webhooks of WooCommerce. Only the body is signed: neither headers nor a time are, so all that is believed is in the body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from connectors.vendors.base import Answer, Told
from studio.errors import InputError, Unauthenticated

MAX_BODY = 4 << 20
"""Bytes: a product with all its variations' ids and its descriptions."""
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")


class WooHooks:
    """Topics `product.created`, `.updated`, `.deleted`, `.restored`.

    A message is known by its body: the vendor's delivery id is not signed, and is made of the webhook and the second, so that two
    products can share it. A deleted product's body is its id alone: there the delivery counts too, as it may be deleted again.
    """

    def handshake(self, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer | None:
        """The ping of a new webhook, form-encoded and unsigned, wants 200 and nothing else."""
        return Answer(200) if method == "POST" and _PING.fullmatch(body) else None

    def verify(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: float) -> tuple[Told, ...]:
        """Base64 of HMAC-SHA256 of the raw body (WooCommerce REST API v3, "Webhooks", 2026-11-23)."""
        if len(body) > MAX_BODY:
            raise InputError(f"a message of more than {MAX_BODY} bytes")
        given = headers.get("x-wc-webhook-signature", "").encode()
        fits = False
        for secret in secrets:
            expected = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256))
            fits |= bool(secret) and hmac.compare_digest(expected, given)
        if not fits:
            raise Unauthenticated("no secret of this connection fits x-wc-webhook-signature")
        return (_told(headers, body),)


def _told(headers: Mapping[str, str], body: bytes) -> Told:
    message = hashlib.sha256(body).hexdigest()
    topic = headers.get("x-wc-webhook-topic", "")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise InputError("the body is no JSON") from None
    if topic.partition(".")[0] != "product":
        return Told(message, "other")
    number = found.get("id") if isinstance(found, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
        raise InputError("the message names no product")
    if set(found) == {"id"}:
        delivery = headers.get("x-wc-webhook-delivery-id", "")[:64]
        return Told(f"{message}.{delivery}", "deleted", (str(number),))
    ref = f"{found['parent_id']}/{number}" if found.get("type") == "variation" and found.get("parent_id") else str(number)
    return Told(message, "changed", (ref,), _time(found.get("date_modified_gmt")))


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
    except ValueError:
        return None
