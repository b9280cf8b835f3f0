"""One attempt to bring one message to one endpoint, and when to try again. What was tried is remembered elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from connectors.http import deadline, guarded_client
from connectors.webhooks.signature import signed_headers
from studio.errors import FetchError

TOTAL_S = 15.0
"""Seconds from the first connection to the end of the answer; the specification asks for 15 to 30."""
MAX_ANSWER = 64 << 10
"""Bytes of an answer that are read before the connection is dropped. What an endpoint answers is never kept."""
MAX_PAUSE_S = 86_400.0
"""Longest pause that a Retry-After gets."""
_JITTER = 0.1
_HEADERS = {"content-type": "application/json", "user-agent": "packshot-webhooks", "accept-encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Message:
    """An event as it is sent. `id` and `at` are the event's: the same at every attempt, redelivery and endpoint."""

    id: str
    type: str
    at: datetime
    data: Mapping[str, Any]

    def body(self) -> bytes:
        """The JSON that is signed and sent: `{type, timestamp, data}`."""
        content = {"type": self.type, "timestamp": self.at.astimezone(UTC).isoformat(), "data": dict(self.data)}
        return json.dumps(content, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Delivered:
    """The endpoint answered 2xx."""

    status: int


@dataclass(frozen=True, slots=True)
class Retry:
    """The endpoint did not take the message. `status` is 0 without an answer; `after_s` is what Retry-After asked for, or 0."""

    reason: str
    status: int = 0
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Gone:
    """The endpoint answered 410: it wants nothing more, ever."""

    status: int = HTTPStatus.GONE


Attempt = Delivered | Retry | Gone


def webhook_client(*, allow_private: bool) -> httpx.Client:
    """A client that connects only to checked addresses and follows no redirect. Thread-safe."""
    return guarded_client(allow_private=allow_private, connect_s=5.0, read_s=TOTAL_S)


def deliver(
    client: httpx.Client, url: str, keys: Sequence[str], message: Message, *, now: float, total_s: float = TOTAL_S
) -> Attempt:
    """Sign with every secret, post, and say what came of it. `now` is in Unix seconds. Blocking for at most `total_s`.

    Only 2xx is success; a redirect is not followed. Nothing that the endpoint or its address does raises.
    """
    body = message.body()
    headers = _HEADERS | signed_headers(keys, message=message.id, timestamp=int(now), body=body)
    try:
        with deadline(total_s), client.stream("POST", url, content=body, headers=headers) as answer:
            _drain(answer)
            return _judge(answer, now)
    except httpx.TimeoutException:
        return Retry(f"no answer within {total_s:g} s")
    except FetchError as error:
        return Retry(error.message[:300])
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        return Retry(f"the connection failed: {error or type(error).__name__}"[:300])


def pause_s(schedule: Sequence[float], attempts: int, asked_s: float, seed: str) -> float | None:
    """Seconds before the next attempt when `attempts` have failed; None when the schedule is over.

    At least what the endpoint asked for (up to a day), and up to a tenth more, so that what waits for an endpoint that was down
    does not come all at once. The same arguments give the same pause.
    """
    if attempts > len(schedule):
        return None
    share = int.from_bytes(hashlib.blake2b(f"{seed}.{attempts}".encode(), digest_size=4).digest()) / 2**32
    return max(schedule[attempts - 1], min(asked_s, MAX_PAUSE_S)) * (1 + _JITTER * share)


def _drain(answer: httpx.Response) -> None:
    """Read a short answer, so that the connection can be used again; leave a long one, and one that breaks off."""
    seen = 0
    try:
        for chunk in answer.iter_raw():
            seen += len(chunk)
            if seen > MAX_ANSWER:
                return
    except httpx.HTTPError:
        return


def _judge(answer: httpx.Response, now: float) -> Attempt:
    status = answer.status_code
    if answer.is_success:
        return Delivered(status)
    if status == HTTPStatus.GONE:
        return Gone()
    reason = f"answered {status}" + (", and redirects are not followed" if answer.is_redirect else "")
    return Retry(reason, status, _retry_after(answer.headers.get("retry-after", ""), now))


def _retry_after(value: str, now: float) -> float:
    """Seconds from a Retry-After header, which holds seconds or an HTTP date; 0 when it says nothing usable."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        at = parsedate_to_datetime(value)
        return max(0.0, at.replace(tzinfo=at.tzinfo or UTC).timestamp() - now)
    except (ValueError, OverflowError):
        return 0.0
