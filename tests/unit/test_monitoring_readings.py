"""What a scrape reads from databases and runs, at a time that the test says."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cluster.monitoring.catalogue import FIGURES
from cluster.monitoring.readings import Readings, Sample
from connectors.database import Database
from connectors.online.endpoints import Endpoints
from connectors.online.ids import new_id, time_of
from connectors.online.order import NewOrder, OrderState
from connectors.online.orders import Orders
from connectors.online.outbox import Outbox
from connectors.publications import Item, Publications
from connectors.records import Records
from connectors.spend import Amount, Place, Spend
from connectors.sync_state import SyncState
from connectors.vendors.base import Told
from tests import sample

NOW = datetime.now(UTC)
LATER = NOW + timedelta(minutes=30)
SHOP = {"shop": {"vendor": "woocommerce", "address": "https://shop.example"}}


@pytest.fixture
def settings(tmp_path: Path) -> Any:
    return sample.settings(tmp_path, connections=SHOP, budgets={"day": {"limit": 10.0}, "brand": {"Acme": {"limit": 4.0}}})


def read(settings: Any, now: datetime = LATER) -> dict[tuple[str, ...], float]:
    readings = Readings(settings, now=lambda: now)
    found = readings.take()
    readings.close()
    assert all(len(one.labels) == len(FIGURES[one.name].labels) for one in found)
    return {(one.name.removeprefix("packshot_"), *one.labels): one.value for one in found}


def new(order_id: str, priority: Any = "standard") -> NewOrder:
    return NewOrder(id=order_id, key_id="key_1", priority=priority, spec={}, sku="A", template="tiny-grey@1", request_digest="")


def test_an_empty_installation_reads_zeros(settings: Any) -> None:
    found = read(settings)
    assert {name: value for name, value in found.items() if name[0] == "reading"} == {
        ("reading", source): 1 for source in ("orders", "deliveries", "sync", "runs", "spend")
    }
    rest = {name: value for name, value in found.items() if name[0] not in ("reading", "budget")}
    assert set(rest.values()) == {0}
    assert found["budget", "USD"] == 10.0
    assert ("publish_lag_seconds", "shop") in rest
    assert ("order_age_seconds", "urgent") in rest


def test_orders_and_deliveries(settings: Any) -> None:
    orders = Orders(settings.online)
    first, second, third = (new_id("ord") for _ in range(3))
    for name in (first, second, third):
        orders.accept(new(name))
    orders.move(second, OrderState.RUNNING)
    orders.move(second, OrderState.FAILED, error={"code": "x", "message": "y"})
    endpoint = Endpoints(settings.online).create("key_1", "https://1.1.1.1/", ("*",))
    Outbox(settings.online).add("key_1", "order.failed", {}, endpoint_id=endpoint.id)
    found = read(settings)
    assert found["order_age_seconds", "standard"] == pytest.approx((LATER - time_of(first)).total_seconds())
    assert found["order_age_seconds", "urgent"] == 0
    assert (found["orders_ended", "failed"], found["orders_ended", "succeeded"]) == (1, 0)
    assert read(settings, NOW + timedelta(hours=2))["orders_ended", "failed"] == 0
    assert found["deliveries", "pending"] == 1
    assert 0 < found["webhook_lag_seconds", "out"] <= found["order_age_seconds", "standard"]


def test_shops(settings: Any) -> None:
    SyncState(settings.records).take("shop", [Told(id="m1", refs=("1", "2"), kind="changed")], now=NOW)
    publications = Publications(settings.records)
    publications.claim("shop", "1", "A", "me", 60)
    publications.intend("shop", "1", "me", [Item(digest="a", media_type="image/jpeg", name="a.jpg")], None)
    found = read(settings)
    assert (found["products_waiting", "shop"], found["webhook_lag_seconds", "in"]) == (2, 1800)
    assert 0 < found["publish_lag_seconds", "shop"] <= 1800
    record = publications.get("shop", "1")
    assert record
    publications.failed(record, "me", [], "no")
    assert read(settings)["publications", "failed"] == 1
    assert read(settings, NOW + timedelta(hours=2))["publications", "failed"] == 0


def test_another_attempt_does_not_make_a_wait_young_again(settings: Any) -> None:
    publications, times = Publications(settings.records), iter([LATER, LATER + timedelta(hours=1), LATER + timedelta(hours=2)])
    readings = Readings(settings, now=lambda: next(times), held_s=-1.0)

    def lag() -> float:
        (found,) = [one.value for one in readings.take() if one.name == "packshot_publish_lag_seconds"]
        return found

    publications.claim("shop", "1", "A", "me", 60)
    publications.intend("shop", "1", "me", [], None)
    first = lag()
    publications.intend("shop", "1", "me", [], LATER)
    assert lag() == pytest.approx(first + 3600)
    record = publications.get("shop", "1")
    assert record
    publications.published(record, "me", [])
    assert lag() == 0
    readings.close()


def test_a_run_is_silent_since_its_last_chunk(settings: Any) -> None:
    records = Records(settings.records)
    records.start_run("r1", "c", {}, started=NOW)
    assert (read(settings)["runs_running",], read(settings)["run_silence_seconds",]) == (1, 1800)
    journal = Path(settings.runs) / "r1" / "journal"
    journal.mkdir(parents=True)
    (journal / "a.parquet").write_bytes(b"")
    os.utime(journal / "a.parquet", ((NOW + timedelta(seconds=60)).timestamp(),) * 2)
    assert read(settings)["run_silence_seconds",] == pytest.approx(1740, abs=1)
    records.finish_run("r1", "done", {})
    assert (read(settings)["runs_running",], read(settings)["run_silence_seconds",]) == (0, 0)


def test_drift_is_that_of_the_two_latest_runs_of_a_catalogue(settings: Any) -> None:
    records = Records(settings.records)
    for number, (catalog, height) in enumerate((("a", 0.1), ("a", 0.5), ("a", 0.5), ("b", 0.9))):
        records.start_run(f"r{number}", catalog, {}, started=NOW + timedelta(minutes=number))
        records.finish_run(f"r{number}", "done", {})
        folder = Path(settings.runs) / f"r{number}"
        folder.mkdir(parents=True)
        medians = [{"template": "oak@1", "destination": "tiny", "medians": {"fill": height}}]
        (folder / "medians.json").write_text(json.dumps(medians))
    found = read(settings)
    assert found["consistency_drift", "oak"] == 0
    (Path(settings.runs) / "r1" / "medians.json").write_text(
        json.dumps([{"template": "oak@2", "destination": "tiny", "medians": {}}])
    )
    assert ("consistency_drift", "oak") not in read(settings)
    (Path(settings.runs) / "r2" / "medians.json").write_text("not JSON")
    assert read(settings)["reading", "runs"] == 1


def test_budgets(settings: Any) -> None:
    place = Place("orders", LATER.date(), "standard", "Acme", "oak@1", "tiny", "", "")
    Spend(settings.records).put({place: Amount(runs=1, price=5.0)})
    found = read(settings)
    assert found["spent_today", "USD"] == 5.0
    assert found["budget_share", "day", "day"] == 0.5
    assert found["budget_share", "brand", "Acme"] == 1.25


def test_a_database_that_cannot_be_read_is_said_and_the_rest_is_there(settings: Any, tmp_path: Path) -> None:
    Path(settings.home).mkdir(parents=True)
    (Path(settings.home) / "online.db").write_bytes(b"this is no database" * 100)
    found = read(settings)
    assert (found["reading", "orders"], found["reading", "sync"]) == (0, 1)
    assert ("order_age_seconds", "urgent") not in found
    assert ("runs_running",) in found


def test_readings_are_given_again_for_a_while(settings: Any) -> None:
    readings = Readings(settings, now=lambda: LATER, held_s=3600.0)
    before = readings.take()
    Orders(settings.online).accept(new("ord_" + "0" * 26))
    assert readings.take() is before
    assert Sample("packshot_reading", ("orders",), 1) in before
    assert isinstance(readings._online, Database)
    readings.close()
