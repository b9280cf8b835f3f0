"""`Client`: calls of one store, inside its quota."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import httpx

from connectors.vendors.api import MAX_PAUSE_S, Api
from connectors.vendors.connection import Connection
from connectors.vendors.pace import Pace
from studio.errors import SettingsError

QUOTA, WINDOW_S = 150, 30.0
"""Calls a window of the smaller plans, until an answer's headers say more (450 on others); API rate limits, 2026-04-01."""
_STORE = re.compile(r"/(stores/[a-z0-9]+)/?$")


class Client(Api):
    """Paths are relative to `/stores/<hash>`. The quota belongs to the store's whole app, so answers correct our count of it."""

    def __init__(self, connection: Connection, *, sleep: Callable[[float], None] = time.sleep) -> None:
        found = _STORE.search(connection.address)
        if not found:
            raise SettingsError(f"connections.{connection.name}.address does not end in /stores/<hash>")
        self.store = found[1]
        token = connection.secret("token")
        pace = Pace(QUOTA / WINDOW_S, QUOTA, sleep=sleep)
        super().__init__(connection, lambda: {"x-auth-token": token, "accept": "application/json"}, pace, sleep=sleep)

    def data(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """The `data` of a page; empty for 204, which some lists answer instead."""
        answer = self.json("GET", path, params=params)
        return list(answer["data"]) if answer else []

    def _pause(self, answer: httpx.Response, attempt: int, again: bool) -> float | None:
        """As everywhere, but 429 comes with the time to the next window in a header of its own."""
        quota, window, left, reset = (
            _number(answer, f"x-rate-limit-{name}")
            for name in ("requests-quota", "time-window-ms", "requests-left", "time-reset-ms")
        )
        if quota and window and left is not None:
            self.pace.told(left, burst=quota, per_s=quota / (window / 1000))
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS and reset is not None:
            return min(max(reset / 1000, 0.1), MAX_PAUSE_S)
        return super()._pause(answer, attempt, again)


def _number(answer: httpx.Response, header: str) -> float | None:
    text = answer.headers.get(header, "")
    return float(text) if text.isascii() and text.isdigit() else None
