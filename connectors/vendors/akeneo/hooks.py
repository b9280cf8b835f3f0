"""Messages of Akeneo's Event Platform: CloudEvents 1.0 in structured mode, signed as a whole."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.vendors.base import Answer, Told
from connectors.webhooks.signature import TOLERANCE_S
from studio.errors import InputError, Unauthenticated

MAX_BODY = 1 << 20
"""Bytes; an event with all changes of a product has some kilobytes."""
MAX_AGE_S = 24 * 3600
"""How old an event may be. Its time is when it happened, not when it was sent: it is sent again after 5, 10 and 20 minutes and
may wait before that (key platform behaviours, 2026-08-18), so the usual five minutes would refuse honest ones. What is older has
been seen by a pull; what is newer and comes twice is known by its id."""
_PREFIX = "com.akeneo.pim.v1.product."
_KINDS = {
    "created": "changed",
    "updated": "changed",
    "updated.delta": "changed",
    "became-complete": "changed",
    "deleted": "deleted",
}
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_ID = re.compile(r"[!-~]{1,200}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RETIRED = (
    "this is Akeneo's Events API, which is retired on 2026-12-31; subscribe at the Event Platform, or let a pull find changes"
)


class AkeneoInbound:
    """`author` is the user of our own connection: what it changed is told as `other`. Changes of product models are `other` too,
    because their variants are not named; the next pull lists them."""

    def __init__(self, author: str = "") -> None:
        self._author = author

    def handshake(self, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer | None:
        """None: subscriptions are made without one."""
        return None

    def verify(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: float) -> tuple[Told, ...]:
        """Either signature may fit any secret, so that they can be exchanged one after the other.

        Raises Unauthenticated, InputError; the latter also for the retired Events API.
        """
        if "x-akeneo-request-signature" in headers:
            raise InputError(_RETIRED)
        if len(body) > MAX_BODY:
            raise InputError(f"a message of {len(body)} bytes, {MAX_BODY} are read")
        _signed(secrets, headers, body)
        said = _object(body)
        message, at = _envelope(said)
        if not -MAX_AGE_S <= at.timestamp() - now <= TOLERANCE_S:
            raise Unauthenticated(f"the event is more than {MAX_AGE_S} s old, or {TOLERANCE_S} s in the future")
        data = said.get("data")
        author = _text(data, "author", "identifier")
        kind = _KINDS.get(said["type"].removeprefix(_PREFIX), "other") if said["type"].startswith(_PREFIX) else "other"
        if kind == "other" or (author and author == self._author):
            return (Told(message, "other", (), at, author),)
        ref = _text(data, "product", "uuid").lower()
        if not _UUID.fullmatch(ref):
            raise InputError("the event names no product")
        return (Told(message, kind, (ref,), at, author),)


def _signed(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> None:
    if headers.get("x-akeneo-signature-algorithm", "HmacSHA256") != "HmacSHA256":
        raise Unauthenticated("x-akeneo-signature-algorithm is not HmacSHA256")
    given = [headers.get(f"x-akeneo-signature-{which}", "") for which in ("primary", "secondary")]
    given = [signature.lower() for signature in given if _HEX.fullmatch(signature)]
    fits = False
    for secret in secrets or ("",):
        expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        for signature in given or ("",):
            fits |= hmac.compare_digest(expected, signature) and bool(secret)
    if not fits:
        raise Unauthenticated("no signature of this message fits")


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise InputError("the message is no JSON object")
    return said


def _envelope(said: Mapping[str, Any]) -> tuple[str, datetime]:
    """Id and time of a CloudEvent."""
    message, kind, time = (said.get(name) for name in ("id", "type", "time"))
    if said.get("specversion") != "1.0" or not (isinstance(kind, str) and isinstance(message, str) and _ID.fullmatch(message)):
        raise InputError("the message is no CloudEvent 1.0")
    try:
        at = datetime.fromisoformat(str(time))
        at.timestamp()
    except (ValueError, OverflowError):
        at = None
    if at is None or at.tzinfo is None:
        raise InputError("the event has no time")
    return message, at


def _text(data: Any, *path: str) -> str:
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data if isinstance(data, str) else ""
