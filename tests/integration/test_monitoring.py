"""A real Prometheus scrapes a real run: every panel of every dashboard has data, and alerts reach people."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import pytest
import standardwebhooks

from cluster.monitoring.boards import FOLDER
from connectors.online.hook_secrets import new_secret
from pipelines.nightly import Night, Request
from pipelines.screen import Quiet
from tests import sample
from tests.doubles.serving import serving
from tests.doubles.smtp import MailDouble, mail_server
from tests.doubles.woocommerce import WooDouble
from tests.integration.monitors import Prometheus, alertmanager, free_port, program, prometheus, until
from tests.local.receiver import Receiver, receiving
from tests.local.running import Running, photo, running

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
STRICT = sample.TEMPLATE.replace("tiny-grey", "tiny-strict").replace("halo: {max: 100}", "halo: {min: 1000}")
SETTINGS = {
    "PACKSHOT_BUDGETS__DAY__LIMIT": "1000",
    "PACKSHOT_MONITORING__ALERTS__PRIVATE_WEBHOOK": "true",
    "PACKSHOT_MONITORING__ALERTS__WEBHOOK_SECRET": "env:ALERT_SECRET",
    "PACKSHOT_MONITORING__ALERTS__EMAIL__SERVER": "127.0.0.1",
    "PACKSHOT_MONITORING__ALERTS__EMAIL__SECURITY": "none",
    "PACKSHOT_MONITORING__ALERTS__EMAIL__SENDER": "packshot@shop.example",
    "PACKSHOT_MONITORING__ALERTS__EMAIL__TO": '["ops@shop.example"]',
}


@dataclass
class Live:
    """Everything that runs, and more work for it."""

    service: Running
    woo: WooDouble
    people: Receiver
    mails: MailDouble
    secret: str
    monitor: Prometheus
    seeds: Iterator[int] = field(default_factory=lambda: count(1000))

    def order(self, template: str = "tiny-grey", data: bytes = b"", priority: str = "standard") -> httpx.Response:
        """An order, waited for, of a photo that nobody has seen."""
        with self.service.client() as http:
            asset = http.post("/v1/assets", content=data or photo(next(self.seeds))).json()["hash"]
            body = {"input": {"asset": asset}, "template": template, "priority": priority}
            return http.post("/v1/images", json=body, headers={"prefer": "wait=60"})

    def work(self) -> None:
        """Something of everything: made, rejected, known already, a shop's message, a failure."""
        seed = next(self.seeds)
        for template, priority in (("tiny-grey", "urgent"), ("tiny-strict", "standard"), ("tiny-grey", "standard")):
            assert self.order(template, photo(seed), priority).status_code == 200
        self.fail()
        number = next(iter(self.woo.products))
        headers, raw = self.woo.message("product.updated", self.woo._shown(self.woo.products[number]))
        with self.service.client(key="") as http:
            assert http.post("/hooks/woocommerce/shop", headers=headers, content=raw).status_code == 200

    def fail(self) -> None:
        """An order whose photo ends too early: its header is right."""
        data = photo(next(self.seeds))
        answer = self.order(data=data[: len(data) // 2])
        assert answer.json()["state"] == "failed", answer.text


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    program("prometheus")
    program("prometheus-alertmanager", "alertmanager")
    folder, secret, woo = tmp_path_factory.mktemp("live"), new_secret(), WooDouble()
    (sample.art(folder / "art") / "styles" / "tiny-strict.yaml").write_text(STRICT)
    with pytest.MonkeyPatch.context() as patch, serving(woo), receiving() as people, mail_server(MailDouble()) as mails:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        patch.setenv("ALERT_SECRET", secret)
        patch.setenv("PACKSHOT_MONITORING__ALERTS__WEBHOOK", f"{people.url}/alerts")
        patch.setenv("PACKSHOT_MONITORING__ALERTS__EMAIL__PORT", str(mails.port))
        shop = connections(woo, folder)
        with running(folder, connections=shop, private_webhooks=True) as service:
            nights(folder, shop)
            port = free_port()
            with (
                alertmanager(folder, port, service.url, service.secrets["writer"]) as manager,
                prometheus(folder, service.url, service.secrets["reader"], manager) as monitor,
            ):
                yield Live(service, woo, people, mails, secret, monitor)


def connections(woo: WooDouble, folder: Path) -> dict[str, object]:
    secrets = {"key": "ck_1", "secret": "cs_1", "user": "editor", "password": "abcd efgh"}
    for name, text in {**secrets, "hook": woo.secret}.items():
        (folder / name).write_text(text)
    woo.product(1, START + timedelta(minutes=1), sku="MUG-1", name="Mug")
    woo.human(1, "mug-1.png", photo(1))
    references = {name: f"file:{folder / name}" for name in secrets}
    said = {"vendor": "woocommerce", "address": woo.url, "secrets": references, "templates": ["tiny-grey"], "allow_private": True}
    return {"shop": said | {"hook_secrets": [f"file:{folder / 'hook'}"]}}


def nights(folder: Path, shop: dict[str, object]) -> None:
    """Two runs over one catalogue, so that the second can be compared with the first."""
    for turn in range(2):
        sample.catalogue(folder, 3)
        for place, path in enumerate(sorted((folder / "images").iterdir())):
            sample.photo(path, 50 * turn + place)
        settings = sample.settings(folder, connections=shop)
        summary = Night(settings, Request(catalog=str(folder / "catalog.csv"), mode="inline", out=folder / "out"), Quiet()).run()
        assert summary.released == 3, summary.reasons


def panels() -> list[tuple[str, str, str]]:
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            found += [(path.stem, panel["title"], target["expr"]) for target in panel["targets"]]
    return found


def has_data(monitor: Prometheus, expr: str) -> bool:
    series = monitor.ask(expr.replace("$__rate_interval", "30s"))
    return any(math.isfinite(float(one["value"][1])) for one in series)


def test_every_panel_has_data(live: Live) -> None:
    missing = {(board, title, expr) for board, title, expr in panels()}
    assert len(missing) > 30
    end = time.monotonic() + 240
    while missing:
        assert time.monotonic() < end, missing
        live.work()
        missing = {one for one in missing if not has_data(live.monitor, one[2])}


def test_figures_are_what_happened(live: Live) -> None:
    def value(expr: str) -> float:
        found = live.monitor.ask(expr)
        return float(found[0]["value"][1]) if found else 0.0

    before = value('sum(packshot_shots_total{outcome="rejected",template="tiny-strict"})')
    live.order("tiny-strict")
    expr = 'sum(packshot_shots_total{outcome="rejected",template="tiny-strict"})'
    until(lambda: value(expr) == before + 1, "one more rejection")
    assert value('sum(packshot_rejections_total{reason="halo",template="tiny-strict"})') == before + 1
    until(lambda: value("max(packshot_spent_today)") > 0, "what was made costs something")
    assert 0 < value('packshot_budget_share{kind="day"}') < 1
    assert value('packshot_reading{source="runs"}') == 1
    assert value("count(packshot_consistency_drift)") == 1
    assert value('max(up{job="packshot"})') == 1


def test_an_alert_reaches_people_once_and_is_over_when_it_is_over(live: Live) -> None:
    for _ in range(6):
        live.fail()

    def told() -> list[str]:
        return [json.loads(one.body)["data"]["labels"]["alertname"] for one in live.people.at("/alerts")]

    until(lambda: "OrdersDead" in told(), "the webhook")
    until(lambda: any("OrdersDead" in mail.get_content() for _, _, mail in live.mails.mails), "the mail")
    for one in live.people.at("/alerts"):
        content = standardwebhooks.Webhook(live.secret).verify(one.body, one.headers)
        assert content["type"] in ("alert.firing", "alert.resolved")
    with live.service.client("reader") as http:
        (shown,) = [one for one in http.get("/v1/alerts").json()["items"] if one["name"] == "OrdersDead"]
    assert (shown["severity"], shown["runbook"]) == ("page", "docs/runbooks/orders-dead.md")
    ids = [one.headers["webhook-id"] for one in live.people.at("/alerts")]
    assert len(ids) == len(set(ids))
    sender, to, mail = live.mails.mails[0]
    assert (sender, to, mail["from"]) == ("packshot@shop.example", ["ops@shop.example"], "packshot@shop.example")
