"""Who may call what: every route of the OpenAPI document, without a key, with a revoked one, with one that may only read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from cluster.settings import ApiSettings
from serve_apps.http.api import make_api
from serve_apps.parts import Parts, open_parts
from tests import sample

PUBLIC = {"/healthz", "/readyz"}
IDS = {
    "/v1/orders/{id}": "ord_00000000000000000000000000",
    "/v1/batches/{id}": "bat_00000000000000000000000000",
}


class Idle:
    """Nothing is carried out."""

    async def start(self, order_id: str) -> None: ...

    async def cancel(self, order_id: str) -> bool:
        return False

    async def wait(self, order_id: str, seconds: float) -> bool:
        return False


def app_of(folder: Path, **api: Any) -> tuple[Parts, TestClient]:
    parts = open_parts(sample.settings(folder, api=ApiSettings(**api)), Idle())
    return parts, TestClient(make_api(parts), raise_server_exceptions=False)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Parts, TestClient]]:
    parts, client = app_of(tmp_path_factory.mktemp("auth"))
    with client:
        yield parts, client


def operations(client: TestClient) -> list[tuple[str, str, dict[str, Any]]]:
    paths = client.get("/openapi.json").json()["paths"]
    return [(method.upper(), path, operation) for path, item in paths.items() for method, operation in item.items()]


def filled(path: str) -> str:
    for start, value in IDS.items():
        if path.startswith(start):
            path = path.replace("{id}", value)
    return re.sub(r"\{hash\}", "0" * 64, re.sub(r"\{(?!hash)[a-z_]+\}", "x", path))


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    if answer.request.method != "HEAD":
        assert answer.json()["code"] == code


def test_every_route_wants_a_key(app: tuple[Parts, TestClient]) -> None:
    _, client = app
    found = operations(client)
    assert len(found) >= 25
    for method, path, operation in found:
        if path in PUBLIC:
            assert "security" not in operation
            assert client.request(method, path).status_code == 200
            continue
        for headers in ({}, {"authorization": "Bearer pk_nonsense"}, {"x-api-key": "x" * 80}, {"authorization": "Basic abc"}):
            if not path.startswith("/hooks/"):
                answer = client.request(method, filled(path), headers=headers)
                refused(answer, 401, "unauthenticated")
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert operation["security"] == [{"bearer": []}, {"key": []}]


def test_a_reader_may_not_write(app: tuple[Parts, TestClient]) -> None:
    parts, client = app
    headers = {"authorization": "Bearer " + parts.keys.issue("reader", {"read"})[1]}
    writing = [(m, p) for m, p, o in operations(client) if o.get("x-required-scope") == "write"]
    assert {"/v1/images", "/v1/batches", "/v1/assets", "/v1/orders/{id}/cancel", "/v1/orders/{id}/retry"} <= {
        p for _, p in writing
    }
    for method, path in writing:
        refused(client.request(method, filled(path), headers=headers), 403, "forbidden")
    for method, path, operation in operations(client):
        if operation.get("x-required-scope") == "read":
            assert client.request(method, filled(path), headers=headers).status_code not in (401, 403), path


def test_a_catalogue_is_for_administrators(app: tuple[Parts, TestClient]) -> None:
    parts, client = app
    headers = {"authorization": "Bearer " + parts.keys.issue("writer", {"write"})[1]}
    refused(client.post("/v1/batches", json={"catalog": "file:///catalog.csv"}, headers=headers), 403, "forbidden")


def test_both_headers_work(app: tuple[Parts, TestClient]) -> None:
    parts, client = app
    secret = parts.keys.issue("reader", {"read"})[1]
    for headers in ({"authorization": f"Bearer {secret}"}, {"authorization": f"bearer  {secret}"}, {"x-api-key": secret}):
        assert client.get("/v1/templates", headers=headers).status_code == 200
    refused(client.get("/v1/templates", headers={"x-api-key": secret, "authorization": "Bearer other"}), 401, "unauthenticated")


def test_a_revoked_key_is_refused(tmp_path: Path) -> None:
    parts, client = app_of(tmp_path)
    key, secret = parts.keys.issue("gone", {"admin"})
    headers = {"x-api-key": secret}
    with client:
        parts.keys.revoke(key.id)
        refused(client.get("/v1/orders", headers=headers), 401, "unauthenticated")


def test_the_body_of_a_stranger_is_never_read(app: tuple[Parts, TestClient]) -> None:
    _, client = app
    sent: list[Message] = []
    headers = [(b"host", b"x"), (b"content-type", b"application/json"), (b"content-length", b"64000000")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/images",
        "raw_path": b"/v1/images",
        "query_string": b"",
        "headers": headers,
    }

    async def receive() -> Message:
        raise AssertionError("the body was read")

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(client.app({**scope, "http_version": "1.1", "scheme": "http", "asgi": {"version": "3.0"}}, receive, send))
    assert sent[0]["status"] == 401
    assert (b"connection", b"close") in sent[0]["headers"]


def test_a_key_runs_out_of_calls(tmp_path: Path) -> None:
    parts, client = app_of(tmp_path, rate_per_minute=1000)
    secret = parts.keys.issue("slow", {"read"}, rate_per_minute=3)[1]
    with client:
        answers = [client.get("/v1/templates", headers={"x-api-key": secret}) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        refused(answers[-1], 429, "rate_limited")
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0", "r=0"]
        other = parts.keys.issue("other", {"read"})[1]
        assert client.get("/v1/templates", headers={"x-api-key": other}).status_code == 200


def test_without_keys_everybody_is_administrator(tmp_path: Path) -> None:
    _, client = app_of(tmp_path, require_keys=False)
    with client:
        assert client.get("/v1/orders").status_code == 200


def test_draining_and_warming_are_not_ready(tmp_path: Path) -> None:
    parts, client = app_of(tmp_path)
    with client:
        assert client.get("/readyz").json() == {"status": "ready"}
        parts.readiness.draining = True
        refused(client.get("/readyz"), 503, "not_ready")
        assert client.get("/healthz").status_code == 200
        parts.readiness.draining, parts.readiness.warm = False, False
        answer = client.get("/readyz")
        refused(answer, 503, "not_ready")
        assert int(answer.headers["retry-after"]) >= 1


def test_every_answer_is_hardened(app: tuple[Parts, TestClient]) -> None:
    _, client = app
    for path in ("/healthz", "/v1/orders", "/nowhere", "/docs", "/openapi.json"):
        headers = client.get(path, headers={"origin": "https://evil.example"}).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers
        assert headers["traceparent"].startswith("00-")


def test_the_document_is_complete(app: tuple[Parts, TestClient]) -> None:
    _, client = app
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["components"]["securitySchemes"]) == {"bearer", "key"}
    for method, path, operation in operations(client):
        assert operation["summary"], path
        assert operation["operationId"]
        problems = {code: r for code, r in operation["responses"].items() if code >= "400"}
        assert problems
        assert all(list(r["content"]) == ["application/problem+json"] for r in problems.values()), (method, path)
    missing = []
    for name, schema in document["components"]["schemas"].items():
        if name.endswith(("Request", "View", "Quote", "Problem", "Item")):
            missing += [
                f"{name}.{n}" for n, p in schema.get("properties", {}).items() if "description" not in p and "$ref" not in p
            ]
    assert missing == []
