"""What is remembered between a vendor's messages and the work for them, over crashes, repeats and disorder."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from connectors.publications import Item, Publications
from connectors.records import Records
from connectors.sync_state import SyncState
from connectors.vendors.base import Told
from tests.sync_state_contract import MINUTE, NOON, SyncStateContract, seen

MEMORY, NUMBERS = SyncState("sqlite:///:memory:"), count()


class TestSqlite(SyncStateContract):
    @pytest.fixture
    def state(self, tmp_path: Path) -> SyncState:
        return SyncState(str(tmp_path / "records.db"))


def test_ids_of_ours_come_from_the_publications(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.db"
    state, records = SyncState(url), Publications(url)
    item = Item(digest="a" * 64, media_type="image/jpeg", name="x.jpg", id="7")
    assert records.claim("shop", "1", "SKU", "me", 60)
    records.uploaded("shop", "1", "me", {"b" * 64: "8"})
    record = records.get("shop", "1")
    assert record
    assert state.published_ids("shop", ["1", "2"]) == {"1": {"8"}}
    records.published(record, "me", [item])
    assert state.published_ids("shop", ["1"]) == {"1": {"7"}}


def test_a_database_made_before_gets_the_new_tables(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.db"
    Records(url).start_run("r", "c", {})
    with create_engine(url).begin() as opened:
        for table in ("sync_cursors", "sync_products", "sync_messages", "sync_waiting"):
            opened.execute(text(f"DROP TABLE {table}"))
    state = SyncState(url)
    state.keep([seen()])
    assert state.seen("shop", "1") == seen()
    assert Records(url).run("r") is not None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abc"), st.integers(-5, 5)), max_size=12), st.randoms())
def test_the_newest_news_of_every_product_is_never_lost(news: Any, random: Any) -> None:
    """Messages repeated and in any order, workers that finish, give up and die in between: when all is quiet, each product was
    looked at after its newest message was taken."""
    for left in MEMORY.due(now=NOON + timedelta(days=1), limit=99, hold_s=0):
        MEMORY.done(left)
    state, name = MEMORY, f"shop-{next(NUMBERS)}"
    clock, looked, newest = NOON, {}, dict[str, datetime]()
    fresh: dict[str, int] = {}
    for step, (number, ref, minutes) in enumerate([*news, *news]):
        clock += MINUTE
        at = NOON + minutes * MINUTE
        taken = state.take(name, [Told(f"{number}{ref}{minutes}", "changed", (ref,), at)], now=clock)
        if taken.new:
            fresh[ref], newest[ref] = step, max(at, newest.get(ref, at))
        for waiting in state.due(now=clock, limit=random.randint(0, 2), hold_s=90):
            looked[waiting.ref] = step
            end = random.choice(["done", "later", "dies"])
            if end == "done":
                state.done(waiting)
            elif end == "later":
                state.later(waiting, clock + MINUTE, "no")
    assert all(one.at and one.at <= newest[one.ref] for one in state.all_waiting(name))
    clock += timedelta(hours=1)
    while rows := state.due(now=clock, limit=2, hold_s=90):
        for waiting in rows:
            looked[waiting.ref] = len(news) * 2
            state.done(waiting)
    assert state.waiting(name) == 0
    assert all(looked[ref] >= step for ref, step in fresh.items())
