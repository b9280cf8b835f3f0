"""Since when products wait, over restarts of whoever watches them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cluster.monitoring.readings import Readings
from connectors.database import Database
from connectors.publications import Publications
from connectors.sync_state import SyncState
from connectors.tables import SCHEMA_VERSION, metadata
from connectors.vendors.base import Told
from connectors.waits import WORTH, Waits
from tests import sample

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)
ONE, TWO = ("shop", "1"), ("shop", "2")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(str(tmp_path / "records.db"), metadata, "records", SCHEMA_VERSION)


def test_another_process_knows_since_when(database: Database) -> None:
    assert Waits(database).since({ONE: NOW}, NOW + 5 * MINUTE) == {ONE: NOW}
    assert Waits(database).since({ONE: NOW + 9 * MINUTE, TWO: NOW + 9 * MINUTE}, NOW + 10 * MINUTE) == {
        ONE: NOW,
        TWO: NOW + 9 * MINUTE,
    }


def test_short_waits_are_known_to_whoever_saw_them_only(database: Database) -> None:
    first = Waits(database)
    assert first.since({ONE: NOW}, NOW + WORTH / 2) == {ONE: NOW}
    assert first.since({ONE: NOW + WORTH / 2}, NOW + WORTH * 0.9) == {ONE: NOW}
    assert Waits(database).since({ONE: NOW + WORTH / 2}, NOW + WORTH * 0.9) == {ONE: NOW + WORTH / 2}


def test_what_waits_no_more_is_forgotten_unless_only_some_were_looked_at(database: Database) -> None:
    Waits(database).since({ONE: NOW, TWO: NOW}, NOW + 5 * MINUTE)
    Waits(database).since({TWO: NOW}, NOW + 6 * MINUTE, every=False)
    assert Waits(database).since({ONE: NOW + 7 * MINUTE}, NOW + 8 * MINUTE) == {ONE: NOW}
    assert Waits(database).since({TWO: NOW + 7 * MINUTE}, NOW + 8 * MINUTE) == {TWO: NOW + 7 * MINUTE}


def test_a_time_to_come_is_now(database: Database) -> None:
    assert Waits(database).since({ONE: NOW + 9 * MINUTE}, NOW) == {ONE: NOW}


@pytest.mark.parametrize("what", ["gallery", "message"])
def test_the_gauge_goes_on_after_a_restart(tmp_path: Path, what: str) -> None:
    settings = sample.settings(tmp_path, connections={"shop": {"vendor": "woocommerce", "address": "https://shop.example"}})
    state, publications = SyncState(settings.records), Publications(settings.records)

    def lag(after: timedelta) -> float:
        readings = Readings(settings, now=lambda: NOW + after)
        (found,) = [one.value for one in readings.take() if one.name == "packshot_publish_lag_seconds"]
        readings.close()
        return found

    if what == "gallery":
        publications.claim("shop", "1", "A", "me", 60)
        publications.intend("shop", "1", "me", [], None)
    else:
        state.take("shop", [Told(id="m1", refs=("1",), kind="changed")], now=NOW)
    first = lag(30 * MINUTE)
    if what == "gallery":
        publications.intend("shop", "1", "me", [], NOW + 29 * MINUTE)
    else:
        (waiting,) = state.due(now=NOW + 29 * MINUTE, limit=1, hold_s=1)
        state.later(waiting, NOW + 40 * MINUTE, "no answer")
    assert lag(60 * MINUTE) == pytest.approx(first + 1800)
    if what == "message":
        (waiting,) = state.due(now=NOW + 41 * MINUTE, limit=1, hold_s=1)
        state.done(waiting)
        assert lag(61 * MINUTE) == 0
