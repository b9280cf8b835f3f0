"""Signing and verifying messages as Standard Webhooks 1.0 says (https://www.standardwebhooks.com, symmetric `v1`).

Signed is `<id>.<timestamp>.<raw body>` with HMAC-SHA256; while secrets rotate, a message carries a signature for each of them.
The published Python library is what tests compare with; it answers malformed headers with ValueError and takes only UTF-8 bodies.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

from studio.errors import InputError, Unauthenticated

PREFIX = "whsec_"
TOLERANCE_S = 300
"""Largest distance of a message's time from ours, both ways; the specification's libraries use five minutes."""
MIN_KEY, MAX_KEY = 24, 64
"""Bytes of a secret, by the specification."""
_MAX_SIGNATURES = 16
_ID = re.compile(r"[!-\-/-~]{1,128}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_NO_SECRET = bytes(MIN_KEY)


def parse_secret(secret: str) -> bytes:
    """The key of a secret, written with or without its prefix. Raises InputError, which never shows the secret."""
    try:
        text = secret.strip().removeprefix(PREFIX).rstrip("=")
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InputError("a webhook secret is `whsec_` followed by base64") from None
    if not MIN_KEY <= len(key) <= MAX_KEY:
        raise InputError(f"a webhook secret has {MIN_KEY} to {MAX_KEY} bytes, this one has {len(key)}")
    return key


def signed_headers(keys: Sequence[str], *, message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message; one signature for each secret, the first secret's first. `timestamp` is in Unix seconds."""
    signatures = (base64.b64encode(_mac(parse_secret(key), message, str(timestamp), body)).decode() for key in keys)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def verify(keys: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: float) -> str:
    """The id of a message that one of the secrets has signed. Header names are lower case, `now` is in Unix seconds.

    Raises Unauthenticated when a header is missing or malformed, the time is out of tolerance, or no signature fits. Every secret
    is compared with every signature in constant time; without secrets the work is that of one.
    """
    message, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    # A dot in the id would let `id.timestamp.body` be cut in another place and still be signed.
    if not _ID.fullmatch(message):
        raise Unauthenticated("webhook-id is missing, or not 1 to 128 visible ASCII characters without a dot")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise Unauthenticated("webhook-timestamp is missing, or not in Unix seconds")
    if abs(now - int(timestamp)) > TOLERANCE_S:
        raise Unauthenticated(f"webhook-timestamp is more than {TOLERANCE_S} s from our clock")
    given = _signatures(headers.get("webhook-signature", ""))
    fits = False
    for key in [parse_secret(key) for key in keys] or [_NO_SECRET]:
        expected = _mac(key, message, timestamp, body)
        for signature in given:
            fits |= hmac.compare_digest(expected, signature)
    if not (fits and keys):
        raise Unauthenticated("no signature of this message fits")
    return message


def _mac(key: bytes, message: str, timestamp: str, body: bytes) -> bytes:
    return hmac.digest(key, f"{message}.{timestamp}.".encode() + body, hashlib.sha256)


def _signatures(header: str) -> list[bytes]:
    """The `v1` signatures of a header; other versions and broken ones are passed over."""
    found = []
    for part in header.split(" ", _MAX_SIGNATURES)[:_MAX_SIGNATURES]:
        version, _, text = part.partition(",")
        if version == "v1":
            try:
                found.append(base64.b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                continue
    return found
