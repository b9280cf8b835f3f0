"""Images over HTTP: capped, timed, redirects checked hop by hop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from connectors.files import missing
from connectors.http import deadline, guarded_client
from studio.errors import FetchFailed, FetchRefused, FileTooLarge

_HEADERS = {"user-agent": "packshot", "accept": "image/*,*/*;q=0.1", "accept-encoding": "identity"}


@dataclass(frozen=True, slots=True)
class WebRules:
    """Limits of one download. `total_s` counts from the first connection to the last byte, over all redirects."""

    allow_private: bool = False
    ports: tuple[int, ...] | None = (80, 443)
    """None allows every port."""
    max_redirects: int = 5
    connect_s: float = 5.0
    read_s: float = 10.0
    total_s: float = 60.0


class Web:
    """Reads public images. Thread-safe; connections are kept and shared."""

    def __init__(self, rules: WebRules) -> None:
        self._rules = rules
        self._client: httpx.Client | None = None
        self._making = threading.Lock()

    def read(self, url: str, max_bytes: int) -> bytes:
        """Body of a GET that ends in 200. Raises FetchRefused, FetchFailed or FileTooLarge."""
        with _mapped(url), deadline(self._rules.total_s), self._answer("GET", url) as answer:
            promised = answer.headers.get("content-length", "")
            if promised.isascii() and promised.isdigit() and int(promised[:20]) > max_bytes:
                raise FileTooLarge(f"{shown(url)}: {promised} bytes, {max_bytes} are allowed")
            body = bytearray()
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > max_bytes:
                    raise FileTooLarge(f"{shown(url)}: more than {max_bytes} bytes")
            return bytes(body)

    def stamp(self, url: str) -> str:
        """ETag, or Last-Modified with the length, of a HEAD; "" when the server tells neither or does not answer."""
        try:
            with _mapped(url), deadline(self._rules.total_s), self._answer("HEAD", url) as answer:
                if tag := answer.headers.get("etag", ""):
                    return str(tag)
                modified = answer.headers.get("last-modified", "")
                return f"{modified}/{answer.headers.get('content-length', '')}" if modified else ""
        except (FetchFailed, FetchRefused):
            return ""

    def close(self) -> None:
        """Close idle connections."""
        with self._making:
            if self._client:
                self._client.close()
            self._client = None

    @contextmanager
    def _answer(self, method: str, url: str) -> Iterator[httpx.Response]:
        """The 200 at the end of the redirects."""
        client, target = self._connected(), self._checked(httpx.URL(url))
        for _ in range(self._rules.max_redirects + 1):
            with client.stream(method, target, headers=_HEADERS) as answer:
                if not answer.has_redirect_location:
                    _check_status(url, answer.status_code)
                    yield answer
                    return
                target = self._next(target, answer.headers["location"])
        raise FetchRefused(f"{shown(url)}: more than {self._rules.max_redirects} redirects")

    def _next(self, current: httpx.URL, location: str) -> httpx.URL:
        target = self._checked(current.join(location))
        if current.scheme == "https" and target.scheme == "http":
            raise FetchRefused(f"{shown(str(current))}: redirects from https to http")
        return target

    def _checked(self, url: httpx.URL) -> httpx.URL:
        if url.scheme not in ("http", "https") or not url.host:
            raise FetchRefused(f"{shown(str(url))}: not an http or https address")
        port = url.port or (443 if url.scheme == "https" else 80)
        if self._rules.ports is not None and port not in self._rules.ports:
            raise FetchRefused(f"{shown(str(url))}: port {port} is not allowed")
        return url

    def _connected(self) -> httpx.Client:
        with self._making:
            if self._client is None:
                rules = self._rules
                self._client = guarded_client(allow_private=rules.allow_private, connect_s=rules.connect_s, read_s=rules.read_s)
            return self._client


def shown(url: str) -> str:
    """A URL for messages: without user, password and query, which may hold secrets."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        return url[:100]
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.host}{port}{parts.path}"[:300]


@contextmanager
def _mapped(url: str) -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException:
        raise FetchFailed(f"{shown(url)}: the server was too slow") from None
    except httpx.InvalidURL as error:
        raise FetchRefused(f"{shown(url)}: not an address ({error})") from None
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise FetchFailed(f"{shown(url)}: {error or type(error).__name__}") from None


def _check_status(url: str, status: int) -> None:
    if status == HTTPStatus.OK:
        return
    message = f"{shown(url)}: the server answered {status}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    ):
        raise FetchFailed(message)
    raise missing(message)
