"""Messages of a Vendure shop.

Vendure sends none itself, so this is our own contract, which a plugin of 115 lines keeps (docs/connectors-vendure.md;
tests/integration/vendure/webhooks.js): Standard Webhooks 1.0 around `{"type": "product.changed" | "product.deleted",
"timestamp": ISO 8601, "data": {"refs": ["12", "12/34"], "author": identifier}}`. A ref is a product, or a variant with pictures
of its own; the timestamp is the later of the event's and the product's own `updatedAt`, so that it is never before what a pull
saw.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.vendors.base import Answer, Told
from connectors.webhooks.signature import verify
from studio.errors import InputError

MAX_BODY = 256 << 10
"""Bytes."""
MAX_REFS = 1000
"""Products and variants of one message."""
_KINDS = {"product.changed": "changed", "product.deleted": "deleted"}
_REF = re.compile(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64})?")


class VendureInbound:
    """`author` is the identifier of our own account: what it changed is told as `other`."""

    def __init__(self, author: str = "") -> None:
        self._author = author

    def handshake(self, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer | None:
        """None: the plugin needs none."""
        return None

    def verify(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: float) -> tuple[Told, ...]:
        """`secrets` are `whsec_...`; the time that is signed is that of the sending, so messages sent again later are taken.

        Raises Unauthenticated, InputError.
        """
        if len(body) > MAX_BODY:
            raise InputError(f"a message of {len(body)} bytes, {MAX_BODY} are read")
        message = verify(secrets, headers, body, now=now)
        said = _object(body)
        kind, data = _KINDS.get(str(said.get("type")), "other"), said.get("data")
        data = data if isinstance(data, dict) else {}
        author, at = str(data.get("author") or ""), _time(said.get("timestamp"))
        if kind == "other" or (author and author == self._author):
            return (Told(message, "other", (), at, author),)
        return (Told(message, kind, _refs(data.get("refs")), at, author),)


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise InputError("the message is no JSON object")
    return said


def _refs(said: Any) -> tuple[str, ...]:
    refs = said if isinstance(said, list) else []
    if not refs or len(refs) > MAX_REFS or not all(isinstance(ref, str) and _REF.fullmatch(ref) for ref in refs):
        raise InputError(f"the message does not name 1 to {MAX_REFS} products")
    return tuple(dict.fromkeys(refs))


def _time(text: Any) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
        if at.tzinfo:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InputError("the message does not say when that happened")
