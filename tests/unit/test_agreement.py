"""Limits held against people: counted by hand on small cases, and never worse by its own proposal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from studio.destination import Limit
from studio.qa.agreement import FEW, Judged, agreements


def judged(values: list[tuple[float, bool]], limit: Limit) -> list[Judged]:
    return [Judged({"halo": value}, {"halo": limit}, good) for value, good in values]


def test_a_limit_that_people_overrule_is_told_with_a_better_bound() -> None:
    values = [(1.1, True), (1.2, True), (1.3, True), (1.4, False), (2.0, False), (3.0, False)]
    (line,) = agreements(judged(values, Limit(max=1.0)))
    assert (line.name, line.side, line.bound, line.held, line.accepted) == ("halo", "max", 1.0, 6, 3)
    assert line.agreed == 0.5
    assert (line.better, line.then) == (1.3, 6)


def test_a_lower_bound_is_loosened_downwards() -> None:
    values = [(0.8, True), (0.7, True), (0.6, True), (0.5, False), (0.4, False)]
    (line,) = agreements(judged(values, Limit(min=0.9)))
    assert (line.side, line.better, line.then) == ("min", 0.6, 5)


def test_what_holds_or_was_not_measured_says_nothing() -> None:
    limit = {"halo": Limit(max=1.0), "fill": Limit(min=0.5)}
    assert agreements([Judged({"halo": 0.5}, limit, accepted=True), Judged({"halo": float("nan")}, limit, accepted=True)]) == []


def test_few_decisions_propose_nothing() -> None:
    (line,) = agreements(judged([(2.0, True)] * (FEW - 1), Limit(max=1.0)))
    assert line.better is None


@given(st.lists(st.tuples(st.floats(1.01, 9), st.booleans()), min_size=1, max_size=60))
def test_a_proposal_agrees_with_more_decisions_than_the_bound_there_is(values: list[tuple[float, bool]]) -> None:
    (line,) = agreements(judged(values, Limit(max=1.0)))
    assert line.held == len(values)
    if line.better is not None:
        agree = sum(good == (value <= line.better) for value, good in values)
        assert agree == line.then > line.held - line.accepted
    best = max(sum(good == (value <= bound) for value, good in values) for bound, _ in [*values, (1.0, True)])
    assert max(line.then, line.held - line.accepted) == best or len(values) < FEW
