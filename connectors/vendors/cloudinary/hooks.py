"""Notifications of Cloudinary: somebody changed or deleted a picture of ours."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.vendors.base import Answer, Told
from connectors.vendors.cloudinary.client import digest
from connectors.vendors.cloudinary.naming import Naming
from studio.errors import InputError, Unauthenticated

MAX_BODY = 1 << 20
"""Bytes: a message about a bulk change names up to a thousand assets."""
WINDOW_S = 7200
"""How old a message may be: two hours, as in the vendor's packages (1.46.3). It is sent again after 3, 6 and 9 minutes, perhaps
under its first time: that is not documented. One that comes twice is known by its id."""
AHEAD_S = 300
_CHANGES = frozenset(
    {"upload", "rename", "delete", "move", "resource_tags_changed", "resource_context_changed", "access_control_changed"}
)


class CloudinaryInbound:
    """Refs are products in whose folder something changed; assets elsewhere are none of ours. A deleted asset is a change of its
    product's pictures, not a deleted product. `author` is what `triggered_by` names, for calls of ours likely the API key.
    """

    def __init__(self, naming: Naming) -> None:
        self._naming = naming

    def handshake(self, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer | None:
        """None: addresses are entered without one."""
        return None

    def verify(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: float) -> tuple[Told, ...]:
        """Hex SHA-1 or SHA-256, by the length of what was sent, of body, time and API secret (notification signatures,
        2024-05-01).

        Raises Unauthenticated, InputError. The message's id is the body's digest: the vendor gives none.
        """
        if len(body) > MAX_BODY:
            raise InputError(f"a message of {len(body)} bytes, {MAX_BODY} are read")
        time, given = headers.get("x-cld-timestamp", ""), headers.get("x-cld-signature", "").lower()
        if not (time.isascii() and time.isdigit() and len(time) <= 12):
            raise Unauthenticated("x-cld-timestamp is missing, or not in Unix seconds")
        if not now - WINDOW_S <= int(time) <= now + AHEAD_S:
            raise Unauthenticated(f"x-cld-timestamp is more than {WINDOW_S} s behind our clock, or {AHEAD_S} s before it")
        algorithm = "sha256" if len(given) == 64 else "sha1"
        fits = False
        for secret in secrets:
            fits |= bool(secret) and hmac.compare_digest(
                digest(body + time.encode() + secret.encode(), algorithm).encode(), given.encode()
            )
        if not fits:
            raise Unauthenticated("no secret of this connection fits x-cld-signature")
        return (self._told(body),)

    def _told(self, body: bytes) -> Told:
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        # Only an object ends in a brace: the time that is signed behind it cannot be cut in another place.
        if not isinstance(said, dict):
            raise InputError("the message is no JSON object")
        message = hashlib.sha256(body).hexdigest()
        refs = tuple(sorted({ref for name in _public_ids(said) if (ref := self._naming.ref(name))}))
        if str(said.get("notification_type")) not in _CHANGES or not refs:
            return Told(message, "other")
        how = said.get("notification_context")
        how = how if isinstance(how, dict) else {}
        who = how.get("triggered_by")
        author = str(who.get("id", ""))[:200] if isinstance(who, dict) else ""
        return Told(message, "changed", refs, _time(how.get("triggered_at")), author)


def _public_ids(said: Mapping[str, Any]) -> Iterator[str]:
    """Names of assets: at the top, in a list of resources, or as the keys of an object of them."""
    for name in ("public_id", "from_public_id", "to_public_id"):
        if isinstance(said.get(name), str):
            yield said[name]
    resources = said.get("resources")
    if isinstance(resources, dict):
        yield from (str(name) for name in resources)
    elif isinstance(resources, list):
        yield from (one["public_id"] for one in resources if isinstance(one, dict) and isinstance(one.get("public_id"), str))


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
