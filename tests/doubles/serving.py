"""A server on loopback for doubles: one function answers, faults come before or after it."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    """As sent, escapes kept."""
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def parts(self) -> list[str]:
        return [unquote(part) for part in self.path.strip("/").split("/")]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def said(status: int, value: Any) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"content-type": "application/json"})


@dataclass
class Fault:
    """Hits the next `times` calls whose `METHOD /path` the pattern finds, after passing over `skip` of them."""

    pattern: str
    status: int = 0
    lost: bool = False
    """The work is done and the answer never comes."""
    times: int = 1
    skip: int = 0
    headers: dict[str, str] = field(default_factory=dict)


class Double:
    """`url`, the calls so far, the faults to come."""

    def __init__(self) -> None:
        self.url, self.calls, self.faults = "", [], []  # type: ignore[var-annotated]
        self.lock = threading.RLock()

    def answer(self, call: Call) -> Reply:
        raise NotImplementedError

    def take(self, call: Call) -> Reply | None:
        with self.lock:
            self.calls.append(call)
            fault = self._fault(f"{call.method} {call.path}")
            if fault and fault.status:
                return Reply(fault.status, b"{}", fault.headers)
            reply = self.answer(call)
            return None if fault and fault.lost else reply

    def wrote(self) -> list[Call]:
        return [call for call in self.calls if call.method not in ("GET", "HEAD")]

    def _fault(self, line: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and re.search(fault.pattern, line):
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                return fault
        return None


@contextmanager
def serving(double: Double) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            url = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = double.take(Call(self.command, url.path, dict(parse_qsl(url.query, keep_blank_values=True)), headers, body))
            if reply is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in (reply.headers | {"content-length": str(len(reply.body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
