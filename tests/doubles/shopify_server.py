"""The double shop over HTTP on loopback: GraphQL, staged uploads, bulk results by range, and faults on the way."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.doubles.shopify import TOKEN, Shop
from tests.doubles.shopify_parts import number
from tests.doubles.shopify_schema import parsed

PATH = "/admin/api/2026-10/graphql.json"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    shop: Shop

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        with self.shop.lock:
            if self.path == PATH:
                self._graphql(body)
            elif self.path.startswith("/staged/"):
                self._upload(body)
            else:
                self._answer(404, b"")

    def do_GET(self) -> None:
        with self.shop.lock:
            kind, _, name = self.path.lstrip("/").partition("/")
            if self.headers.get("x-shopify-access-token"):
                self._answer(400, b"a token where none belongs")
            elif kind == "bulk":
                self._part(next(bulk["data"] for ident, bulk in self.shop.bulks.items() if number(ident) == int(name)))
            else:
                self._answer(404, b"")

    def _graphql(self, body: bytes) -> None:
        if self.headers.get("x-shopify-access-token") != TOKEN:
            self._json(401, {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"})
            return
        asked = json.loads(body)
        roots = [node.name.value for d in parsed(asked["query"]).definitions for node in d.selection_set.selections]  # type: ignore[union-attr]
        self.shop.calls.update(roots)
        fault = self._fault(roots[0])
        if fault in {"429", "500", "502", "503"}:
            self._answer(int(fault), b"<html>busy</html>", retry_after="2")
        elif fault == "garbage":
            self._answer(200, b"<html>maintenance</html>")
        elif fault == "internal":
            self._json(200, {"errors": [{"message": "Internal error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]})
        else:
            answer = self.shop.graphql(asked["query"], asked.get("variables") or {}, execute=fault != "throttled")
            if fault == "lost":
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
            else:
                self._json(200, answer)

    def _upload(self, body: bytes) -> None:
        fault = self._fault("upload")
        if self.headers.get("x-shopify-access-token") or fault:
            self._answer(int(fault or 400), b"no")
            return
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        parts = list(BytesParser(policy=HTTP).parsebytes(head + body).iter_parts())  # type: ignore[attr-defined]
        *fields, file = [(part.get_param("name", header="content-disposition"), part) for part in parts]
        given = {name: part.get_payload(decode=True).decode() for name, part in fields}
        status = 400 if file[0] != "file" else 0
        key = self.path.removeprefix("/staged/")
        status = status or self.shop.take_upload(key, given, file[1].get_filename(), file[1].get_payload(decode=True))
        self._answer(status, b"")

    def _part(self, data: bytes) -> None:
        first, _, last = self.headers["range"].removeprefix("bytes=").partition("-")
        chosen = data[int(first) : int(last) + 1]
        self._answer(206, chosen, content_range=f"bytes {first}-{int(first) + len(chosen) - 1}/{len(data)}")

    def _fault(self, root: str) -> str:
        for position, (where, kind) in enumerate(self.shop.faults):
            if where == root:
                del self.shop.faults[position]
                return kind
        return ""

    def _json(self, status: int, data: Any) -> None:
        self._answer(status, json.dumps(data).encode(), content_type="application/json")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serve(shop: Shop) -> Iterator[Shop]:
    """The shop on a free port of 127.0.0.1, until the end."""
    handler = type("Handler", (_Handler,), {"shop": shop})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        shop.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield shop
        finally:
            server.shutdown()
            thread.join()
