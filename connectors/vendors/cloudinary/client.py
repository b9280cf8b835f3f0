"""`Client`: signed calls of the Upload API, and the Admin API inside its hourly quota."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from connectors.vendors.api import MAX_PAUSE_S, Api
from connectors.vendors.connection import Connection
from connectors.vendors.pace import Pace
from studio.errors import SettingsError, VendorUnavailable

ADMIN_PER_HOUR = 500
"""Admin calls of the free plan, until an answer's headers say more (2,000 and up on others); Admin API overview, 2026-11-23."""
PER_S = 10
"""Calls of the Upload API a second. The vendor names no number: this is ours."""
CALM = 420
"""The status of a used-up quota, besides 429."""
ALGORITHMS = ("sha1", "sha256")
_CLOUD = re.compile(r"/v1_1/[A-Za-z0-9_-]+/?$")
Fields = Mapping[str, str | Sequence[str]]


def signature(fields: Fields, secret: str, algorithm: str = "sha1") -> str:
    """Hex digest over the sorted fields and the secret, `&` in values escaped (signature version 2 of the vendor's packages).

    Empty fields, the file, the key, the cloud and the resource type are no part of it.
    """
    texts = {name: value if isinstance(value, str) else ",".join(value) for name, value in fields.items()}
    pairs = sorted(f"{name}={value}".replace("&", "%26") for name, value in texts.items() if value)
    return digest(("&".join(pairs) + secret).encode(), algorithm)


def digest(data: bytes, algorithm: str) -> str:
    """Hex digest. The vendor chose SHA-1; the secret stands at the end, where it cannot be lengthened."""
    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


class Client:
    """One account. `clock` gives Unix seconds: a signature holds for an hour."""

    def __init__(
        self,
        connection: Connection,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not _CLOUD.search(connection.address):
            raise SettingsError(f"connections.{connection.name}.address does not end in /v1_1/<cloud>")
        self._algorithm = connection.option("algorithm", "sha1")
        if self._algorithm not in ALGORITHMS:
            raise SettingsError(f"connections.{connection.name}.options.algorithm is sha1 or sha256")
        self._key, self._secret, self._clock = connection.secret("key"), connection.secret("secret"), clock
        basic = base64.b64encode(f"{self._key}:{self._secret}".encode()).decode()
        self._upload = _Calm(connection, dict, Pace(PER_S, PER_S, sleep=sleep), sleep=sleep)
        pace = Pace(ADMIN_PER_HOUR / 3600, ADMIN_PER_HOUR, sleep=sleep)
        self._admin = _Admin(connection, lambda: {"authorization": f"Basic {basic}"}, pace, sleep=sleep)

    def signed(self, action: str, fields: Fields, file: tuple[str, bytes, str] | None = None) -> dict[str, Any]:
        """An Upload API call. Every one that is made here may be repeated."""
        wanted = {**fields, "timestamp": str(int(self._clock()))}
        signed = signature(wanted, self._secret, self._algorithm)
        data = {
            **{name: value for name, value in wanted.items() if isinstance(value, str) and value},
            **{f"{name}[]": list(value) for name, value in wanted.items() if not isinstance(value, str)},
            "api_key": self._key,
            "signature": signed,
        }
        files = {"file": file} if file else None
        answer: dict[str, Any] = self._upload.json("POST", f"image/{action}", data=data, files=files, repeatable=True)
        return answer

    def admin(self, path: str, **params: Any) -> dict[str, Any]:
        """An Admin API call that reads."""
        answer: dict[str, Any] = self._admin.json("GET", path, params=params)
        return answer

    def delivered(self, url: str) -> bytes:
        """Bytes of a delivery address, as everybody gets them."""
        return self._upload.call("GET", url, authorised=False).content

    def close(self) -> None:
        """Close the connections."""
        self._upload.close()
        self._admin.close()


class _Calm(Api):
    """420 is a 429 of this vendor."""

    def _pause(self, answer: httpx.Response, attempt: int, again: bool) -> float | None:
        if answer.status_code == CALM:
            answer.status_code = httpx.codes.TOO_MANY_REQUESTS
        return super()._pause(answer, attempt, again)


class _Admin(_Calm):
    """The quota belongs to the whole account, so answers correct our count of it."""

    def _pause(self, answer: httpx.Response, attempt: int, again: bool) -> float | None:
        limit, left = (_number(answer, f"x-featureratelimit-{name}") for name in ("limit", "remaining"))
        if limit and left is not None:
            self.pace.told(left, burst=limit, per_s=limit / 3600)
        pause = super()._pause(answer, attempt, again)
        if pause is None or answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
            return pause
        wait = _until(answer.headers.get("x-featureratelimit-reset", ""))
        if wait > MAX_PAUSE_S:
            raise VendorUnavailable(f"{self._name}: the Admin API's calls of this hour are used up")
        return max(wait, 0.1) if wait else pause


def _number(answer: httpx.Response, header: str) -> float | None:
    text = answer.headers.get(header, "")
    return float(text) if text.isascii() and text.isdigit() else None


def _until(text: str) -> float:
    """Seconds until a date; 0 where it is none or over."""
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0
