"""What strangers and broken clients send: never a 500, always a problem, and nothing expensive on the way."""

from __future__ import annotations

import json
import socket
import struct
import zlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.local.running import Running, photo, running

BOUNDARY = "----b"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("hostile"), max_body_bytes=3_000_000) as found:
        yield found


@pytest.fixture(scope="module")
def http(service: Running) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


@pytest.fixture(autouse=True)
def _no_faults_of_ours(http: httpx.Client) -> Iterator[None]:
    yield
    assert not [line for line in http.get("/metrics").text.splitlines() if 'status="500"' in line]


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert answer.json()["code"] == code


def bomb(side: int) -> bytes:
    """A valid PNG of `side` x `side` one-bit pixels in a few kilobytes."""
    rows = zlib.compress(b"\0" * (side // 8 + 1) * min(side, 4096), 9)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b"")]
    chunks = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 422, "empty_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 415, "unknown_format"),
        (b"<!doctype html><script>alert(1)</script>", 415, "unknown_format"),
        (b"%PDF-1.7", 415, "unknown_format"),
        (b"PK\x03\x04" + b"\0" * 40, 415, "unknown_format"),
        (bytes(range(256)) * 10, 415, "unknown_format"),
        (b"\x89PNG\r\n\x1a\n", 422, "truncated_image"),
        (photo()[:20], 422, "truncated_image"),
        (bomb(60_000), 413, "too_many_pixels"),
    ],
)
def test_what_is_no_picture(http: httpx.Client, data: bytes, status: int, code: str) -> None:
    refused(http.post("/v1/assets", content=data), status, code)
    if data:
        form = {"request": (None, json.dumps({"template": "tiny-grey"})), "file": ("a.png", data)}
        refused(http.post("/v1/images", files=form), status, code)


def test_a_body_is_cut_off_while_it_streams(http: httpx.Client) -> None:
    sent = []

    def endless() -> Iterator[bytes]:
        for _ in range(400):
            sent.append(1)
            yield b"x" * 65_536

    try:
        answer = http.post("/v1/assets", content=endless())
    except httpx.TransportError:
        answer = None  # the server hung up while we were still sending, which is as good
    if answer is not None:
        refused(answer, 413, "body_too_large")
    refused(http.post("/v1/assets", content=b"x" * 3_000_001), 413, "body_too_large")


def test_a_json_request_is_small(http: httpx.Client) -> None:
    body = {"input": {"asset": "0" * 64}, "template": "tiny-grey", "product": {"title": "x" * 1_100_000}}
    refused(http.post("/v1/images", json=body), 413, "body_too_large")


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"", "application/json", 422, "invalid_input"),
        (b"{", "application/json", 422, "invalid_input"),
        (b"null", "application/json", 422, "invalid_input"),
        (b"\xff\xfe{}", "application/json", 422, "invalid_input"),
        (b"[" * 100_000, "application/json", 422, "invalid_input"),
        (b"{}", "", 415, "unsupported_media_type"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"a=b", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"", "multipart/form-data", 400, "bad_request"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 422, "invalid_input"),
        (b"anything", f"multipart/form-data; boundary={BOUNDARY}", 400, "bad_request"),
        (f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}", 422, "invalid_input"),
    ],
)
def test_broken_bodies(http: httpx.Client, content: bytes, kind: str, status: int, code: str) -> None:
    headers = {"content-type": kind} if kind else {}
    refused(http.post("/v1/images", content=content, headers=headers), status, code)


def test_forms_with_other_parts(http: httpx.Client) -> None:
    request = (None, json.dumps({"template": "tiny-grey"}))
    picture = ("a.png", photo())
    refused(http.post("/v1/images", files={"request": request, "file": picture, "more": (None, "x")}), 422, "invalid_input")
    refused(http.post("/v1/images", files={"request": request, "picture": picture}), 422, "invalid_input")
    refused(http.post("/v1/images", files={"request": request, "file": (None, "no name")}), 422, "invalid_input")
    refused(http.post("/v1/images", files=[("file", picture), ("file", picture), ("request", request)]), 422, "invalid_input")
    named = ("request.json", json.dumps({"template": "no-such"}), "application/json")
    refused(http.post("/v1/images", files={"request": named, "file": picture}), 404, "unknown_template")


@pytest.mark.parametrize("text", ["a\0b", "\0", "\\\0"])
def test_nul_characters(http: httpx.Client, text: str) -> None:
    photo_at = {"url": "https://shop.example/a.jpg"}
    refused(
        http.post("/v1/images", json={"input": photo_at, "template": "tiny-grey", "product": {"title": text}}),
        422,
        "invalid_input",
    )
    refused(http.get("/v1/orders", params={"sku": text}), 422, "invalid_input")
    refused(http.get("/v1/orders", params={"cursor": text}), 422, "invalid_input")


def test_an_escaped_backslash_before_u0000_is_no_nul(http: httpx.Client) -> None:
    body = {"input": {"url": "https://1.1.1.1:9/a.jpg"}, "template": "tiny-grey", "product": {"title": "path\\u0000"}}
    assert http.post("/v1/images", json=body).status_code == 202


@pytest.mark.parametrize(
    "text", ["Ünïcödé 商品 🧦", "\u202eright-to-left", "a" * 200, "'; DROP TABLE orders; --", "%00", "../../etc/passwd"]
)
def test_strange_names_come_back_as_they_went(http: httpx.Client, text: str) -> None:
    body = {
        "input": {"url": "https://1.1.1.1:9/a.jpg"},
        "template": "tiny-grey",
        "product": {"sku": text},
        "metadata": {"m": text},
    }
    answer = http.post("/v1/images", json=body)
    assert (answer.status_code, answer.json()["sku"], answer.json()["metadata"]) == (202, text, {"m": text})
    assert [item["sku"] for item in http.get("/v1/orders", params={"sku": text}).json()["items"]] == [text]


def test_half_a_character(http: httpx.Client) -> None:
    raw = b'{"input": {"url": "https://a.example"}, "template": "tiny-grey", "product": {"title": "\\ud800"}}'
    refused(http.post("/v1/images", content=raw, headers={"content-type": "application/json"}), 422, "invalid_input")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "http://[::1]/x", "http://169.254.169.254/latest", "http://0x7f.1/", "https://a@127.0.0.1/"]
)
def test_our_own_network_is_not_fetched(http: httpx.Client, url: str) -> None:
    answer = http.post("/v1/images", json={"input": {"url": url}, "template": "tiny-grey"}, headers={"prefer": "wait=60"})
    assert answer.json()["state"] == "failed"
    assert answer.json()["error"]["code"] in ("fetch_refused", "fetch_failed")


def test_routes_that_do_not_exist(http: httpx.Client) -> None:
    refused(http.get("/v1/nothing"), 404, "not_found")
    refused(http.get("/v1/orders/"), 404, "not_found")
    refused(http.get("/v1/orders/..%2f..%2fetc"), 404, "not_found")
    refused(http.get("/v1/orders/ord_1"), 422, "invalid_input")
    refused(http.get("/v1/assets/" + "g" * 64), 422, "invalid_input")
    wrong = http.put("/v1/images", content=b"x")
    refused(wrong, 405, "method_not_allowed")
    assert wrong.headers["allow"] == "POST"
    refused(http.request("PROPFIND", "/v1/orders"), 405, "method_not_allowed")


def test_twenty_thousand_header_fields(service: Running) -> None:
    place = urlsplit(service.url)
    assert place.hostname
    with socket.create_connection((place.hostname, place.port or 80), 30) as line:
        line.sendall(b"GET /v1/orders HTTP/1.1\r\nhost: x\r\n" + b"".join(b"x-%d: y\r\n" % n for n in range(20_000)) + b"\r\n")
        answer = line.recv(65_536)
    assert answer.split(b" ", 2)[1] in (b"431", b"400")


def test_long_addresses_and_fields(http: httpx.Client) -> None:
    refused(http.get("/v1/orders", params={"sku": "x" * 9_000}), 431, "headers_too_large")
    refused(http.get("/v1/orders", headers={"x-long": "y" * 40_000}), 431, "headers_too_large")


@pytest.mark.parametrize("value", ["", "a b", "x" * 256, "ü"])
def test_bad_idempotency_keys(http: httpx.Client, value: str) -> None:
    body = {"input": {"url": "https://1.1.1.1:9/a.jpg"}, "template": "tiny-grey"}
    refused(http.post("/v1/images", json=body, headers={"idempotency-key": value.encode()}), 422, "invalid_input")


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "yesterday", "2026-01-01T00:00:00"])
def test_times_at_the_end_of_the_calendar(http: httpx.Client, when: str) -> None:
    for name in ("created_after", "created_before"):
        assert http.get("/v1/orders", params={name: when}).status_code in (200, 422)
    body = {"input": {"url": "https://1.1.1.1:9/a.jpg"}, "template": "tiny-grey", "deadline": when}
    assert http.post("/v1/images", json=body).status_code in (202, 422)
