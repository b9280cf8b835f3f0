"""Calls of one shop's Admin API (GraphQL), with its errors as ours.

Vendure answers 200 and says in `errors` what went wrong (https://docs.vendure.io/guides/developer-guide/error-handling/, seen
with 3.7.3). It names no limit of calls.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from connectors.vendors.api import Api
from connectors.vendors.connection import Connection
from connectors.vendors.pace import Pace
from studio.errors import SettingsError, VendorDenied, VendorError, VendorRefused, VendorUnavailable

PER_S, BURST = 20.0, 40.0
"""Calls; our own choice, so that a pull leaves a small shop room for its shoppers."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
"""A custom field's name; it becomes part of a query."""
_LOGIN = """mutation Login($user: String!, $password: String!) {
  login(username: $user, password: $password, rememberMe: true) { __typename }
}"""
_DENIED = frozenset({"FORBIDDEN", "UNAUTHORIZED"})
_GONE = "ENTITY_NOT_FOUND"
_BROKEN = frozenset({"", "INTERNAL_SERVER_ERROR"})


class NotThere(VendorRefused):
    """A mutation names something that the shop has not got."""


class Client:
    """One connection. Logs in when first needed and again when the session has ended; an API key needs no login. Thread-safe."""

    def __init__(self, connection: Connection, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.name, self._connection = connection.name, connection
        self._path = connection.option("path", "admin-api").strip("/")
        self._by_key = "key" in connection.secrets
        self.user = "" if self._by_key else connection.secret("user")
        if not self._by_key:
            connection.secret("password")
        self._language = {"languageCode": connection.option("language")} if connection.option("language") else None
        self._lock, self._token = threading.Lock(), ""
        self._api = Api(connection, self._headers, Pace(PER_S, BURST, sleep=sleep), sleep=sleep)

    def ask(self, query: str, variables: Mapping[str, Any] | None = None, *, repeatable: bool = True) -> dict[str, Any]:
        """The `data` of an answer. Tried again when it is lost, unless not `repeatable`.

        Raises VendorUnavailable, VendorDenied, NotThere, VendorRefused.
        """
        said = {"query": query, "variables": dict(variables or {})}
        return self._signed_in(lambda: self._post(repeatable=repeatable, json=said))

    def upload(self, query: str, variables: Mapping[str, Any], place: str, file: tuple[str, bytes, str]) -> dict[str, Any]:
        """A mutation with a file (name, bytes, media type) where `place` says, as a GraphQL multipart request."""
        form = {
            "operations": json.dumps({"query": query, "variables": dict(variables)}),
            "map": json.dumps({"0": [f"variables.{place}"]}),
        }
        preflight = {"apollo-require-preflight": "true"}
        return self._signed_in(lambda: self._post(repeatable=False, data=form, files={"0": file}, headers=preflight))

    def file(self, url: str) -> bytes:
        """Bytes at an address of the shop's, without our credentials."""
        return self._api.call("GET", url, authorised=False).content

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _signed_in(self, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        used = self._ready()
        try:
            return call()
        except VendorDenied:
            if self._by_key:
                raise
        self._ready(instead_of=used)
        return call()

    def _ready(self, *, instead_of: str | None = None) -> str:
        """The session's token; a new one where the one that was used is still ours."""
        if self._by_key:
            return ""
        with self._lock:
            if not self._token or self._token == instead_of:
                self._token = ""
                self._token = self._login()
            return self._token

    def _login(self) -> str:
        variables = {name: self._connection.secret(name) for name in ("user", "password")}
        answer = self._api.call("POST", self._path, json={"query": _LOGIN, "variables": variables}, repeatable=True)
        said, token = self._data(_parsed(answer.content)).get("login"), answer.headers.get("vendure-auth-token", "")
        if not isinstance(said, dict) or said.get("__typename") != "CurrentUser":
            raise VendorDenied(f"{self.name}: the shop does not let us in with secrets user and password")
        if not token:
            raise VendorError(f"{self.name}: the shop gives no token; its authOptions.tokenMethod needs `bearer`")
        return str(token)

    def _headers(self) -> dict[str, str]:
        channel = self._connection.option("channel")
        headers = {"vendure-token": channel} if channel else {}
        if self._by_key:
            return headers | {"vendure-api-key": self._connection.secret("key")}
        return headers | ({"authorization": f"Bearer {self._token}"} if self._token else {})

    def _post(self, *, repeatable: bool, **more: Any) -> dict[str, Any]:
        answer = self._api.call("POST", self._path, params=self._language, repeatable=repeatable, **more)
        return self._data(_parsed(answer.content))

    def _data(self, answer: Any) -> dict[str, Any]:
        if not isinstance(answer, dict):
            raise VendorError(f"{self.name}: the Admin API answered no JSON object; is options.path right?")
        errors, data = answer.get("errors"), answer.get("data")
        if errors:
            raise self._failure(errors if isinstance(errors, list) else [errors])
        if not isinstance(data, dict):
            raise VendorError(f"{self.name}: the Admin API answered without data")
        return data

    def _failure(self, errors: list[Any]) -> VendorError:
        known = [error for error in errors if isinstance(error, dict)]
        codes = {str((error.get("extensions") or {}).get("code", "")) for error in known}
        said = f"{self.name}: {'; '.join(str(error.get('message'))[:200] for error in known[:3])}"
        if codes & _DENIED:
            return VendorDenied(f"{said} (are the rights of our account right?)")
        if _GONE in codes:
            return NotThere(said)
        return VendorUnavailable(said) if codes <= _BROKEN else VendorRefused(said)


def custom_field(connection: Connection, name: str) -> str:
    """A custom field's name that may stand in a query. Raises SettingsError."""
    if not NAME.fullmatch(name):
        raise SettingsError(f"connections.{connection.name}: {name[:64]!r} is no name of a custom field")
    return name


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
