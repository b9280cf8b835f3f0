"""A file drop on an SFTP server. Needs the extra `sftp` (asyncssh, EPL-2.0 or GPL-2.0-or-later)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO, TypeVar
from urllib.parse import unquote, urlsplit

from connectors.addresses import resolve
from connectors.vendors.connection import Connection
from connectors.vendors.drops.files import MAX_FILE, Capped, File, tried
from studio.errors import FetchFailed, FetchRefused, SettingsError, VendorDenied, VendorRefused, VendorUnavailable

CONNECT_S, LIST_S, TOTAL_S = 20.0, 120.0, 1800.0
MAX_LISTED = 100_000
"""Names in a folder."""
_BLOCK = 1 << 20
Got = TypeVar("Got")


class SftpDrop:
    """`sftp://user@host[:port]/folder/`, or a file's path. Secret `password`, or `key` (a private key, OpenSSH or PEM form) with
    `passphrase` where it has one. The option `host-key` is the server's public key (`ssh-ed25519 AAAA...`, from `ssh-keyscan`
    and checked with its owner): no other server gets the login. No file of this machine (~/.ssh, agents) is asked.

    Stamps are size and time of the last change, which SFTP gives in seconds; a file that changes while it is read is not taken.
    """

    def __init__(self, connection: Connection, *, sleep: Callable[[float], None] = time.sleep) -> None:
        parts = urlsplit(connection.address)
        where = f"connections.{connection.name}"
        if parts.password or not parts.username or not parts.hostname:
            raise SettingsError(f"{where}.address is like sftp://user@host/folder/; the password is a secret")
        try:
            self._port = parts.port or 22
        except ValueError:
            raise SettingsError(f"{where}.address has no valid port") from None
        self._name, self._host, self._user = connection.name, parts.hostname, unquote(parts.username)
        self._folder, _, self.name = unquote(parts.path).rpartition("/")
        self._folder = self._folder or "/"
        self._private, self._sleep = connection.allow_private, sleep
        self._keys = _keys(connection)

    def files(self) -> list[File]:
        """One listing of the folder; links are followed to files."""
        return tried(lambda: self._run(self._listed(), LIST_S), self._sleep)

    def fetch(self, file: File, into: BinaryIO) -> str:
        """Raises VendorUnavailable for a file that was changed or removed meanwhile."""

        def once() -> str:
            into.seek(0)
            into.truncate()
            return self._run(self._fetched(file, into), TOTAL_S)

        return tried(once, self._sleep)

    def picture(self, relative: str) -> str:
        """None: photos are read by http(s) and S3."""
        return ""

    def own_picture(self, uri: str) -> bool:
        """None is."""
        return False

    def _run(self, work: Awaitable[Got], seconds: float) -> Got:
        async def limited() -> Got:
            async with asyncio.timeout(seconds):
                return await work

        with self._mapped():
            return asyncio.run(limited())

    async def _listed(self) -> list[File]:
        found: list[File] = []
        async with self._opened() as sftp:
            count = 0
            async for entry in sftp.scandir(self._folder):
                count += 1
                if count > MAX_LISTED:
                    raise VendorRefused(f"{self._name}: more than {MAX_LISTED} names in {self._folder}")
                name = str(entry.filename)
                if "/" in name or not name.isprintable() or (self.name and not name.startswith(self.name)):
                    continue
                attributes = await _followed(sftp, f"{self._folder}/{name}", entry.attrs)
                if attributes is not None:
                    found.append(_file(name, attributes))
        return found

    async def _fetched(self, file: File, into: BinaryIO) -> str:
        path, capped = f"{self._folder}/{file.name}", Capped(into, file.name)
        async with self._opened() as sftp:
            before = _file(file.name, await sftp.stat(path))
            if before.size > MAX_FILE:
                raise VendorRefused(f"{self._name}: {file.name} has {before.size} bytes, {MAX_FILE} are read")
            async with sftp.open(path, "rb") as stream:
                while chunk := await stream.read(_BLOCK):
                    capped.write(chunk)
            after = _file(file.name, await sftp.stat(path))
        if after.stamp != before.stamp or capped.size != after.size:
            raise VendorUnavailable(f"{self._name}: {file.name} was changed while it was read")
        return after.stamp

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Any]:
        import asyncssh

        failure: Exception | None = None
        for address in resolve(self._host, self._port, allow_private=self._private):
            try:
                connection = await asyncssh.connect(
                    address, self._port, username=self._user, config=None, agent_path=None, x509_trusted_certs=None,
                    connect_timeout=CONNECT_S, login_timeout=CONNECT_S, **self._keys,
                )  # fmt: skip
                break
            except (OSError, asyncssh.ConnectionLost) as error:
                failure = error
        else:
            raise failure or OSError("no address")
        async with connection, connection.start_sftp_client() as sftp:
            yield sftp

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        import asyncssh

        where = f"{self._name}: {self._host}"
        try:
            yield
        except (asyncssh.PermissionDenied, asyncssh.SFTPPermissionDenied):
            raise VendorDenied(f"{where}: the server refuses this login, or what it asks for") from None
        except asyncssh.HostKeyNotVerifiable:
            raise VendorDenied(f"{where}: the server has another host key than options.host-key") from None
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            raise VendorRefused(f"{where}: there is no {self._folder}/{self.name}") from None
        except TimeoutError:
            raise VendorUnavailable(f"{where}: too slow") from None
        except (OSError, asyncssh.Error, FetchFailed) as error:
            raise VendorUnavailable(f"{where}: {type(error).__name__}: {error}") from None
        except FetchRefused as error:
            raise VendorDenied(f"{self._name}: {error.message}") from None


async def _followed(sftp: Any, path: str, attributes: Any) -> Any:
    """Attributes of a regular file, the target's for a link; None for anything else."""
    import asyncssh

    if attributes.type == asyncssh.FILEXFER_TYPE_SYMLINK:
        try:
            attributes = await sftp.stat(path)
        except asyncssh.SFTPError:
            return None
    return attributes if attributes.type == asyncssh.FILEXFER_TYPE_REGULAR else None


def _file(name: str, attributes: Any) -> File:
    changed = datetime.fromtimestamp(attributes.mtime, UTC) if attributes.mtime is not None else None
    return File(name, f"{attributes.size}-{attributes.mtime}", attributes.size or 0, changed)


def _keys(connection: Connection) -> dict[str, Any]:
    """How we know the server and how it knows us. Raises SettingsError, which shows no secret."""
    where = f"connections.{connection.name}"
    try:
        import asyncssh
    except ImportError:
        raise SettingsError(f"{where}: SFTP needs asyncssh; install packshot[sftp]") from None
    try:
        lines = [line for line in connection.option("host-key").splitlines() if line.strip()]
        trusted = [asyncssh.import_public_key(line) for line in lines]
    except (asyncssh.KeyImportError, ValueError):
        trusted = []
    if not trusted:
        raise SettingsError(f"{where}.options.host-key is the server's public key: `ssh-ed25519 AAAA...`")
    known: dict[str, Any] = {"known_hosts": (trusted, [], [])}
    if "key" not in connection.secrets:
        return {**known, "password": connection.secret("password"), "client_keys": None}
    phrase = connection.secret("passphrase") if "passphrase" in connection.secrets else None
    try:
        return {**known, "client_keys": [asyncssh.import_private_key(connection.secret("key"), phrase)], "password": None}
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
        raise SettingsError(f"{where}.secrets.key is no private key that this passphrase opens") from None
