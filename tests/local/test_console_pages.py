"""Pages of the console over the running service: what they show, to whom, and what their buttons do."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from markupsafe import escape

from connectors.alert_log import AlertLog
from connectors.alerts import Alert
from connectors.online.ids import new_id
from connectors.online.orders import OrderState
from connectors.spend import Amount, Place, Spend
from pipelines.nightly import Night, Request
from pipelines.screen import Quiet
from serve_apps.console.frame import PAGE
from serve_apps.console.now import snapshot
from tests import sample
from tests.desk import new_order
from tests.local.running import Running, photo, running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a night of three products, one photo of which is broken."""
    folder = tmp_path_factory.mktemp("console")
    catalogue = sample.catalogue(folder, 3)
    (folder / "images" / "p00001.png").write_bytes(b"no picture")
    with running(folder) as found:
        Night(found.parts.settings, Request(str(catalogue), mode="inline"), Quiet()).run()
        yield found


@pytest.fixture(scope="module")
def root(service: Running) -> Iterator[httpx.Client]:
    with signed(service, "root") as client:
        yield client


@contextmanager
def signed(service: Running, key: str) -> Iterator[httpx.Client]:
    """A browser that is signed in, with its token in a header."""
    headers = {"accept": "text/html", "origin": service.url}
    with httpx.Client(base_url=service.url, headers=headers, timeout=60) as client:
        client.post("/console/login", data={"key": service.secrets[key]})
        client.headers["x-csrf-token"] = client.get("/console/").text.partition('name="csrf" content="')[2].partition('"')[0]
        yield client


def until(done: Callable[[], Any], seconds: float = 60) -> Any:
    """What `done` gives once it is true."""
    end = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def test_empty_pages_say_what_to_do(tmp_path: Any) -> None:
    with running(tmp_path) as service, signed(service, "root") as client:
        assert "No runs yet" in client.get("/console/runs").text
        assert "No orders yet" in client.get("/console/orders").text
        assert "Nothing was spent" in client.get("/console/cost").text
        assert "No run goes on" in client.get("/console/").text
        assert "Nothing like that" in client.get("/console/orders?sku=none").text


def test_runs_with_their_sheet(service: Running, root: httpx.Client) -> None:
    run = service.parts.records.runs()[0].id
    assert run in root.get("/console/runs").text
    page = root.get(f"/console/runs/{run}").text
    assert all(f"SKU-0000{number}" in page for number in range(3))
    assert "unknown_format" in page
    assert page.count("<li data-row") == 3
    failed = root.get(f"/console/runs/{run}?status=failed").text
    assert failed.count("<li data-row") == 1
    assert "Nothing like that" in root.get(f"/console/runs/{run}?text=nowhere").text
    for picture in {part.partition('"')[0] for part in page.split('src="/console/pictures/')[1:]}:
        answer = root.get(f"/console/pictures/{picture}")
        assert answer.headers["content-type"] == "image/jpeg"
        assert "private" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/runs/nothing", "/runs/..%2f..", "/orders/ord_x", "/orders?cursor=zzz", "/pictures/" + "0" * 64, "/what"]
)
def test_what_is_not_there_has_a_page(root: httpx.Client, path: str) -> None:
    answer = root.get("/console" + path)
    assert answer.status_code in (404, 422)
    assert '<p role="alert">' in answer.text
    assert "trace" in answer.text


def test_nothing_but_pictures_is_handed_out(service: Running, root: httpx.Client) -> None:
    """The store also holds what steps remember."""
    digest = service.parts.storage.put_blob(b"<script>alert(1)</script>")
    assert root.get(f"/console/pictures/{digest}").status_code == 404


def test_a_saved_picture_has_a_plain_name(service: Running, root: httpx.Client) -> None:
    digest = service.parts.storage.put_blob(photo(9))
    answer = root.get(f"/console/pictures/{digest}", params={"save": 'a"; filename=x.exe\r\n é/..'})
    assert answer.headers["content-disposition"].count('"') == 2
    assert answer.headers["content-disposition"].endswith('.png"')


def test_a_run_that_goes_on_shows_how_far_it_is(service: Running, root: httpx.Client) -> None:
    from pipelines.runfiles import RunFiles

    files = RunFiles(service.parts.settings.runs, "20990101-000000-aaaa")
    files.make()
    files.write_json("plan.json", {"due": 4, "chunks": 2, "plan": {}})
    files.append_journal("c1", json.dumps([{"outcome": {"status": "released"}}] * 3))
    service.parts.records.start_run(files.run, "other.csv", {"mode": "inline", "due": 4})
    try:
        assert "1 of 2" in root.get(f"/console/runs/{files.run}").text
        found = root.get(f"/console/runs/{files.run}/progress").json()
        assert found == {"state": "running", "done": 1, "of": 2, "due": 4, "status": {"released": 3}}
        assert snapshot(service.parts)["runs"][0] == {
            "id": files.run, "catalog": "other.csv", "done": 1, "of": 2, "shots": 3, "due": 4,
        }  # fmt: skip
    finally:
        service.parts.records.finish_run(files.run, "failed", {})
    notices = snapshot(service.parts)["notices"]
    assert {"kind": "failed", "text": f"Run {files.run} of other.csv: failed", "path": f"/runs/{files.run}"} in notices


def test_orders_are_seen_by_their_own_key_and_by_administrators(service: Running, root: httpx.Client) -> None:
    with signed(service, "writer") as writer, signed(service, "other") as other:
        answer = writer.post(
            "/console/try", data={"template": "tiny-grey", "sku": "MINE-1"}, files={"photo": ("a.png", photo(1))}
        )
        order = answer.headers["location"].rsplit("/", 1)[1]
        for client, seen in ((writer, True), (root, True), (other, False)):
            assert ("MINE-1" in client.get("/console/orders").text) is seen
            assert (client.get(f"/console/orders/{order}").status_code == 200) is seen
            assert (client.get(f"/console/try/{order}").status_code == 200) is seen
            assert client.get(f"/console/orders/{order}/events").status_code == (200 if seen else 404)
        assert other.post(f"/console/orders/{order}/retry").status_code == 404
        assert other.post(f"/console/orders/{order}/cancel").status_code == 404


def test_try_it_makes_a_picture_and_shows_its_steps(service: Running) -> None:
    with signed(service, "writer") as client:
        answer = client.post("/console/try", data={"template": "tiny-grey"}, files={"photo": ("a.png", photo(2), "image/png")})
        where = answer.headers["location"]
        order = where.rsplit("/", 1)[1]
        until(lambda: service.parts.orders.get(order).state.ended)
        page = client.get(where).text
        assert service.parts.orders.get(order).priority == "urgent"
        for word in ("Photo", "Cut-out", "Result", "compose", "delta_e_mean", "procedural"):
            assert word in page
        asset = service.parts.orders.get(order).result["shots"][0]["outcome"]["asset"]["digest"]
        saved = client.get(f"/console/pictures/{asset}?save=front-tiny")
        assert saved.headers["content-disposition"] == 'attachment; filename="front-tiny.jpeg"'
        assert client.post(f"/console/orders/{order}/cancel").status_code == 409
        assert client.post(f"/console/orders/{order}/retry").status_code == 303
        assert "queued again" in client.get(f"/console/orders/{order}").text
        assert "queued again" not in client.get(f"/console/orders/{order}").text, "a word about it is shown once"


@pytest.mark.parametrize(
    ("fields", "data", "status", "said"),
    [
        ({"template": "tiny-grey"}, b"", 422, "choose a photo"),
        ({"template": "tiny-grey"}, b"GIF89a", 422, "ends"),
        ({"template": "tiny-grey"}, b"<svg/>", 415, "not an image"),
        ({"template": "no-such-look"}, None, 404, "no-such-look"),
        ({"template": "../etc"}, None, 422, "template"),
        ({"template": "tiny-grey", "asset": "0" * 64}, b"", 404, "0000"),
        ({"template": "tiny-grey", "asset": "x"}, b"", 422, "asset"),
        ({"template": "tiny-grey", "sku": "\x07"}, None, 422, "sku"),
    ],
)
def test_what_is_wrong_is_said_over_the_form(
    service: Running, fields: dict[str, str], data: bytes | None, status: int, said: str
) -> None:
    with signed(service, "writer") as client:
        files = {"photo": ("a.png", photo(3) if data is None else data, "image/png")}
        answer = client.post("/console/try", data=fields, files=files)
        alert = answer.text.partition('role="alert">')[2].partition("<")[0]
        assert (answer.status_code, said in alert) == (status, True), alert


def test_a_quote_spends_nothing(service: Running, root: httpx.Client) -> None:
    before = len(service.rendered)
    found = root.get("/console/try/quote?template=tiny-grey", headers={"accept": "application/json"}).json()
    assert (found["shots"], found["destinations"]) == (1, ["tiny"])
    wrong = root.get("/console/try/quote?template=no-such", headers={"accept": "application/json"})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "unknown_template")
    assert len(service.rendered) == before


def test_many_orders_are_paged(service: Running, root: httpx.Client) -> None:
    made = new_order(service.parts.settings, 2000)
    for number in range(120):
        one = replace(made, id=new_id("ord"), sku=f"MANY-{number % 3}")
        service.parts.orders.finished(one, {}, state=OrderState.CANCELLED)
    seen, path = [], "/console/orders?state=cancelled"
    while path:
        page = root.get(path).text
        found = [part.partition('"')[0] for part in page.split('href="/console/orders/ord_')[1:]]
        assert len(found) <= PAGE
        seen += found
        more = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        path = f"/console/orders{more}" if more else ""
    assert len(seen) == len(set(seen)) == 120


def test_hostile_words_are_escaped(service: Running, root: httpx.Client) -> None:
    evil = "<script>alert('x')</script>"
    service.parts.orders.finished(replace(new_order(service.parts.settings, 3000), sku=evil), {}, state=OrderState.FAILED)
    for path in (
        "/console/orders?state=failed",
        f"/console/orders?sku={evil}",
        f"/console/runs/{service.parts.records.runs()[-1].id}?text={evil}",
    ):
        page = root.get(path).text
        assert evil not in page
        assert str(escape(evil)) in page


def test_figures_of_now(service: Running, root: httpx.Client) -> None:
    before = snapshot(service.parts)
    service.parts.orders.finished(new_order(service.parts.settings, 4000), {}, state=OrderState.FAILED)
    service.parts.orders.accept(
        new_order(service.parts.settings, 4001, priority="urgent", deadline=datetime(2020, 1, 1, tzinfo=UTC))
    )
    after = snapshot(service.parts)
    assert after["share"]["failed"] == before["share"]["failed"] + 1
    assert any("failed in the last 24 hours" in one["text"] for one in after["notices"])
    assert sum(hour["bad"] for hour in after["hours"]) == sum(hour["bad"] for hour in before["hours"]) + 1
    assert len(after["hours"]) == 24
    with root.stream("GET", "/console/events", headers={"accept": "text/event-stream"}) as stream:
        lines = stream.iter_lines()
        data = next(line for line in lines if line.startswith("data: "))
    assert set(json.loads(data.removeprefix("data: "))) == set(after)


def test_alerts_that_fire_are_on_the_first_page(service: Running) -> None:
    now = datetime.now(UTC)
    alert = Alert(
        status="firing",
        labels={"alertname": "RunStuck", "severity": "page"},
        annotations={"summary": "A run has finished nothing."},
        started=now,
        fingerprint="abc",
    )
    log = AlertLog(service.parts.settings.online)
    log.keep([alert])
    notice = {"kind": "failed", "text": "RunStuck: A run has finished nothing.", "path": ""}
    assert notice in snapshot(service.parts)["notices"]
    log.keep([alert.model_copy(update={"status": "resolved"})])
    assert notice not in snapshot(service.parts)["notices"]


def test_cost_by_any_group_and_as_csv(service: Running, root: httpx.Client) -> None:
    spend, today = Spend(service.parts.settings.records), datetime.now(UTC).date()
    place = Place("r1", today, "standard", "=cmd()", "look@1", "tiny", "", "")
    spend.put({place: Amount(runs=4, released=3, price=2.5, cpu_s=9)})
    page = root.get("/console/cost?by=brand&days=1").text
    assert "=cmd()" in page
    assert "2.50" in page
    rows = list(csv.reader(io.StringIO(root.get("/console/cost/table.csv?by=brand&days=1").text)))
    assert rows[0][:2] == ["brand", "images"]
    assert rows[1][:3] == ["'=cmd()", "4", "3"], "no spreadsheet takes it for a formula"
    for by in ("run", "day", "tier", "template", "destination", "step", "model"):
        assert root.get(f"/console/cost?by={by}").status_code == 200
    assert root.get("/console/cost?by=price").status_code == 422
    assert root.get("/console/cost?days=0").status_code == 422
