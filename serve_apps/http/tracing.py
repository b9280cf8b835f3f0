"""W3C trace context: one trace id from the request to the asset, and the request's own span."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, MutableMapping
from typing import Any

from cluster.monitoring.otel import request_span, root_of, tracing

_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_STATE = "state"
_LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})


def join_trace(scope: MutableMapping[str, Any]) -> bytes:
    """Take up the caller's trace, or begin one, and keep it on the scope. Returns our `traceparent` (W3C Trace Context 2)."""
    given = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
    match = _TRACEPARENT.fullmatch(given)
    valid = match and match[1].strip(b"0") and match[2].strip(b"0")
    trace = match[1].decode() if match and valid else secrets.token_hex(16)
    flags = match[3].decode() if match and valid else "01" if tracing() else "00"
    # What changes nothing makes no order, so nothing will look for it by the trace.
    own = secrets.token_hex(8) if valid and scope.get("method") in _LOOKING else root_of(trace)
    parent = match[2].decode() if match and valid else ""
    scope.setdefault(_STATE, {}).update(trace=trace, span=own, parent=parent)
    return f"00-{trace}-{own}-{flags}".encode()


def trace_of(scope: Mapping[str, Any]) -> str:
    """The trace id (32 hex digits) of a request."""
    return str(scope.get(_STATE, {}).get("trace", ""))


def answered(scope: Mapping[str, Any], method: str, route: str, status: int, seconds: float) -> None:
    """The request's span, once it is over."""
    kept = scope.get(_STATE, {})
    if tracing() and kept.get("trace"):
        ids = {"trace": kept["trace"], "span_id": kept["span"], "parent": kept["parent"]}
        request_span(f"{method} {route}", seconds, **ids, method=method, route=route, status=status)
