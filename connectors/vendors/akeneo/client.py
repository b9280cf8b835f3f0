"""`Client`: calls of one PIM with tokens that are renewed, at most four at once."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from connectors.vendors.api import Api, Refused
from connectors.vendors.connection import Connection
from connectors.vendors.pace import Pace
from studio.errors import VendorDenied, VendorError

AT_ONCE = 4
"""Calls of a connection at one time; limitations, 2026-08-18."""
PER_S = 100
"""Calls of an instance a second; the same page. It also serves others, whose calls 429 tells us about."""
EARLY_S = 60.0
"""How long before its end a token is renewed."""


class Client(Api):
    """Paths are relative to the PIM's address."""

    def __init__(
        self,
        connection: Connection,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        pace = Pace(PER_S, PER_S, sleep=sleep)
        self._tokens = _Tokens(connection, Api(connection, dict, pace, sleep=sleep), clock)
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(connection, self._authorised, pace, sleep=sleep)

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """As everywhere; a token that has worked and is denied may have been revoked: the call is made once more with another."""
        with self._slots:
            token = self._tokens.get()
            try:
                answer = super().call(method, path, **more)
            except VendorDenied:
                if not self._tokens.drop(token):
                    raise
                return super().call(method, path, **more)
            self._tokens.worked = token
            return answer

    def address(self, path: str) -> str:
        """The whole address of a path."""
        return f"{self._address}/{path}"

    def close(self) -> None:
        """Close the connections."""
        self._tokens.api.close()
        super().close()

    def _authorised(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._tokens.get()}", "accept": "application/json"}


class _Tokens:
    """The access token, renewed shortly before it ends: by its refresh token, or with the password when that is refused."""

    def __init__(self, connection: Connection, api: Api, clock: Callable[[], float]) -> None:
        pair = f"{connection.secret('client-id')}:{connection.secret('client-secret')}"
        self._basic = {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        self._login = {name: connection.secret(name) for name in ("username", "password")}
        self.api, self._clock, self._lock = api, clock, threading.Lock()
        self._token, self._refresh, self._until = "", "", 0.0
        self.worked = ""

    def get(self) -> str:
        """Raises VendorDenied, VendorUnavailable."""
        with self._lock:
            if not self._token or self._clock() >= self._until:
                self._renew()
            return self._token

    def drop(self, token: str) -> bool:
        """Forget a token that was denied. Says whether another may help: not where this one never worked."""
        with self._lock:
            if token == self._token:
                self._token = ""
            return token == self.worked

    def _renew(self) -> None:
        given = self._by_refresh() or self._ask(json={"grant_type": "password", **self._login})
        try:
            self._token, lasts = str(given["access_token"]), float(given["expires_in"])
        except (KeyError, TypeError, ValueError):
            raise VendorError("the PIM answered no token") from None
        self._refresh = str(given.get("refresh_token") or "")
        self._until = self._clock() + max(lasts - EARLY_S, lasts / 2)

    def _by_refresh(self) -> Any:
        if not self._refresh:
            return None
        try:
            return self._ask(data={"grant_type": "refresh_token", "refresh_token": self._refresh})
        except (VendorDenied, Refused):
            self._refresh = ""
            return None

    def _ask(self, **body: Any) -> Any:
        try:
            return self.api.json("POST", "api/oauth/v1/token", headers=self._basic, repeatable=True, **body)
        except Refused as refused:
            if "json" in body:
                raise VendorDenied(f"the PIM refuses these credentials: {refused.status}") from None
            raise
