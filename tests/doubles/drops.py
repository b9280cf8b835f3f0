"""Places where an ERP leaves files: a web server as servers are, and an SFTP server."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Site:
    """Files by path. `faults` hit GETs, one each: a status, or `half` for a body that ends early."""

    files: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    modified: dict[str, str] = field(default_factory=dict)
    login: str = ""
    no_head: bool = False
    faults: list[int | str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    swap: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """What is there when the GET comes, after the HEAD."""
    url: str = ""


@contextmanager
def site_served(site: Site) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, get = self.path.partition("?")[0], self.command == "GET"
            site.calls.append((self.command, self.path))
            fault = site.faults.pop(0) if get and site.faults else 0
            if site.login and self.headers.get("authorization") != site.login:
                return self.give(401, b"")
            if isinstance(fault, int) and fault:
                return self.give(fault, b"", {"location": "https://elsewhere.invalid/x"} if fault == 302 else {})
            if site.no_head and not get:
                return self.give(405, b"")
            if get and path in site.swap:
                site.tags[path], site.files[path] = site.swap.pop(path)
            if path not in site.files:
                return self.give(404, b"")
            headers = {
                name: value[path] for name, value in (("etag", site.tags), ("last-modified", site.modified)) if path in value
            }
            return self.give(200, site.files[path], headers, half=fault == "half")

        do_HEAD = do_GET  # noqa: N815

        def give(self, status: int, body: bytes, headers: dict[str, str] | None = None, *, half: bool = False) -> None:
            self.send_response_only(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[: len(body) // 2] if half else body)
                self.close_connection = half

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Sftp:
    """An SFTP server: `folder` on our disk is `path` there. `host_key` is its public key, `key` a private one that it knows."""

    folder: Path
    path: str
    port: int
    user: str
    host_key: str
    key: str
    password: str = ""


@contextmanager
def asyncssh_served(folder: Path, *, grow: list[str] | None = None) -> Iterator[Sftp]:
    """asyncssh's own server, confined to the folder. Files named in `grow` get a line more whenever they are closed."""
    import asyncssh

    server_key, user_key = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    growing = grow if grow is not None else []

    class Login(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("erp", "open sesame")

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            return username == "erp" and key.public_data == user_key.public_data

    class Files(asyncssh.SFTPServer):
        def __init__(self, channel: Any) -> None:
            super().__init__(channel, chroot=str(folder).encode())

        def close(self, file_obj: Any) -> None:
            super().close(file_obj)
            for name in growing:
                with (folder / name).open("ab") as stream:
                    stream.write(b"MORE,one more\n")

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen("127.0.0.1", 0, server_factory=Login, server_host_keys=[server_key], sftp_factory=Files)

    async def stop(server: asyncssh.SSHAcceptor) -> None:
        server.close()
        await server.wait_closed()

    listening = asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    try:
        host_key, key = (export.decode() for export in (server_key.export_public_key(), user_key.export_private_key()))
        yield Sftp(folder, "/", listening.get_port(), "erp", host_key, key, "open sesame")
    finally:
        asyncio.run_coroutine_threadsafe(stop(listening), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def sshd_path() -> str:
    """OpenSSH's server, "" where it is not installed or cannot be started by this user."""
    found = os.environ.get("PACKSHOT_TEST_SSHD") or shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""
    return found if found and os.getuid() and shutil.which("ssh-keygen") else found if found and _separated() else ""


def _separated() -> bool:
    """Whether root may start it: it gives up its rights to a user of that name."""
    try:
        pwd.getpwnam("sshd")
    except KeyError:
        return False
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    return True


@contextmanager
def openssh_served(folder: Path, work: Path) -> Iterator[Sftp]:
    """OpenSSH's sshd with its internal SFTP server, as this user."""
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(work / name)], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = pwd.getpwuid(os.getuid()).pw_name
    (work / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {work}/host\nAuthorizedKeysFile {work}/user.pub\nStrictModes no\n"
        f"PasswordAuthentication no\nUsePAM no\nPidFile none\nSubsystem sftp internal-sftp\nForceCommand internal-sftp\n"
        "PermitRootLogin prohibit-password\n"
    )
    server = subprocess.Popen([sshd_path(), "-D", "-e", "-f", str(work / "sshd_config")], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert server.poll() is None, "sshd ended"
                assert time.monotonic() < deadline, "sshd does not answer"
                time.sleep(0.05)
        yield Sftp(folder, f"{folder}/", port, user, (work / "host.pub").read_text(), (work / "user").read_text())
    finally:
        server.terminate()
        server.wait(10)
