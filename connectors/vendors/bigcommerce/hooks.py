"""Messages of BigCommerce: Standard Webhooks around a body that only names the product."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.vendors.base import Answer, Told
from connectors.webhooks.signature import PREFIX, verify
from studio.errors import InputError, Unauthenticated

MAX_BODY = 64 << 10
"""Bytes; a body has some 200."""
_KINDS = {
    "store/product/created": "changed",
    "store/product/updated": "changed",
    "store/product/deleted": "deleted",
    "store/sku/created": "changed",
    "store/sku/updated": "changed",
    "store/sku/deleted": "changed",
}


class BigCommerceInbound:
    """`store` is `stores/<hash>`: one client secret signs for all stores of an app, so a message for another one is refused."""

    def __init__(self, store: str) -> None:
        self._store = store

    def handshake(self, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer | None:
        """None: hooks are created without one."""
        return None

    def verify(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: float) -> tuple[Told, ...]:
        """`secrets` are client secrets as the app's page shows them; the key is their text (HTTPS webhooks, 2026-04-01).

        Raises Unauthenticated, InputError.
        """
        if len(body) > MAX_BODY:
            raise InputError(f"a message of {len(body)} bytes, {MAX_BODY} are read")
        keys = [PREFIX + base64.b64encode(secret.encode()).decode() for secret in secrets]
        message = verify(keys, headers, body, now=now)
        said = _object(body)
        if said.get("producer") != self._store:
            raise Unauthenticated("this message is of another store")
        ref, kind = _ref(said), _KINDS.get(str(said.get("scope")), "other")
        if kind != "other" and not ref:
            raise InputError("the message names no product")
        at = said.get("created_at")
        when = datetime.fromtimestamp(at, UTC) if type(at) is int and 0 < at < 1 << 33 else None
        return (Told(message, kind, (ref,) if ref and kind != "other" else (), when),)


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise InputError("the message is no JSON object")
    return said


def _ref(said: dict[str, Any]) -> str:
    """Id of the product: of its own message, or of the one whose SKU it is."""
    data = said.get("data")
    if not isinstance(data, dict):
        return ""
    sku = data.get("sku")
    number = sku.get("product_id") if data.get("type") == "sku" and isinstance(sku, dict) else data.get("id")
    return str(number) if type(number) is int and number > 0 else ""
