"""How much one key, one request and one process may ask for."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from serve_apps.http.security import Caller
from studio.errors import RateLimited

MAX_HEADERS = 100
MAX_HEADER_BYTES = 32_768
MAX_URL_BYTES = 8_192
BUSY = 512
"""Requests in one process at a time; more are told to come back. Event streams and waits count too."""


class Rates:
    """Calls a minute and key, in a moving window. Each ingress process counts for itself."""

    def __init__(self, per_minute: int) -> None:
        self._default = per_minute
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._items: dict[int, RateLimitItemPerMinute] = {}

    def take(self, caller: Caller) -> tuple[list[tuple[bytes, bytes]], RateLimited | None]:
        """Count one call. Gives the RateLimit header fields (IETF draft httpapi-ratelimit-headers-10), and the refusal when
        the key has used up its calls.
        """
        return self.take_as(caller.key_id, caller.rate_per_minute or self._default)

    def take_as(self, name: str, quota: int = 0) -> tuple[list[tuple[bytes, bytes]], RateLimited | None]:
        """The same for whoever is called `name`; `quota` 0: the installation's calls a minute."""
        quota = quota or self._default
        item = self._items.setdefault(quota, RateLimitItemPerMinute(quota))
        granted = self._limiter.hit(item, name)
        stats = self._limiter.get_window_stats(item, name)
        wait = max(1, math.ceil(stats.reset_time - time.time()))
        fields = [
            (b"ratelimit-policy", f'"key";q={quota};w=60'.encode()),
            (b"ratelimit", f'"key";r={stats.remaining if granted else 0};t={wait}'.encode()),
        ]
        return fields, None if granted else RateLimited(f"this key may call {quota} times a minute", retry_after_s=wait)


class BodyTooLarge(HTTPException):
    """The body is larger than allowed. An HTTPException, which FastAPI and Starlette let through wherever a body is read."""

    def __init__(self, most: int) -> None:
        super().__init__(413, f"the body is larger than {most} bytes")


def capped(receive: Receive, most: int) -> Receive:
    """`receive` that raises BodyTooLarge as soon as more than `most` bytes of body have come."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise BodyTooLarge(most)
        return message

    return counted


def declared_length(headers: list[tuple[bytes, bytes]]) -> int:
    """`Content-Length`, 0 when there is none. The server has refused malformed ones."""
    return max((int(value) for name, value in headers if name == b"content-length" and value.isdigit()), default=0)


def oversized_head(headers: list[tuple[bytes, bytes]], target: int) -> str:
    """What is too large about a request's head, "" when nothing is. `target` is the length of path and query."""
    if target > MAX_URL_BYTES:
        return f"the address is longer than {MAX_URL_BYTES} bytes"
    if len(headers) > MAX_HEADERS:
        return f"more than {MAX_HEADERS} header fields"
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        return f"more than {MAX_HEADER_BYTES} bytes of header fields"
    return ""
