"""What the doubles of REST vendors share: a server on loopback, the vendor's own OpenAPI or Swagger file as a contract, faults.

The contract is executed: a path, query, field or answer that the file does not know ends in 599, which no test expects.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from email.parser import BytesParser
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import yaml
from openapi_schema_validator import OAS30Validator

SCHEMAS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "schemas"
BROKEN = 599


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def parts(self) -> dict[str, tuple[str, bytes]]:
        """Fields of a multipart body: file name ("" for a field) and bytes."""
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        message = BytesParser(policy=policy.HTTP).parsebytes(head + self.body)
        return {
            str(part.get_param("name", header="content-disposition")): (
                part.get_filename() or "",
                bytes(part.get_payload(decode=True)),
            )
            for part in message.iter_parts()
        }


@dataclass
class Reply:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Breach(Exception):
    """The vendor's file does not allow this."""


@dataclass
class Fault:
    """What happens to the next `times` calls that fit. `lost`: the work is done and no answer comes."""

    method: str
    path: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    lost: bool = False


class Contract:
    """The vendor's files. `loosen` takes out what the files say wrongly of the vendor's own answers."""

    def __init__(self, *files: Path, base: str = "", loosen: Any = lambda node: node) -> None:
        self._paths: list[tuple[re.Pattern[str], dict[str, Any], dict[str, Any]]] = []
        self._known: dict[int, Any] = {}
        for file in files:
            document = loosen(_load(file))
            for path, item in document["paths"].items():
                pattern = re.sub(r"\\{[^/]*?\\}", "[^/]+", re.escape(base + path))
                if path.endswith(("media-files/{code}", "media-files/{code}/download")):
                    pattern = pattern.replace("[^/]+", ".+")
                self._paths.append((re.compile(pattern), item, document))

    def request(self, request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
        """The operation, once everything about the request is as its file says."""
        item, document = self._item(request)
        operation = item[request.method.lower()]
        parameters = [
            self._whole(parameter, document) for parameter in (*item.get("parameters", ()), *operation.get("parameters", ()))
        ]
        known = {parameter["name"]: parameter for parameter in parameters if parameter["in"] == "query"}
        for name, value in request.query.items():
            if name not in known:
                raise Breach(f"{request.path}: no query parameter {name}")
            _check_query(known[name], value)
        self._check_body(request, operation, parameters, document)
        return operation, document

    def reply(self, reply: Reply, operation: dict[str, Any], document: dict[str, Any]) -> None:
        if reply.status in (401, 403, 429) or reply.status >= 500:
            return
        said = operation["responses"].get(str(reply.status))
        if said is None:
            raise Breach(f"answers no {reply.status}")
        said = self._whole(said, document)
        schema = said.get("schema") or said.get("content", {}).get("application/json", {}).get("schema")
        if schema and not isinstance(reply.body, bytes):
            _validate(reply.body, schema)

    def _whole(self, node: dict[str, Any], document: dict[str, Any]) -> Any:
        if id(node) not in self._known:
            self._known[id(node)] = _expand(node, document)
        return self._known[id(node)]

    def _item(self, request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
        fitting = [found for found in self._paths if found[0].fullmatch(request.path) and request.method.lower() in found[1]]
        if not fitting:
            raise Breach(f"{request.method} {request.path} does not exist")
        pattern, item, document = max(fitting, key=lambda found: ("+" not in found[0].pattern, len(found[0].pattern)))
        if item[request.method.lower()].get("deprecated"):
            raise Breach(f"{request.method} {request.path} is deprecated")
        return item, document

    def _check_body(
        self, request: Request, operation: dict[str, Any], parameters: list[dict[str, Any]], document: dict[str, Any]
    ) -> None:
        kind = request.headers.get("content-type", "").partition(";")[0]
        if kind == "application/x-www-form-urlencoded":
            # Akeneo documents the renewal of a token on a page, not in its file: its double checks that body.
            return
        body = next((parameter for parameter in parameters if parameter["in"] == "body"), None)
        content = self._whole(operation["requestBody"], document).get("content", {}) if "requestBody" in operation else {}
        if body is None and not content:
            if request.body:
                raise Breach(f"{request.path} takes no body")
            return
        schema = content[kind]["schema"] if content and kind in content else body and body["schema"]
        if not schema:
            raise Breach(f"{request.path} takes no {kind}")
        fields = dict.fromkeys(request.parts()) if kind == "multipart/form-data" else request.json
        if unknown := set(fields) - set(_properties(schema)) if isinstance(fields, dict) else set():
            raise Breach(f"{request.path}: no field {sorted(unknown)}")
        if kind == "application/json":
            _validate(fields, schema)


def _load(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if file.suffix == ".json" else yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _expand(node: Any, document: dict[str, Any], above: tuple[str, ...] = ()) -> Any:
    """References written out. `oneOf` is read as `anyOf`: BigCommerce's alternatives allow each other."""
    if isinstance(node, list):
        return [_expand(item, document, above) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(reference := node.get("$ref"), str):
        if reference in above:
            return {}
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return _expand(found, document, (*above, reference))
    return {
        "anyOf" if name == "oneOf" else name: _expand(value, document, above)
        for name, value in node.items()
        if name not in ("example", "examples", "x-examples", "description") or (name == "description" and isinstance(value, dict))
    }


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    found = dict(schema.get("properties", {}))
    for part in (*schema.get("allOf", ()), *schema.get("anyOf", ())):
        found |= _properties(part)
    return found


def _validate(value: Any, schema: dict[str, Any]) -> None:
    for error in OAS30Validator(schema).iter_errors(value):
        raise Breach(f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")


def _check_query(parameter: dict[str, Any], value: str) -> None:
    schema = parameter.get("schema") or {
        name: parameter[name] for name in ("type", "enum", "maximum", "minimum") if name in parameter
    }
    items = schema.get("items") if schema.get("type") == "array" else None
    for part in value.split(",") if items else [value]:
        kind = (items or schema).get("type")
        _validate(
            int(part) if kind == "integer" and part.lstrip("-").isdigit() else part == "true" if kind == "boolean" else part,
            items or schema,
        )


class Double:
    """A vendor. `answer` does the work; calls are counted by method and path."""

    def __init__(self, contract: Contract | None) -> None:
        self.contract, self.url = contract, ""
        self.faults: list[Fault] = []
        self.calls: list[tuple[str, str]] = []
        self.breaches: list[str] = []
        self.headers: dict[str, str] = {}
        self.lock = threading.RLock()
        self.busy = self.most = 0
        self.meeting: threading.Barrier | None = None

    def answer(self, request: Request) -> Reply:
        raise NotImplementedError

    def counted(self, method: str) -> Counter[str]:
        return Counter(path for called, path in self.calls if called == method)

    def take(self, request: Request) -> Reply | None:
        """The reply; None where none is given."""
        with self.lock:
            self.calls.append((request.method, request.path))
            fault = next((f for f in self.faults if f.times and f.method == request.method and f.path in request.path), None)
            if fault:
                fault.times -= 1
                if not fault.lost:
                    return Reply(fault.status, {"title": "no"}, fault.headers)
            try:
                reply = self._checked(request)
            except Breach as breach:
                self.breaches.append(str(breach))
                return Reply(BROKEN, {"title": str(breach)})
            return None if fault else reply

    def _checked(self, request: Request) -> Reply:
        checked = self.contract and self.contract.request(request)
        reply = self.answer(request)
        if self.contract and checked:
            self.contract.reply(reply, *checked)
        return reply


@contextmanager
def served(double: Double) -> Iterator[None]:
    """The double on a free port of loopback. Ends with an assertion that the vendor's contract was never broken."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            split = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = dict(parse_qsl(split.query, keep_blank_values=True))
            with double.lock:
                double.busy += 1
                double.most = max(double.most, double.busy)
            try:
                if double.meeting:
                    double.meeting.wait()
                reply = double.take(Request(self.command, unquote(split.path), query, headers, self.rfile.read(size)))
            finally:
                with double.lock:
                    double.busy -= 1
            if reply is None:
                self.close_connection = True
                return
            self.give(reply)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def give(self, reply: Reply) -> None:
            body = reply.body if isinstance(reply.body, bytes) else b"" if reply.body is None else json.dumps(reply.body).encode()
            self.send_response_only(reply.status)
            headers: Mapping[str, str] = {"content-type": "application/json", **double.headers, **reply.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            if reply.status != 204:
                self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if reply.status != 204 else b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
        assert not double.breaches, double.breaches
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@lru_cache(maxsize=4)
def contract_of(vendor: str) -> Contract | None:
    """None where the vendor's files are not at hand: the double then only does its work."""
    folder = SCHEMAS / vendor
    if not folder.is_dir():
        return None
    if vendor == "bigcommerce":
        names = ("products", "product-variants", "brands", "categories", "category-trees")
        return Contract(*(folder / f"{name}_catalog.v3.yml" for name in names), base="/stores/abc123/v3")
    return Contract(folder / "akeneo-web-api.json", loosen=_loosen)


def _loosen(node: Any) -> Any:
    """Akeneo's file calls `data` of a value an object, `parent` and `scope` never null: the PIM answers texts, lists and null."""
    if isinstance(node, list):
        return [_loosen(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {name: _loosen(value) for name, value in node.items()}
    properties = found.get("properties")
    if isinstance(properties, dict):
        for name in ("parent", "scope", "locale", "family"):
            if isinstance(properties.get(name), dict) and properties[name].get("type") == "string":
                properties[name] = {"type": "string", "nullable": True}
        if {"scope", "locale", "data"} <= properties.keys():
            properties["data"] = {}
    return found
