"""Ids: sorted by time, unique over threads, readable back."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.online.cursors import cursor_at, read_cursor
from connectors.online.ids import first_id, new_id, time_of
from studio.errors import InvalidCursor

TIMES = st.integers(0, 250_000_000_000_000_000).map(
    lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)


def test_ids_rise_and_never_repeat() -> None:
    ids = [new_id("ord") for _ in range(5000)]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(r"ord_[0-7][0-9a-hjkmnp-tv-z]{25}", one) for one in ids)
    with ThreadPoolExecutor(8) as pool:
        many = list(pool.map(lambda _: new_id("ord"), range(4000)))
    assert len(set(many)) == 4000
    assert min(many) > ids[-1]


def test_an_id_knows_when_it_was_made() -> None:
    before = datetime.now(UTC)
    made = time_of(new_id("bat"))
    assert before - timedelta(milliseconds=5) <= made <= datetime.now(UTC) + timedelta(milliseconds=50)
    assert first_id("bat", before - timedelta(seconds=1)) < new_id("bat") < first_id("bat", before + timedelta(seconds=60))


@given(TIMES, TIMES)
def test_bounds_keep_the_order_of_time(one: datetime, other: datetime) -> None:
    if abs(one - other) > timedelta(milliseconds=1):
        assert (one < other) == (first_id("x", one) < first_id("x", other))
    assert timedelta() <= time_of(first_id("x", one)) - one < timedelta(milliseconds=1)


@given(st.text(max_size=80))
def test_any_text_is_a_cursor_of_ours_or_refused(text: str) -> None:
    try:
        last = read_cursor(text, "line")
    except InvalidCursor:
        return
    assert cursor_at(last) == text


def test_cursors_come_back() -> None:
    for last in (new_id("ord"), "ord_17"):
        assert read_cursor(cursor_at(last), "ord") == last
    for wrong in (
        cursor_at("ord_' or 1=1"),
        cursor_at(""),
        cursor_at("ord_"),
        cursor_at("ord"),
        cursor_at("17"),
        cursor_at("ord_17") + "=",
    ):
        with pytest.raises(InvalidCursor):
            read_cursor(wrong, "ord")
