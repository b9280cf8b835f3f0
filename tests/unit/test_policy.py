"""The policy: what holds, who may change it, and what is said when something fails."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.destination import Destination, Limit, Source
from studio.errors import TemplateError
from studio.qa.policy import decide, known_checks, limits, tightest
from studio.template import Shadow, Template

OURS = Source(title="test", date="2026-11-22")


def destination(**changes: object) -> Destination:
    facts: dict[str, object] = {
        "id": "d",
        "title": "d",
        "width": 1000,
        "height": 1000,
        "max_bytes": 5_000_000,
        "sources": (OURS,),
    }
    return Destination.model_validate(facts | changes)


def template(**changes: object) -> Template:
    return Template.model_validate({"id": "t", "title": "t", "outputs": ("d",)} | changes)


names = st.sampled_from(sorted(known_checks()))
bound = st.one_of(st.none(), st.floats(-100, 100))
limit = st.tuples(bound, bound, st.booleans()).filter(lambda t: t[0] is not None or t[1] is not None)
some_limit = limit.map(lambda t: Limit(min=t[0], max=t[1], retry=t[2]))
values = st.floats(allow_nan=True, allow_infinity=True)


@given(
    st.dictionaries(names, some_limit, max_size=8), st.dictionaries(names, some_limit, max_size=8), st.dictionaries(names, values)
)
def test_a_template_never_loosens_a_destination(asked: dict, demanded: dict, measured: dict) -> None:
    with_template = limits(template(qa=asked), destination(qa=demanded))
    for name, rule in demanded.items():
        if name in measured and not decide(measured, {name: rule}).released:
            assert not decide(measured, {name: with_template[name]}).released


@given(st.dictionaries(names, values), st.dictionaries(names, some_limit))
def test_verdicts_do_not_depend_on_order(measured: dict, bounds: dict) -> None:
    backwards = dict(reversed(bounds.items()))
    assert decide(measured, bounds) == decide(dict(reversed(measured.items())), backwards)


@given(st.dictionaries(names, some_limit, min_size=1))
def test_nothing_measured_is_never_released(bounds: dict) -> None:
    verdict = decide({}, bounds)
    assert not verdict.released
    assert verdict.reason == "not_measured"
    assert not verdict.retry
    assert len(verdict.failures) == len(bounds)


def test_nan_is_not_a_pass() -> None:
    assert decide({"fill": math.nan}, {"fill": Limit(max=1)}).reason == "not_measured"


def test_bounds_are_inclusive() -> None:
    assert decide({"fill": 0.85}, {"fill": Limit(min=0.85, max=0.85)}).released


def test_the_cause_nearest_the_root_is_the_reason() -> None:
    bounds = {"fill": Limit(min=0.9), "product_found": Limit(min=1), "bytes": Limit(max=10)}
    verdict = decide({"fill": 0.1, "product_found": 0, "bytes": 100}, bounds)
    assert verdict.reason == "product_found"
    assert [failure.name for failure in verdict.failures] == ["product_found", "fill", "bytes"]
    assert verdict.detail == "product_found is 0, wanted at least 1; also fill, bytes"


def test_retry_only_when_a_refiner_may_cure_all_of_it() -> None:
    bounds = {"halo": Limit(max=5, retry=True), "fill": Limit(min=0.8)}
    assert decide({"halo": 9, "fill": 0.9}, bounds).retry
    assert not decide({"halo": 9, "fill": 0.1}, bounds).retry
    assert not decide({"halo": 1, "fill": 0.9}, bounds).retry


def test_facts_of_the_destination_are_hard_rules() -> None:
    held = limits(template(qa={"bytes": Limit(max=99_000_000), "width": Limit(min=1)}), destination(max_bytes=1000))
    assert held["bytes"].max == 1000
    assert (held["width"].min, held["width"].max) == (1000, 1000)


def test_a_template_may_widen_a_default_that_no_destination_states() -> None:
    assert limits(template(qa={"delta_e_mean": Limit(max=3)}), destination())["delta_e_mean"].max == 3


def test_a_template_may_tighten_a_destination() -> None:
    held = limits(template(qa={"fill": Limit(min=0.9)}), destination(qa={"fill": Limit(min=0.85, max=0.95)}))
    assert (held["fill"].min, held["fill"].max) == (0.9, 0.95)


def test_white_is_held_where_it_is_promised_or_demanded() -> None:
    colour = {"kind": "colour", "colour": "#eeddcc"}
    assert "white_far" in limits(template(), destination())
    assert "white_far" not in limits(template(background=colour), destination())
    assert "white_far" in limits(template(background=colour), destination(background="white"))
    assert "white_far" not in limits(template(), destination(background="transparent"))


def test_shadow_is_held_where_one_is_asked_for() -> None:
    assert "shadow_gap" in limits(template(), destination())
    assert "shadow_gap" not in limits(template(shadow=Shadow(contact=0)), destination())


@pytest.mark.parametrize("where", ["template", "destination"])
def test_a_limit_on_nothing_is_an_error_with_the_names_there_are(where: str) -> None:
    typo = {"qa": {"fil": Limit(min=0.8)}}
    with pytest.raises(TemplateError, match=rf"{where} .*no check measures fil; known: .*fill"):
        limits(template(**typo if where == "template" else {}), destination(**typo if where == "destination" else {}))


@given(some_limit, some_limit, st.floats(-200, 200))
def test_tightest_holds_exactly_when_both_hold(first: Limit, second: Limit, value: float) -> None:
    both = decide({"fill": value}, {"fill": first}).released and decide({"fill": value}, {"fill": second}).released
    assert decide({"fill": value}, {"fill": tightest(first, second)}).released == both
