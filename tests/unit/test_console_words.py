"""Figures as people read them, and where signing in may lead."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_apps.console import words
from serve_apps.console.signin import local


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.00 USD"), (12.345, "12.35 USD"), (1234, "1,234.00 USD"), (0.0021, "0.0021 USD"), (1.2e-5, "0.000012 USD")],
)
def test_money_has_the_digits_it_needs(value: float, text: str) -> None:
    assert words.money(value, "USD") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0421, "42 ms"), (12.34, "12.3 s"), (185, "3 min 05 s"), (7800, "2 h 10 min"), (90 * 3600, "3 d 18 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds).replace("\u00a0", " ") == text


def test_other_words() -> None:
    assert [words.figure(one) for one in (0, 12345, 0.8612, 7.0)] == ["0", "12,345", "0.861", "7"]
    assert [words.share(one).replace("\u00a0", " ") for one in (1, 0.9995, 0.1894)] == ["100 %", "99.95 %", "18.9 %"]
    assert (words.plural(1, "picture"), words.plural(1200, "picture"), words.plural(2, "box", "boxes")) == (
        "1 picture",
        "1,200 pictures",
        "2 boxes",
    )
    assert words.moment(datetime(2026, 11, 23, 5, 7, 31, tzinfo=UTC)) == "2026-11-23 05:07:31"
    assert words.moment(None) == "–"
    assert (words.top([]), words.top([1, 3])) == (0, 3)


@given(st.text() | st.text(alphabet="/\\.:@#?&console%0a \n\t").map(lambda rest: "/console/" + rest))
def test_signing_in_stays_on_this_host(then: str) -> None:
    found = local(then)
    parts = urlsplit(found)
    assert (parts.scheme, parts.netloc) == ("", "")
    assert parts.path.startswith("/console/")
    assert "\n" not in found
    assert "\\" not in found
