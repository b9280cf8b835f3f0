"""Source change to released picture to live in the shop, as the databases say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from connectors.database import Database
from connectors.lead_times import of_orders, of_runs, of_trips, spread, trips
from connectors.online.orders import NewOrder, Orders, OrderState
from connectors.online.store import online
from connectors.publications import Item, Publications
from connectors.records import Records, ShotRecord
from connectors.tables import SCHEMA_VERSION, gallery_history, metadata

NOON = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
START = NOON - timedelta(days=1)


def later(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
def records(tmp_path: Path) -> Database:
    return Database(str(tmp_path / "records.db"), metadata, "records", SCHEMA_VERSION)


def live(records: Database, ref: str, digests: list[str], *, changed: datetime | None, at: datetime) -> None:
    """A set that went live, as the publisher writes it, at a time of ours."""
    book = Publications(records)
    items = [Item(digest=digest, media_type="image/jpeg", name="x.jpg") for digest in digests]
    assert book.claim("shop", ref, f"SKU-{ref}", "me", 60)
    book.intend("shop", ref, "me", items, changed)
    record = book.get("shop", ref)
    assert record
    book.published(record, "me", items)
    line = max(one.id for one in book.history("shop", ref))
    with records.begin() as opened:
        opened.execute(update(gallery_history).where(gallery_history.c.id == line).values(at=at))
    book.release("shop", ref, "me")


def released(records: Database, digest: str, at: datetime, run: str = "r") -> None:
    shot = ShotRecord(f"S-{digest}/t/d/front", "k", "released", digest=digest, run=run, updated_at=at)
    Records(records.url).remember_shots("connection:shop", [shot])


def seconds(records: Database, **more: Any) -> list[tuple[int, float, float]]:
    return [(one.count, one.percentiles[0], one.longest) for one in of_trips(trips(records, None, START, **more))]


def test_the_way_of_a_product_from_change_to_shop(records: Database) -> None:
    released(records, "a", later(2))
    released(records, "b", later(5))
    live(records, "1", ["a", "b"], changed=NOON, at=later(7))
    assert seconds(records) == [(1, 300, 300), (1, 120, 120), (1, 420, 420)]
    assert seconds(records, connection="other") == [(0, 0, 0)] * 3


def test_only_the_first_set_after_the_latest_change_counts(records: Database) -> None:
    live(records, "1", ["old"], changed=later(-60), at=later(-50))
    live(records, "1", ["a"], changed=NOON, at=later(3))
    live(records, "1", ["b"], changed=NOON, at=later(500))
    assert seconds(records)[2] == (1, 180, 180)


def test_pictures_that_were_there_took_no_time_and_later_runs_do_not_count(records: Database) -> None:
    released(records, "a", later(-600))
    live(records, "1", ["a"], changed=NOON, at=later(1))
    released(records, "b", later(900))
    live(records, "2", ["b"], changed=NOON, at=later(1))
    assert seconds(records)[0] == (2, 0, 0)


def test_a_source_without_times_says_nothing(records: Database) -> None:
    live(records, "1", ["a"], changed=None, at=later(3))
    assert seconds(records)[2][0] == 0


def test_orders_that_made_something_by_priority(tmp_path: Path) -> None:
    database = online(str(tmp_path / "online.db"))
    orders = Orders(database)
    for priority, made in (("urgent", True), ("urgent", False), ("standard", True)):
        new = NewOrder("key", priority, {}, "S", "t@1")  # type: ignore[arg-type]
        orders.accept(new)
        orders.move(new.id, OrderState.SUCCEEDED, attempts=int(made))
    found = {one.name: one.count for one in of_orders(database, START)}
    assert found == {"urgent order -> released": 1, "standard order -> released": 1}


def test_shots_of_a_run(records: Database) -> None:
    Records(records.url).start_run("r", "c", {}, started=NOON)
    released(records, "a", later(1))
    released(records, "b", later(3))
    found = of_runs(records, START)
    assert (found.count, found.percentiles[0], found.longest) == (2, 60, 180)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_percentiles_rise_and_are_values_that_were_there(values: list[float]) -> None:
    found = spread("x", values)
    assert list(found.percentiles) == sorted(found.percentiles)
    assert set(found.percentiles) <= set(values)
    assert found.longest == max(values)
    assert sum(value <= found.percentiles[1] for value in values) >= 0.9 * len(values)
