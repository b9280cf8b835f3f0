"""How fast a vendor is called, on a clock of the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.vendors.base import mark_in, marked
from connectors.vendors.connection import Connection
from connectors.vendors.pace import Pace
from connectors.vendors.registry import open_vendor
from studio.errors import InputError, SettingsError


class Clock:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(st.lists(st.floats(0.1, 30), min_size=1, max_size=60), st.floats(0.5, 50), st.floats(1, 40))
def test_never_faster_than_the_bucket_allows(costs: list[float], per_s: float, burst: float) -> None:
    clock = Clock()
    pace = Pace(per_s, burst, clock=clock, sleep=clock.sleep)
    taken = 0.0
    for cost in costs:
        pace.take(cost)
        taken += min(cost, burst)
        assert taken <= burst + clock.now * per_s + 1e-6


def test_what_the_vendor_says_counts() -> None:
    clock = Clock()
    pace = Pace(10, 100, clock=clock, sleep=clock.sleep)
    pace.told(0)
    pace.take(20)
    assert clock.now == pytest.approx(2.0)
    pace.told(0, burst=50, per_s=50)
    pace.take(50)
    assert clock.now == pytest.approx(3.0)


def test_silence_is_kept() -> None:
    clock = Clock()
    pace = Pace(10, 10, clock=clock, sleep=clock.sleep)
    pace.pause(7)
    pace.take()
    assert clock.now == pytest.approx(7.0)


@given(st.text("abcdef-_.", min_size=1, max_size=30).filter(lambda name: not name.startswith(".")))
def test_marks_are_found_again(name: str) -> None:
    digest = "0123456789abcdef" * 4
    assert mark_in(f"https://cdn.example/files/{marked(name, digest)}?v=1") == digest[:16]


class TestConnection:
    def made(self, **more: object) -> Connection:
        return Connection.model_validate({"name": "shop", "vendor": "nobody", "address": "https://shop.example", **more})

    def test_a_missing_secret_is_named_and_none_is_shown(self) -> None:
        shop = self.made(secrets={"token": "hush"})
        assert shop.secret("token") == "hush"
        assert "hush" not in repr(shop)
        with pytest.raises(SettingsError, match=r"connections\.shop\.secrets\.key"):
            shop.secret("key")

    def test_an_unknown_vendor_is_named(self) -> None:
        with pytest.raises(InputError, match="nobody"):
            open_vendor(self.made())
