"""`Api`: calls of a vendor's HTTP interface, paced, tried again where that is safe, and with its errors as ours."""

from __future__ import annotations

import json as jsonlib
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from connectors.http import deadline, guarded_client
from connectors.vendors.connection import Connection
from connectors.vendors.pace import Pace
from studio.errors import FetchError, VendorDenied, VendorError, VendorRefused, VendorUnavailable

TOTAL_S = 60.0
"""Seconds of one attempt, from the first connection to the last byte."""
MAX_ANSWER = 64 << 20
"""Bytes of an answer."""
TRIES = 5
MAX_PAUSE_S = 60.0
SAFE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
"""Methods that may be repeated after an answer that never came (RFC 9110 9.2.2)."""


class Refused(VendorRefused):
    """A refusal with its HTTP status and body, for a caller that knows what they mean."""

    def __init__(self, message: str, status: int = 0, body: bytes = b"") -> None:
        super().__init__(message)
        self.status, self.body = status, body


class Api:
    """One connection's calls. `headers` may hold credentials: neither they nor bodies are ever logged or shown. Thread-safe."""

    def __init__(
        self,
        connection: Connection,
        headers: Callable[[], Mapping[str, str]],
        pace: Pace,
        *,
        sleep: Callable[[float], None] = time.sleep,
        tries: int = TRIES,
    ) -> None:
        self._name, self._address = connection.name, connection.address.rstrip("/")
        self._headers, self.pace, self._sleep, self._tries = headers, pace, sleep, tries
        self._client = guarded_client(allow_private=connection.allow_private, read_s=TOTAL_S)

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        files: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        cost: float = 1.0,
        authorised: bool = True,
    ) -> httpx.Response:
        """One call; `path` is relative to the connection's address, or a whole URL.

        Tried again after 429, and after 5xx and lost answers where `repeatable` (default: by method). `authorised=False` leaves
        credentials out, for addresses that a vendor hands out (staged uploads). Raises VendorUnavailable, VendorDenied (401,
        403), Refused (other 4xx and 3xx).
        """
        url = path if "://" in path else f"{self._address}/{path.lstrip('/')}"
        again = method in SAFE if repeatable is None else repeatable
        for attempt in range(1, self._tries + 1):
            self.pace.take(cost)
            request = self._client.build_request(
                method, url, json=json, params=params, content=content, files=files, data=data,
                headers={**(self._headers() if authorised else {}), **(headers or {})},
            )  # fmt: skip
            try:
                answer = self._send(request)
            except VendorUnavailable:
                if not again or attempt == self._tries:
                    raise
                self._sleep(_backoff(attempt))
                continue
            pause = self._pause(answer, attempt, again)
            if pause is None or attempt == self._tries:
                return self._checked(answer, method, url)
            self.pace.pause(pause)
            self._sleep(pause)
        raise AssertionError("the loop returns or raises")

    def json(self, method: str, path: str, **more: Any) -> Any:
        """`call`, and its body as JSON; None for an empty one. Raises VendorError for a body that is none."""
        answer = self.call(method, path, **more)
        if not answer.content:
            return None
        try:
            return jsonlib.loads(answer.content)
        except ValueError:
            raise VendorError(f"{self._name}: {method} {_plain(str(answer.request.url))} answered no JSON") from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            with deadline(TOTAL_S):
                answer = self._client.send(request, stream=True)
                try:
                    body = bytearray()
                    for chunk in answer.iter_bytes():
                        body += chunk
                        if len(body) > MAX_ANSWER:
                            raise VendorError(f"{self._name}: an answer of more than {MAX_ANSWER} bytes")
                finally:
                    answer.close()
        except (httpx.HTTPError, OSError) as error:
            said = str(error) or type(error).__name__
            raise VendorUnavailable(f"{self._name}: {request.method} {_plain(str(request.url))}: {said}") from None
        except FetchError as error:
            raise VendorDenied(f"{self._name}: {error.message}") from None
        headers = [(name, value) for name, value in answer.headers.multi_items() if name.lower() != "content-encoding"]
        return httpx.Response(answer.status_code, headers=headers, content=bytes(body), request=request)

    def _pause(self, answer: httpx.Response, attempt: int, again: bool) -> float | None:
        """Seconds until another attempt makes sense; None for an answer that stands."""
        patience = {httpx.codes.TOO_MANY_REQUESTS, *([httpx.codes.SERVICE_UNAVAILABLE] if again else [])}
        if answer.status_code in patience:
            return min(_retry_after(answer) or _backoff(attempt), MAX_PAUSE_S)
        return _backoff(attempt) if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR and again else None

    def _checked(self, answer: httpx.Response, method: str, url: str) -> httpx.Response:
        status = answer.status_code
        said = f"{self._name}: {method} {_plain(url)} answered {status}"
        if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise VendorDenied(said)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS:
            raise VendorUnavailable(said)
        if status >= httpx.codes.MULTIPLE_CHOICES:
            raise Refused(f"{said}: {_excerpt(answer.content)}", status, answer.content)
        return answer


def _backoff(attempt: int) -> float:
    """Half a second, doubling, with up to a quarter more, so that many callers do not come back together."""
    return float(min(0.5 * 2 ** (attempt - 1), MAX_PAUSE_S) * random.uniform(1.0, 1.25))  # noqa: S311


def _retry_after(answer: httpx.Response) -> float:
    """Seconds or a date (RFC 9110 10.2.3); 0 where neither is understood."""
    text = answer.headers.get("retry-after", "")
    if text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _plain(url: str) -> str:
    """An address without its query, which may hold keys."""
    return url.partition("?")[0]


def _excerpt(body: bytes) -> str:
    return body[:300].decode("utf-8", "replace")
