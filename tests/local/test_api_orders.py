"""Orders over HTTP against the real desk: made, found again, followed, waited for, cancelled, retried, listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.local.running import Running, photo, running

WAIT = {"prefer": "wait=100"}
NOBODY = "ord_00000000000000000000000000"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("api")) as found:
        yield found


@pytest.fixture(scope="module")
def http(service: Running) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


def upload(http: httpx.Client, seed: int) -> str:
    answer = http.post("/v1/assets", content=photo(seed))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["hash"])


def order(http: httpx.Client, asset: str, headers: dict[str, str] | None = None, **more: object) -> httpx.Response:
    return http.post("/v1/images", json={"input": {"asset": asset}, "template": "tiny-grey", **more}, headers=headers)


def last_event(http: httpx.Client, path: str) -> dict[str, Any]:
    """What the last event of an ended order says."""
    lines = [line for line in http.get(path).text.splitlines() if line.startswith("data: ")]
    return dict(json.loads(lines[-1].removeprefix("data: ")))


def test_made_once_then_known(service: Running, http: httpx.Client) -> None:
    asset = upload(http, 1)
    first = order(http, asset, WAIT, metadata={"ticket": "4711"})
    assert (first.status_code, first.headers["preference-applied"]) == (200, "wait=100")
    made = first.json()
    assert (made["state"], made["metadata"], made["cost"]["cache_hit"]) == ("succeeded", {"ticket": "4711"}, False)
    image = http.get(made["assets"][0]["url"])
    assert (image.status_code, image.headers["content-type"], len(image.content)) == (
        200,
        "image/jpeg",
        made["assets"][0]["bytes"],
    )

    renders = len(service.rendered)
    again = order(http, asset)
    assert (again.status_code, again.json()["cost"]["cache_hit"]) == (200, True)
    assert again.json()["id"] != made["id"]
    assert again.json()["assets"][0]["hash"] == made["assets"][0]["hash"]
    assert len(service.rendered) == renders
    worked, known = (last_event(http, answer.json()["links"]["events"]) for answer in (first, again))
    assert (worked["seq"] > 1, known["seq"], worked["type"]) == (True, 1, "order.succeeded")
    assert known["data"]["assets"] == worked["data"]["assets"]
    assert set(known["data"]) == set(worked["data"])


def test_accepted_then_followed_to_the_end(http: httpx.Client) -> None:
    answer = order(http, upload(http, 2), {"prefer": "respond-async"})
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")
    place = answer.headers["location"]
    with http.stream("GET", place + "/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in stream.iter_lines() if line]
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert (names[0], names[-1]) == ("order.queued", "order.succeeded")
    numbers = [int(line.removeprefix("id: ")) for line in lines if line.startswith("id: ")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(json.loads(line.removeprefix("data: "))["seq"] for line in lines if line.startswith("data: "))

    rest = http.get(place + "/events", headers={"last-event-id": str(numbers[-2])}).text
    assert [line for line in rest.splitlines() if line.startswith("id: ")] == [f"id: {numbers[-1]}"]
    assert http.get(place + "/events", headers={"last-event-id": str(numbers[-1])}).status_code == 204
    assert http.get(place, headers=WAIT).json()["state"] == "succeeded"


def test_upload_in_one_call(http: httpx.Client) -> None:
    form = {"request": (None, json.dumps({"template": "tiny-grey", "product": {"sku": "CUP"}}), "application/json")}
    answer = http.post("/v1/images", files={**form, "file": ("cup.png", photo(3), "image/png")}, headers=WAIT)
    assert (answer.status_code, answer.json()["sku"], answer.json()["state"]) == (200, "CUP", "succeeded")


def test_a_dry_run_spends_nothing(service: Running, http: httpx.Client) -> None:
    before = len(http.get("/v1/orders", params={"limit": 200}).json()["items"]), len(service.rendered)
    form = {"request": (None, json.dumps({"template": "tiny-grey"})), "file": ("cup.png", photo(4))}
    quoted = http.post("/v1/images", params={"dry_run": True}, files=form)
    assert (quoted.status_code, quoted.json()["shots"], quoted.json()["cached"]) == (200, 1, 0)
    assert quoted.json()["price"] > 0
    assert (len(http.get("/v1/orders", params={"limit": 200}).json()["items"]), len(service.rendered)) == before
    known = upload(http, 1)
    order(http, known, WAIT)
    body = {"input": {"asset": known}, "template": "tiny-grey"}
    assert http.post("/v1/quote", json=body).json()["cached"] == 1
    assert http.get("/v1/quote", params={"template": "tiny-grey", "asset": known}).json()["price"] == 0


def test_idempotency(http: httpx.Client) -> None:
    asset, key = upload(http, 5), {"idempotency-key": "K-1"}
    first, second = order(http, asset, key), order(http, asset, key | WAIT)
    assert first.json()["id"] == second.json()["id"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    other = order(http, asset, key, metadata={"other": "request"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")


def test_idempotency_keys_belong_to_an_api_key(service: Running, http: httpx.Client) -> None:
    asset, key = upload(http, 5), {"idempotency-key": "K-2"}
    with service.client("other") as other:
        assert order(http, asset, key).json()["id"] != order(other, asset, key).json()["id"]


def test_others_orders_do_not_exist(service: Running, http: httpx.Client) -> None:
    mine = order(http, upload(http, 1), WAIT).json()["id"]
    with service.client("other") as other, service.client("root") as root:
        for method, path in [("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/retry")]:
            answer = other.request(method, f"/v1/orders/{mine}{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert all(item["id"] != mine for item in other.get("/v1/orders", params={"limit": 200}).json()["items"])
        assert root.get(f"/v1/orders/{mine}").status_code == 200


def test_an_ended_order_is_retried_not_cancelled(http: httpx.Client) -> None:
    made = order(http, upload(http, 1), WAIT).json()
    assert made["links"]["cancel"] is None
    refused = http.post(f"/v1/orders/{made['id']}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    again = http.post(made["links"]["retry"])
    assert (again.status_code, again.headers["location"]) == (202, made["links"]["self"])
    assert http.get(made["links"]["self"], headers=WAIT).json()["state"] == "succeeded"


def test_failed_orders_say_why(http: httpx.Client) -> None:
    """A private address is refused when it is fetched, after the order was accepted."""
    body = {"input": {"url": "http://127.0.0.1:9/mug.jpg"}, "template": "tiny-grey"}
    answer = http.post("/v1/images", json=body, headers=WAIT)
    assert (answer.status_code, answer.json()["state"]) == (200, "failed")
    assert answer.json()["error"]["code"] == "fetch_refused"


def test_lists_are_filtered_and_paged(http: httpx.Client) -> None:
    asset = upload(http, 1)
    made = [order(http, asset, WAIT, product={"sku": "PAGE"}, priority=p).json()["id"] for p in ("urgent", "standard", "urgent")]
    seen, cursor = [], ""
    for _ in range(4):
        page = http.get("/v1/orders", params={"sku": "PAGE", "limit": 1, "cursor": cursor}).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert seen == made[::-1]
    urgent = http.get("/v1/orders", params={"sku": "PAGE", "priority": "urgent", "state": "succeeded", "template": "tiny-grey"})
    assert [item["id"] for item in urgent.json()["items"]] == [made[2], made[0]]
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert http.get("/v1/orders", params={"created_after": later}).json() == {"items": [], "next": ""}
    bad = http.get("/v1/orders", params={"cursor": "nonsense"})
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_cursor")


def test_one_trace_from_the_request_to_the_order(http: httpx.Client) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = order(http, upload(http, 1), {"traceparent": f"00-{trace}-b7ad6b7169203331-01"} | WAIT)
    assert answer.json()["trace"] == trace
    assert answer.headers["traceparent"].split("-")[1] == trace
    problem = http.get(f"/v1/orders/{NOBODY}", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert problem.json()["trace"] == trace


def test_faults_of_the_body_have_pointers(http: httpx.Client) -> None:
    body = {
        "input": {"asset": "0" * 64},
        "template": "tiny-grey",
        "edits": {"layout": {"target_fill": 7}},
        "metadata": {"a/b": "c"},
    }
    answer = http.post("/v1/images", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    pointers = {fault["pointer"] for fault in answer.json()["errors"]}
    assert "#/edits/layout/target_fill" in pointers
    assert any(pointer.startswith("#/metadata/a~1b") for pointer in pointers)
    assert http.get("/v1/orders", params={"limit": 1000}).json()["errors"][0]["parameter"] == "limit"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"input": {"asset": "0" * 64}, "template": "tiny-grey"}, 404, "not_stored"),
        ({"input": {"sku": "nobody"}, "template": "tiny-grey"}, 404, "not_found"),
        ({"input": {"url": "https://shop.example/a.jpg"}, "template": "no-such"}, 404, "unknown_template"),
        (
            {"input": {"url": "https://shop.example/a.jpg"}, "template": "tiny-grey", "destinations": ["mars"]},
            404,
            "unknown_template",
        ),
        ({"input": {"url": "file:///etc/passwd"}, "template": "tiny-grey"}, 422, "invalid_input"),
        (
            {"input": {"url": "https://a.example"}, "template": "tiny-grey", "edits": {"cutout": {"prompt": "mug"}}},
            501,
            "not_supported",
        ),
        ({"template": "tiny-grey"}, 422, "invalid_input"),
        ({"input": {"url": "https://a.example"}, "template": "tiny-grey", "colour": "red"}, 422, "invalid_input"),
        ([], 422, "invalid_input"),
    ],
)
def test_what_cannot_be_ordered(http: httpx.Client, body: object, status: int, code: str) -> None:
    answer = http.post("/v1/images", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_figures_count_what_happened(http: httpx.Client, service: Running) -> None:
    text = http.get("/metrics").text
    assert 'packshot_http_requests_total{method="POST",route="/v1/images",status="200"}' in text
    assert 'packshot_cache_lookups_total{result="hit"}' in text
    assert 'packshot_orders_waiting{priority="urgent"} 0.0' in text
    assert not any(secret in text for secret in service.secrets.values())
    assert "ord_" not in text
