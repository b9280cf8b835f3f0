"""W3C trace context: one trace id from the request to the asset."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, MutableMapping
from typing import Any

_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_STATE = "state"


def join_trace(scope: MutableMapping[str, Any]) -> bytes:
    """Take up the caller's trace, or begin one, and keep it on the scope. Returns our `traceparent` (W3C Trace Context 2)."""
    given = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
    match = _TRACEPARENT.fullmatch(given)
    valid = match and match[1].strip(b"0") and match[2].strip(b"0")
    trace = match[1].decode() if match and valid else secrets.token_hex(16)
    flags = match[3].decode() if match and valid else "00"
    scope.setdefault(_STATE, {})["trace"] = trace
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}".encode()


def trace_of(scope: Mapping[str, Any]) -> str:
    """The trace id (32 hex digits) of a request."""
    return str(scope.get(_STATE, {}).get("trace", ""))
