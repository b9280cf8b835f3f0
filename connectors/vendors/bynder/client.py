"""`Client`: calls of one portal with a token, and files in chunks."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

from connectors.vendors.api import Api, Refused
from connectors.vendors.connection import Connection
from connectors.vendors.pace import Pace
from connectors.vendors.tokens import TokenApi, Tokens
from studio.errors import VendorDenied, VendorError, VendorUnavailable

PER_S, BURST = 15, 150
"""Calls: 4,500 in five minutes from one address (getting started, 2026-08-13). 429 comes without a Retry-After."""
CHUNK = 5 << 20
"""Bytes of a chunk, as in the vendor's packages."""
WAITS_S = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Pauses before a file is asked for again that the portal still takes in."""
_NOT_YET = 303
SCOPES = "asset:read asset:write"


class Client(TokenApi):
    """Paths are relative to the portal's address."""

    def __init__(
        self,
        connection: Connection,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        pace = Pace(PER_S, BURST, sleep=sleep)
        super().__init__(connection, _Tokens(connection, Api(connection, dict, pace, sleep=sleep), clock), pace, sleep=sleep)

    def upload(self, name: str, data: bytes) -> str:
        """Bring a file into the file service: prepare, chunks, finalise. Its id, which `save` turns into an asset.

        Raises VendorRefused, VendorUnavailable; what was begun and not saved is never seen by anybody.
        """
        file = str(self.json("POST", "v7/file_cmds/upload/prepare", json={}, repeatable=True)["file_id"])
        chunks = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
        for number, chunk in enumerate(chunks):
            headers = {"content-type": "application/octet-stream", "content-sha256": hashlib.sha256(chunk).hexdigest()}
            self.call("POST", f"v7/file_cmds/upload/{file}/chunk/{number}", content=chunk, headers=headers, repeatable=True)
        whole = {"fileName": name, "fileSize": len(data), "chunksCount": len(chunks), "sha256": hashlib.sha256(data).hexdigest()}
        self.call("POST", f"v7/file_cmds/upload/{file}/finalise_api", data=whole)
        return file

    def save(self, file: str, fields: dict[str, str]) -> str:
        """Make an asset of a file. Its id. Not repeated when no answer came: it may have been made."""
        for pause in WAITS_S:
            self._sleep(pause) if pause else None
            try:
                said = self.json("POST", f"api/v4/media/save/{file}", data=fields)
            except Refused as refused:
                if refused.status != _NOT_YET:
                    raise
                continue
            found = str(said.get("mediaid") or "") if isinstance(said, dict) and said.get("success") else ""
            if not found:
                raise VendorError(f"{self._name}: a save that names no asset")
            return found
        raise VendorUnavailable(f"{self._name}: the portal still takes the file in")


class _Tokens(Tokens):
    """The permanent token, or one by client credentials."""

    def __init__(self, connection: Connection, api: Api, clock: Callable[[], float]) -> None:
        self._permanent = connection.secret("token") if "token" in connection.secrets else ""
        if not self._permanent:
            self._login = {"client_id": connection.secret("client-id"), "client_secret": connection.secret("client-secret")}
        super().__init__(api, clock)

    def get(self) -> str:
        """As `Tokens` says."""
        return self._permanent or super().get()

    def drop(self, token: str) -> bool:
        """As `Tokens` says; nothing takes the place of a permanent one."""
        return super().drop(token) and not self._permanent

    def renewed(self) -> Any:
        """As `Tokens` says."""
        asked = {"grant_type": "client_credentials", "scope": SCOPES, **self._login}
        try:
            return self.api.json("POST", "v6/authentication/oauth2/token", data=asked, repeatable=True)
        except Refused as refused:
            raise VendorDenied(f"the portal refuses these credentials: {refused.status}") from None
