"""Messages of Adobe I/O Events and of Commerce webhooks.

Both sign the body only, and no time of sending: there is no window for replays. A message is known by an id in what is signed,
or by its body, and the product's time in it says whether it is stale.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.vendors.base import Answer, Told
from connectors.vendors.connection import Connection
from connectors.vendors.magento.keys import Keys, fits
from studio.errors import InputError, Unauthenticated

MAX_BODY = 1 << 20
"""Bytes of a message; Adobe I/O Events sends at most 64 kB (documentation, 2026-08)."""
_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{1,200}")
_PEM = "-----BEGIN PUBLIC KEY-----"


class MagentoHooks:
    """Events `observer.catalog_product_save_after` and `..._delete_after`, with the field `sku` subscribed."""

    def __init__(self, connection: Connection, keys: Keys | None = None) -> None:
        self._keys = keys or Keys(connection)

    def handshake(self, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer | None:
        """Adobe I/O Events wants the challenge of its GET back."""
        challenge = query.get("challenge", "")
        if method != "GET" or not _CHALLENGE.fullmatch(challenge):
            return None
        return Answer(200, json.dumps({"challenge": challenge}).encode(), {"content-type": "application/json"})

    def verify(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: float) -> tuple[Told, ...]:
        """Secrets that are PEM keys verify Commerce webhooks, others are client ids of Adobe I/O projects."""
        if len(body) > MAX_BODY:
            raise InputError(f"a message of more than {MAX_BODY} bytes")
        if "x-adobe-commerce-webhook-signature" in headers:
            return (_told(self._webhook([s for s in secrets if _PEM in s], headers, body), body),)
        return (_told(self._event([s for s in secrets if _PEM not in s], headers, body), body),)

    def _event(self, clients: Sequence[str], headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """One of two signatures fits, by keys that Adobe publishes, and the message is meant for a client of ours."""
        found = _parsed(body, signed=False)
        recipient = str(found.get("recipient_client_id") or "").encode()
        meant = False
        for client in clients:
            meant |= hmac.compare_digest(hashlib.sha256(client.encode()).digest(), hashlib.sha256(recipient).digest())
        if not meant or not recipient:
            raise Unauthenticated("the message is not for a client of this connection")
        if not any(self._signs(headers, n, body) for n in (1, 2)):
            raise Unauthenticated("no signature of this message fits")
        return found

    def _signs(self, headers: Mapping[str, str], n: int, body: bytes) -> bool:
        signature = _decoded(headers.get(f"x-adobe-digital-signature-{n}", ""))
        try:
            return bool(signature) and fits(self._keys.at(headers.get(f"x-adobe-public-key{n}-path", "")), signature, body)
        except Unauthenticated:
            return False

    def _webhook(self, keys: Sequence[str], headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """The shop signs the base64 of the body (Adobe Commerce webhooks, "Signature verification", 2026-11-23)."""
        signature = _decoded(headers["x-adobe-commerce-webhook-signature"])
        if not any(fits(key.encode(), signature, base64.b64encode(body)) for key in keys):
            raise Unauthenticated("no key of this connection fits the signature")
        return _parsed(body, signed=True)


def _told(found: Mapping[str, Any], body: bytes) -> Told:
    """CloudEvents, the older `event` form, or a webhook's bare fields."""
    event = found.get("event") if isinstance(found.get("event"), dict) else found
    data = event.get("data") if isinstance(event, dict) and isinstance(event.get("data"), dict) else event
    value = next((v for k in ("value", "product") if isinstance(data, dict) and isinstance(v := data.get(k), dict)), data)
    value = value if isinstance(value, dict) else {}
    kind = str(found.get("type") or found.get("event_code") or "")
    if kind and "catalog_product" not in kind:
        return Told(_id(found, body), "other")
    sku = value.get("sku")
    if not isinstance(sku, str) or not sku.strip():
        raise InputError("the message has no SKU; subscribe the event with the field `sku`")
    return Told(
        _id(found, body), "deleted" if "delete" in kind else "changed", (sku,), _time(value.get("updated_at"), found.get("time"))
    )


def _id(found: Mapping[str, Any], body: bytes) -> str:
    given = found.get("id") or found.get("event_id")
    return given[:128] if isinstance(given, str) else hashlib.sha256(body).hexdigest()


def _parsed(body: bytes, *, signed: bool) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        said = "the body is no JSON object"
        raise InputError(said) if signed else Unauthenticated(said)
    return found


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _time(product: Any, message: Any) -> datetime | None:
    """When the product was saved, else when the message was made; without a zone it is UTC."""
    for text in (product, message):
        try:
            found = datetime.fromisoformat(str(text))
        except ValueError:
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
