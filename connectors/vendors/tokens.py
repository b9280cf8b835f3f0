"""Access tokens that end: renewed shortly before, and once more when one that has worked is denied."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import httpx

from connectors.vendors.api import Api
from connectors.vendors.connection import Connection
from connectors.vendors.pace import Pace
from studio.errors import VendorDenied, VendorError

EARLY_S = 60.0
"""How long before its end a token is renewed."""


class Tokens(ABC):
    """The access token of one connection; safe for many threads."""

    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        self.api, self._clock, self._lock = api, clock, threading.Lock()
        self._token, self._until = "", 0.0
        self.worked = ""
        """The last one with which a call succeeded."""

    def get(self) -> str:
        """Raises VendorDenied, VendorUnavailable."""
        with self._lock:
            if not self._token or self._clock() >= self._until:
                given = self.renewed()
                try:
                    self._token, lasts = str(given["access_token"]), float(given["expires_in"])
                except (KeyError, TypeError, ValueError):
                    raise VendorError("the answer to a request for a token holds none") from None
                self._until = self._clock() + max(lasts - EARLY_S, lasts / 2)
            return self._token

    def drop(self, token: str) -> bool:
        """Forget a token that was denied. Says whether another may help: not where this one never worked."""
        with self._lock:
            if token == self._token:
                self._token = ""
            return token == self.worked

    @abstractmethod
    def renewed(self) -> Any:
        """The vendor's answer with `access_token` and `expires_in`, seconds. Raises VendorDenied, VendorUnavailable."""


class TokenApi(Api):
    """Calls with such a token."""

    def __init__(self, connection: Connection, tokens: Tokens, pace: Pace, *, sleep: Callable[[float], None]) -> None:
        self._tokens = tokens
        super().__init__(connection, self._authorised, pace, sleep=sleep)

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """As everywhere; a token that has worked and is denied may have been revoked: the call is made once more with another."""
        if not more.get("authorised", True):
            return super().call(method, path, **more)
        token = self._tokens.get()
        try:
            answer = super().call(method, path, **more)
        except VendorDenied:
            if not self._tokens.drop(token):
                raise
            return super().call(method, path, **more)
        self._tokens.worked = token
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._tokens.api.close()
        super().close()

    def _authorised(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._tokens.get()}", "accept": "application/json"}
