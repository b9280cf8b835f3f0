"""A file drop on a web server."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import BinaryIO
from urllib.parse import quote, unquote, urljoin, urlsplit

import httpx

from connectors.http import deadline
from connectors.vendors.api import Api, Refused
from connectors.vendors.connection import Connection
from connectors.vendors.drops.files import Capped, File
from connectors.vendors.pace import Pace
from studio.errors import FetchError, SettingsError, VendorDenied, VendorUnavailable
from studio.keys import digest_bytes

TOTAL_S = 900.0
"""Seconds of one download."""
_NO_HEAD = (httpx.codes.METHOD_NOT_ALLOWED, httpx.codes.NOT_IMPLEMENTED)


class WebDrop:
    """`https://host/path/export.csv`, or a folder's address with the option `files: a.csv,b.csv`: web servers give no list of
    their files in a form that could be relied on. Secrets: `token` (bearer) or `user` and `password` (basic), or none.

    The stamp is the ETag, else Last-Modified with the length, else the BLAKE3 of what was read. Redirects are not followed.
    """

    def __init__(self, connection: Connection, *, sleep: Callable[[float], None] = time.sleep) -> None:
        names = [name.strip() for name in connection.option("files").split(",") if name.strip()]
        last = unquote(urlsplit(connection.address).path.rpartition("/")[2])
        if bool(names) == bool(last):
            raise SettingsError(
                f"connections.{connection.name}: the address is a file's, or a folder's (with / at its end) with options.files"
            )
        self.name = ""
        self._urls = {name: urljoin(connection.address, quote(name)) for name in names} or {last: connection.address}
        if any(urlsplit(url)[:2] != urlsplit(connection.address)[:2] for url in self._urls.values()):
            raise SettingsError(f"connections.{connection.name}.options.files names another server")
        self._base = connection.address
        self._client = _Client(connection, _login(connection), sleep)

    def files(self) -> list[File]:
        """One HEAD for each file. Raises VendorError's kinds, Refused for one that is not there."""
        return [self._headed(name, url) for name, url in self._urls.items()]

    def fetch(self, file: File, into: BinaryIO) -> str:
        """Raises VendorUnavailable for a download that ends early."""
        return self._client.download(self._urls[file.name], into, file.name)

    def picture(self, relative: str) -> str:
        """Beside the catalogue."""
        return urljoin(self._base, quote(relative))

    def own_picture(self, uri: str) -> bool:
        """None is."""
        return False

    def _headed(self, name: str, url: str) -> File:
        try:
            answer = self._client.call("HEAD", url, headers=_PLAIN)
        except Refused as refused:
            if refused.status in _NO_HEAD:
                return File(name)
            raise
        length = answer.headers.get("content-length", "")
        size = int(length) if length.isascii() and length.isdigit() else 0
        return File(name, _stamp(answer), size, _date(answer.headers.get("last-modified", "")))


_PLAIN = {"accept-encoding": "identity"}


class _Client(Api):
    """Downloads to a file what `Api.call` would keep in memory."""

    def __init__(self, connection: Connection, headers: Mapping[str, str], sleep: Callable[[float], None]) -> None:
        super().__init__(connection, lambda: headers, Pace(4.0, 4.0, sleep=sleep), sleep=sleep)

    def download(self, url: str, into: BinaryIO, name: str) -> str:
        """The stamp of what was written to `into`."""
        for attempt in range(1, self._tries + 1):
            self.pace.take()
            into.seek(0)
            into.truncate()
            last = attempt == self._tries
            try:
                answer = self._once(url, into, name)
            except VendorUnavailable:
                if last:
                    raise
                self._sleep(2.0 ** (attempt - 1))
                continue
            pause = self._pause(answer, attempt, again=True)
            if pause is not None and not last:
                self._sleep(pause)
                continue
            self._checked(answer, "GET", url)
            into.seek(0)
            return _stamp(answer) or digest_bytes(into.read())
        raise AssertionError("the loop returns or raises")

    def _once(self, url: str, into: BinaryIO, name: str) -> httpx.Response:
        """The answer without its body."""
        capped = Capped(into, name)
        try:
            with deadline(TOTAL_S), self._client.stream("GET", url, headers={**self._headers(), **_PLAIN}) as answer:
                if answer.status_code == httpx.codes.OK:
                    for chunk in answer.iter_bytes(1 << 16):
                        capped.write(chunk)
                return httpx.Response(answer.status_code, headers=answer.headers)
        except (httpx.HTTPError, OSError) as error:
            raise VendorUnavailable(f"{self._name}: {name}: {error or type(error).__name__}") from None
        except FetchError as error:
            raise VendorDenied(f"{self._name}: {error.message}") from None


def _login(connection: Connection) -> dict[str, str]:
    if "@" in urlsplit(connection.address).netloc:
        raise SettingsError(f"connections.{connection.name}.address holds a login; use secrets.user and secrets.password")
    if "token" in connection.secrets:
        return {"authorization": f"Bearer {connection.secret('token')}"}
    if "user" in connection.secrets or "password" in connection.secrets:
        pair = f"{connection.secret('user')}:{connection.secret('password')}"
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def _stamp(answer: httpx.Response) -> str:
    if tag := answer.headers.get("etag", ""):
        return str(tag)
    modified = answer.headers.get("last-modified", "")
    return f"{modified}/{answer.headers.get('content-length', '')}" if modified else ""


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except ValueError:
        return None
