"""Chunks hold every item once, shrink to one, and never exceed the largest size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.chunks import even, guided, shrinking


@given(count=st.integers(0, 3000), workers=st.integers(1, 40), largest=st.integers(1, 64))
def test_guided(count: int, workers: int, largest: int) -> None:
    items = list(range(count))
    chunks = list(guided(items, workers=workers, largest=largest))
    assert [item for chunk in chunks for item in chunk] == items
    sizes = [len(chunk) for chunk in chunks]
    assert sizes == sorted(sizes, reverse=True)
    assert all(1 <= size <= largest for size in sizes)
    if count:
        assert sizes[-1] == 1


def test_workers_finish_together() -> None:
    """96 items on 8 workers, each taking the next chunk when free: nobody is more than one item behind."""
    free = [0] * 8
    for chunk in guided(range(96), workers=8, largest=8):
        free[free.index(min(free))] += len(chunk)
    assert max(free) - min(free) <= 1


@given(count=st.integers(0, 500), largest=st.integers(1, 64))
def test_even(count: int, largest: int) -> None:
    chunks = list(even(list(range(count)), largest=largest))
    assert [item for chunk in chunks for item in chunk] == list(range(count))
    assert all(len(chunk) == largest for chunk in chunks[:-1])


@given(workers=st.integers(1, 40), largest=st.integers(1, 64), more=st.integers(0, 200))
def test_chunks_shrink_only_below_what_is_said(workers: int, largest: int, more: int) -> None:
    """With so many items left a chunk is still as large as it may be; with fewer than a worker's share each it is not."""
    least = shrinking(workers=workers, largest=largest)
    assert len(next(guided(range(least + more), workers=workers, largest=largest))) == largest
    if largest > 1:
        assert len(next(guided(range(least - 1), workers=workers, largest=largest))) < largest
