"""Places of pictures among those of people."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.vendors.places import in_places


@given(st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=12))
def test_nothing_is_lost_and_both_keep_their_order(places: list[int | None]) -> None:
    numbered = list(enumerate(places))
    found = in_places(numbered, lambda pair: pair[1])
    assert sorted(found, key=lambda pair: pair[0]) == numbered
    assert [pair for pair in found if pair[1] is None] == [pair for pair in numbered if pair[1] is None]
    ours = [place for _, place in found if place is not None]
    assert ours == sorted(ours)


def test_ours_stand_at_their_places() -> None:
    assert in_places(["a", "b", "X", "Y"], {"X": 2, "Y": 3}.get) == ["a", "b", "X", "Y"]
    assert in_places(["a", "b", "X", "Y"], {"X": 0, "Y": 1}.get) == ["X", "Y", "a", "b"]
    assert in_places(["a", "X"], {"X": 7}.get) == ["a", "X"]
