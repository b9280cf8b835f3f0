"""Batches over HTTP: lines, products, forms and JSON; wrong items beside good ones; what is too much becomes a job."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from cluster.settings import ApiSettings
from serve_apps.http.api import make_api
from serve_apps.parts import CatalogJob, Parts, open_parts
from tests import sample
from tests.local.running import photo
from tests.local.test_api_auth import Idle

CSV = "sku,title,image_front\nMUG-01,Mug,https://shop.example/mug.jpg\nMUG-02,Mug,https://shop.example/mug2.jpg\n"


@dataclass
class Cluster:
    """Takes jobs and says that they run."""

    jobs: list[CatalogJob] = field(default_factory=list)

    async def submit(self, job: CatalogJob) -> str:
        self.jobs.append(job)
        return job.job_id

    async def state(self, job_id: str) -> str:
        return "RUNNING" if any(job.job_id == job_id for job in self.jobs) else "FAILED"


@dataclass
class Shop:
    parts: Parts
    http: TestClient
    cluster: Cluster
    asset: str
    root: dict[str, str]

    def batch(self, content: bytes | str, kind: str = "application/jsonl", **more: str) -> httpx.Response:
        headers = {"content-type": kind} | {name.replace("_", "-"): value for name, value in more.items()}
        return self.http.post("/v1/batches", params={"template": "tiny-grey"}, content=content, headers=headers)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    cluster = Cluster()
    parts = open_parts(
        sample.settings(tmp_path, api=ApiSettings(max_batch_items=20)), Idle(), submit_job=cluster.submit, job_state=cluster.state
    )
    secrets = {name: parts.keys.issue(name, {name})[1] for name in ("write", "admin")}
    with TestClient(make_api(parts), headers={"x-api-key": secrets["write"]}) as client:
        asset = client.post("/v1/assets", content=photo()).json()["hash"]
        yield Shop(parts, client, cluster, asset, {"x-api-key": secrets["admin"]})


def line(asset: str, **more: object) -> str:
    return json.dumps({"input": {"asset": asset}, **more}) + "\n"


def test_lines_become_orders_and_wrong_ones_do_not_stop_them(shop: Shop) -> None:
    good = line(shop.asset, product={"sku": "A"}) + line(shop.asset, product={"sku": "B"}, metadata={"n": "2"})
    bad = (
        line("0" * 64)
        + "{broken\n"
        + line(shop.asset, template="no-such")
        + '{"input": {"asset": "short"}, "product": {"sku": "C"}}\n'
    )
    answer = shop.batch(good + bad, idempotency_key="K")
    assert answer.status_code == 202, answer.text
    batch = answer.json()
    assert (batch["total"], batch["accepted"], batch["errors"], batch["state"]) == (6, 2, 4, "running")
    assert batch["counts"] == {"queued": 2}
    assert shop.http.get(answer.headers["location"]).json() == batch
    orders = shop.http.get(batch["links"]["orders"]).json()["items"]
    assert [(item["sku"], item["batch"], item["metadata"]) for item in orders] == [
        ("B", batch["id"], {"n": "2"}),
        ("A", batch["id"], {}),
    ]
    faults = shop.http.get(batch["links"]["errors"]).json()["items"]
    assert [(f["line"], f["code"]) for f in faults] == [
        (3, "not_stored"),
        (4, "invalid_row"),
        (5, "unknown_template"),
        (6, "invalid_item"),
    ]
    assert (faults[3]["field"], faults[3]["sku"]) == ("input.asset", "C")

    again = shop.batch(good + bad, idempotency_key="K")
    assert again.json()["id"] == batch["id"]
    assert len(shop.http.get("/v1/orders").json()["items"]) == 2
    other = shop.batch(good, idempotency_key="K")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")


def test_a_batch_that_broke_off_is_taken_up(shop: Shop) -> None:
    """The same call again fills in what is missing, and nothing twice."""
    content = "".join(line(shop.asset, product={"sku": f"S{n}"}) for n in range(5))
    batch = shop.batch(content, idempotency_key="K").json()
    shop.parts.batches.update(batch["id"], accepted=0)
    assert shop.http.get(batch["links"]["self"]).json()["state"] == "accepting"
    again = shop.batch(content, idempotency_key="K").json()
    assert (again["id"], again["accepted"], again["counts"]) == (batch["id"], 5, {"queued": 5})


def test_products_as_csv(shop: Shop) -> None:
    rows = CSV + "EVIL,Passwords,/etc/passwd\nEVIL2,x,file:///etc/passwd\nNONE,No photo,\n"
    batch = shop.batch(rows, "text/csv").json()
    assert (batch["total"], batch["accepted"], batch["errors"]) == (5, 2, 3)
    items = shop.http.get(batch["links"]["orders"]).json()["items"]
    assert sorted(item["sku"] for item in items) == ["MUG-01", "MUG-02"]
    codes = {(f["sku"], f["code"]) for f in shop.http.get(batch["links"]["errors"]).json()["items"]}
    assert {("EVIL", "fetch_refused"), ("EVIL2", "fetch_refused")} <= codes


def test_products_as_lines(shop: Shop) -> None:
    rows = "".join(json.dumps({"sku": f"P{n}", "title": "x", "image": f"https://shop.example/{n}.jpg"}) + "\n" for n in range(3))
    batch = shop.batch(rows).json()
    assert (batch["total"], batch["accepted"]) == (3, 3)


def test_a_form_and_json(shop: Shop) -> None:
    request = (None, json.dumps({"template": "tiny-grey", "priority": "urgent"}), "application/json")
    form = shop.http.post("/v1/batches", files={"request": request, "file": ("items.jsonl", line(shop.asset))})
    assert (form.status_code, form.json()["accepted"]) == (202, 1)
    body = {"template": "tiny-grey", "items": [{"input": {"asset": shop.asset}}, {"input": {"asset": "0" * 64}}]}
    answer = shop.http.post("/v1/batches", json=body)
    assert (answer.status_code, answer.json()["accepted"], answer.json()["errors"]) == (202, 1, 1)
    assert shop.http.get("/v1/orders", params={"priority": "urgent"}).json()["items"][0]["batch"] == form.json()["id"]
    page = shop.http.get("/v1/batches", params={"limit": 1}).json()
    assert page["items"][0]["id"] == answer.json()["id"]
    assert shop.http.get("/v1/batches", params={"cursor": page["next"]}).json()["items"][0]["id"] == form.json()["id"]


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        ("", "application/jsonl", 422, "invalid_input"),
        ("   \n", "text/csv", 422, "invalid_input"),
        ("sku,sku\n1,2\n", "text/csv", 422, "invalid_input"),
        (b"\xff\xfe\x00s", "text/csv", 422, "invalid_input"),
        ("x", "image/png", 415, "unsupported_media_type"),
    ],
)
def test_files_that_cannot_be_read(shop: Shop, content: bytes | str, kind: str, status: int, code: str) -> None:
    answer = shop.batch(content, kind)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert "/tmp" not in answer.text


def test_many_products_become_a_job(shop: Shop) -> None:
    rows = "sku,title,image_front\n" + "".join(f"S{n},x,https://shop.example/{n}.jpg\n" for n in range(21))
    answer = shop.batch(rows, "text/csv", idempotency_key="K")
    batch = answer.json()
    assert (answer.status_code, batch["kind"], batch["state"]) == (202, "job", "running"), answer.text
    assert batch["job"] == {"id": f"packshot-{batch['id']}", "state": "RUNNING"}
    (job,) = shop.cluster.jobs
    assert job.templates == ("tiny-grey",)
    assert Path(unquote(urlsplit(job.catalog).path)).read_text() == rows
    assert shop.batch(rows, "text/csv", idempotency_key="K").json()["id"] == batch["id"]
    assert len(shop.cluster.jobs) == 1


def test_a_job_never_reads_our_own_files(shop: Shop) -> None:
    rows = (
        "sku,title,image_front\n" + "".join(f"S{n},x,https://shop.example/{n}.jpg\n" for n in range(25)) + "EVIL,x,/etc/passwd\n"
    )
    answer = shop.batch(rows, "text/csv")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert shop.cluster.jobs == []


def test_too_many_orders(shop: Shop) -> None:
    answer = shop.batch(line(shop.asset) * 21)
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


def test_an_administrators_catalogue(shop: Shop) -> None:
    body = {"catalog": "file:///shop/catalog.csv", "template": "tiny-grey"}
    answer = shop.http.post("/v1/batches", json=body, headers=shop.root)
    assert (answer.status_code, answer.json()["kind"]) == (202, "job")
    assert shop.cluster.jobs[0].catalog == "file:///shop/catalog.csv"


def test_without_a_cluster_there_are_no_jobs(shop: Shop, tmp_path: Path) -> None:
    alone = open_parts(shop.parts.settings, Idle())
    with TestClient(make_api(replace(alone, keys=shop.parts.keys)), headers=shop.root) as http:
        answer = http.post("/v1/batches", json={"catalog": "file:///shop/catalog.csv", "template": "tiny-grey"})
        assert (answer.status_code, answer.json()["code"]) == (501, "not_supported")
