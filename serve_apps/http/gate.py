"""`Gate`: what every request passes before a route sees it. Refusals come first and read no body."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cluster.logs import TRACE
from serve_apps.http.limits import BUSY, Rates, capped, declared_length, oversized_head
from serve_apps.http.metrics import Metrics
from serve_apps.http.problems import problem, refusal
from serve_apps.http.security import CHALLENGE, KeyRing, is_console, is_public, needed, require
from serve_apps.http.tracing import join_trace, trace_of
from studio.errors import PackshotError, Unauthenticated

_SECURE: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-site"),
)
_POLICY = b"default-src 'none'; frame-ancestors 'none'"
_DOCS_POLICY = (
    b"default-src 'none'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    b"style-src 'unsafe-inline' https://cdn.jsdelivr.net; img-src 'self' data: https:; connect-src 'self'; frame-ancestors 'none'"
)

_CONSOLE_POLICY = (
    b"default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Gate:
    """ASGI middleware: trace, size of the head, key, scope, rate, load, size of the body; headers and figures of the answer."""

    def __init__(self, app: ASGIApp, *, ring: KeyRing, rates: Rates, metrics: Metrics, max_body_bytes: int) -> None:
        self._app, self._ring, self._rates, self._metrics = app, ring, rates, metrics
        self._max_body = max_body_bytes
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500
        extra = [(b"traceparent", join_trace(scope)), *_SECURE, *_policies(scope["path"])]
        token = TRACE.set(trace_of(scope))

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        self._open += 1
        try:
            refused = await self._refused(scope, extra)
            if refused is None:
                await self._app(scope, capped(receive, self._max_body), answer)
            else:
                if _has_body(scope):
                    refused.headers["connection"] = "close"
                await refused(scope, receive, answer)
        finally:
            self._open -= 1
            TRACE.reset(token)
            self._metrics.request(scope, status, time.perf_counter() - started)

    async def _refused(self, scope: Scope, extra: list[tuple[bytes, bytes]]) -> Response | None:
        headers = scope["headers"]
        if too_large := oversized_head(headers, len(scope.get("raw_path", b"")) + len(scope.get("query_string", b""))):
            return problem(431, too_large, scope=scope)
        if is_public(scope["path"]):
            return self._too_big(scope)
        try:
            caller = await self._ring.caller(headers)
            require(caller, needed(scope["method"], scope["path"]))
        except PackshotError as error:
            return refusal(error, scope, {"www-authenticate": CHALLENGE} if isinstance(error, Unauthenticated) else None)
        scope["state"]["caller"] = caller
        fields, refused = self._rates.take(caller)
        extra += fields
        if refused:
            return refusal(refused, scope)
        if self._open > BUSY:
            return problem(429, "the service is busy", scope=scope, code="over_capacity", retryable=True)
        return self._too_big(scope)

    def _too_big(self, scope: Scope) -> Response | None:
        if declared_length(scope["headers"]) > self._max_body:
            return problem(413, f"the body is larger than {self._max_body} bytes", scope=scope)
        return None


def _policies(path: str) -> tuple[tuple[bytes, bytes], ...]:
    """What a browser may do with the answer. The console's forms need their `Origin`, which `no-referrer` would take away."""
    if is_console(path):
        return (b"content-security-policy", _CONSOLE_POLICY), (b"referrer-policy", b"same-origin")
    return (b"content-security-policy", _DOCS_POLICY if path == "/docs" else _POLICY), (b"referrer-policy", b"no-referrer")


def _has_body(scope: Scope) -> bool:
    names: Sequence[Any] = [name for name, _ in scope["headers"]]
    return b"transfer-encoding" in names or declared_length(scope["headers"]) > 0
