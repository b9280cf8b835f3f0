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
from connectors.vendors.tokens import TokenApi, Tokens
from studio.errors import VendorDenied

AT_ONCE = 4
"""Calls of a connection at one time; limitations, 2026-08-18."""
PER_S = 100
"""Calls of an instance a second; the same page. It also serves others, whose calls 429 tells us about."""


class Client(TokenApi):
    """Paths are relative to the PIM's address."""

    def __init__(
        self,
        connection: Connection,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        pace = Pace(PER_S, PER_S, sleep=sleep)
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(connection, _Tokens(connection, Api(connection, dict, pace, sleep=sleep), clock), pace, sleep=sleep)

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """As `TokenApi`, when one of the slots is free."""
        with self._slots:
            return super().call(method, path, **more)

    def address(self, path: str) -> str:
        """The whole address of a path."""
        return f"{self._address}/{path}"


class _Tokens(Tokens):
    """Renewed by the refresh token, or with the password when that is refused."""

    def __init__(self, connection: Connection, api: Api, clock: Callable[[], float]) -> None:
        pair = f"{connection.secret('client-id')}:{connection.secret('client-secret')}"
        self._basic = {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        self._login = {name: connection.secret(name) for name in ("username", "password")}
        self._refresh = ""
        super().__init__(api, clock)

    def renewed(self) -> Any:
        """As `Tokens` says."""
        given = self._by_refresh() or self._ask(json={"grant_type": "password", **self._login})
        self._refresh = str(given.get("refresh_token") or "") if isinstance(given, dict) else ""
        return given

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
