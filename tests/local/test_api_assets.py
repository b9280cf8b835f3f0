"""Assets over HTTP: immutable, conditional, in ranges; templates and destinations."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from blake3 import blake3
from starlette.testclient import TestClient

from serve_apps.http.api import make_api
from serve_apps.parts import Parts, open_parts
from tests import sample
from tests.local.running import photo
from tests.local.test_api_auth import Idle

DATA = photo(1, 300, "JPEG")
HASH = blake3(DATA).hexdigest()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Parts, TestClient]]:
    parts = open_parts(sample.settings(tmp_path_factory.mktemp("assets")), Idle())
    secret = parts.keys.issue("writer", {"write"})[1]
    with TestClient(make_api(parts), headers={"x-api-key": secret}) as client:
        assert client.post("/v1/assets", content=DATA).status_code == 201
        yield parts, client


@pytest.fixture
def http(app: tuple[Parts, TestClient]) -> httpx.Client:
    return app[1]


def get(http: httpx.Client, method: str = "GET", **headers: str) -> httpx.Response:
    return http.request(method, f"/v1/assets/{HASH}", headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_an_upload_is_described(http: httpx.Client) -> None:
    answer = http.post("/v1/assets", content=DATA)
    assert answer.headers["location"] == f"/v1/assets/{HASH}"
    assert answer.json() == {
        "hash": HASH,
        "url": f"/v1/assets/{HASH}",
        "media_type": "image/jpeg",
        "width": 300,
        "height": 300,
        "bytes": len(DATA),
    }


def test_bytes_for_ever(http: httpx.Client) -> None:
    answer = get(http)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["etag"] == f'"{HASH}"'
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["accept-ranges"] == "bytes"


def test_head_has_the_same_head(http: httpx.Client) -> None:
    whole, head = get(http), get(http, "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    same = ("etag", "content-length", "content-type", "cache-control", "accept-ranges")
    assert [head.headers[name] for name in same] == [whole.headers[name] for name in same]


def test_what_you_have_is_not_sent_again(http: httpx.Client) -> None:
    for tag in (f'"{HASH}"', f'W/"{HASH}"', "*", f'"x", "{HASH}"'):
        answer = get(http, if_none_match=tag)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", f'"{HASH}"')
    assert get(http, if_none_match='"x"').status_code == 200


def test_ranges(http: httpx.Client) -> None:
    answer = get(http, range="bytes=10-19")
    assert (answer.status_code, answer.content) == (206, DATA[10:20])
    assert answer.headers["content-range"] == f"bytes 10-19/{len(DATA)}"
    assert get(http, range="bytes=-5").content == DATA[-5:]
    assert get(http, range="bytes=0-1,4-5").content == DATA
    assert get(http, range="bytes=0-1", if_range='"stale"').content == DATA
    beyond = get(http, range=f"bytes={len(DATA)}-")
    assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")
    assert beyond.headers["content-range"] == f"bytes */{len(DATA)}"


def test_only_pictures_are_handed_out(app: tuple[Parts, TestClient]) -> None:
    parts, http = app
    secret = parts.storage.put_blob(b'{"what": "a step remembered"}')
    page = parts.storage.put_blob(b"<html><script>alert(1)</script></html>")
    for digest in (secret, page, "0" * 64):
        answer = http.get(f"/v1/assets/{digest}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_stored")
    assert http.get("/v1/assets/" + "0" * 64, headers={"if-none-match": "*"}).status_code == 404


def test_templates_and_destinations(http: httpx.Client) -> None:
    items = http.get("/v1/templates").json()["items"]
    assert {"tiny-grey", "amazon-white"} <= {item["id"] for item in items}
    newest, pinned = http.get("/v1/templates/tiny-grey").json(), http.get("/v1/templates/tiny-grey@1").json()
    assert newest == pinned
    assert newest["background"] == {"kind": "colour", "colour": "#f4f4f4"}
    unknown = http.get("/v1/templates/tiny-gray")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_template")
    assert "tiny-grey" in unknown.json()["detail"]
    assert "tiny" in {item["id"] for item in http.get("/v1/destinations").json()["items"]}
