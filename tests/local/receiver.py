"""A webhook receiver on loopback whose path says how it behaves."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """`url`, what came in, and how often each path is to fail before it answers 204."""

    def __init__(self) -> None:
        self.got: list[Received] = []
        self.failures: dict[str, list[int]] = defaultdict(list)
        self.stop = threading.Event()
        self.arrived = threading.Semaphore(0)
        self.release, self.answered = threading.Event(), threading.Event()
        self.url = ""
        self._taking = threading.Lock()

    def take(self, received: Received) -> int:
        with self._taking:
            self.got.append(received)
            left = self.failures[received.path]
            return left.pop(0) if left else 204

    def at(self, path: str) -> list[Received]:
        with self._taking:
            return [received for received in self.got if received.path == path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = self.receiver.take(Received(self.path, headers, body))
        with suppress(OSError):
            getattr(self, "post_" + self.path.strip("/").replace("-", "_"), self.answer)(status)

    do_GET = do_POST  # noqa: N815 - the name http.server calls

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def post_moved(self, _status: int) -> None:
        self.answer(307, location="/elsewhere")

    def post_busy(self, _status: int) -> None:
        self.answer(429, retry_after="120")

    def post_dated(self, _status: int) -> None:
        self.answer(503, retry_after="Sun, 22 Nov 2026 18:10:00 GMT")

    def post_vague(self, _status: int) -> None:
        self.answer(500, b"secret of the endpoint", retry_after="when I feel like it")

    def post_held(self, status: int) -> None:
        """Answers when `release` is set."""
        self.receiver.arrived.release()
        self.receiver.release.wait(30)
        self.answer(status)
        self.receiver.answered.set()

    def post_gone(self, _status: int) -> None:
        self.answer(410)

    def post_silent(self, _status: int) -> None:
        self.receiver.stop.wait(10)
        self.close_connection = True

    def post_slow_head(self, _status: int) -> None:
        """A byte of the status line well inside every read timeout, for ever."""
        while not self.receiver.stop.wait(0.05):
            self.wfile.write(b"H")

    def post_endless(self, _status: int) -> None:
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        while not self.receiver.stop.is_set():
            self.wfile.write(bytes(65536))

    def post_huge_head(self, _status: int) -> None:
        self.send_response(200)
        self.send_header("x-long", "x" * 1_000_000)
        self.end_headers()

    def post_nonsense(self, _status: int) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
        self.close_connection = True

    def post_hang_up(self, _status: int) -> None:
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Senders that hang up are what some tests are about."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port of 127.0.0.1."""
    receiver = Receiver()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"receiver": receiver}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        receiver.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
