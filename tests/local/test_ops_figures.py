"""The table of operations: what each part's output says, and that a part which cannot run does not end the others."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from benchmarks.ops.figures import (
    PARTS,
    Figure,
    Part,
    console,
    manifests,
    measured,
    monitoring,
    nights,
    plan,
    quote,
    report,
    soak,
)

SOAK = {"lost": 0, "twice": 0, "unexplained": 0, "faults": {"shop_429": 4}, "pss_mb": {"night": {"growth_%_h": 2.5}}}


def junit(**tests: str) -> str:
    """A report of pytest's. A test is `passed`, `failed`, or skipped for the reason that it has."""
    inner = {"passed": "", "failed": "<failure/>"}
    cases = (
        f'<testcase name="{name}">{inner.get(how, f"<skipped message={json.dumps(how)}/>")}</testcase>'
        for name, how in tests.items()
    )
    return f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>"


def says(text: str) -> Part:
    """A part that prints this."""
    call = [sys.executable, "-c", f"print({text!r})"]
    return replace(PARTS["console"], short=call, long=call)


@pytest.mark.parametrize("name", ["lost", "twice", "unexplained"])
def test_a_single_loss_is_a_miss_whatever_the_size(name: str) -> None:
    assert [one.met for one in soak(json.dumps(SOAK | {name: 1}), False)] == [False]


def test_a_short_soak_proves_nothing_and_a_long_one_does() -> None:
    short, long = (soak("log\n" + json.dumps(SOAK), size)[0] for size in (False, True))
    assert (short.met, long.met) == (None, True)
    assert long.measured == "0 / 0 / 0 with 4 faults; +2.5 %"
    grown = SOAK | {"pss_mb": {"night": {"growth_%_h": 3.1}, "service": {"growth_%_h": None}}}
    assert soak(json.dumps(grown), True)[0].met is False


@pytest.mark.parametrize(("error", "met"), [(0.09, True), (-0.1, True), (0.11, False), (-0.2, False)])
def test_the_quote_is_judged_without_its_sign(error: float, met: bool) -> None:
    text = json.dumps({"rows": {"large, after the first": {"quote_error": error, "due": 500}}})
    assert (quote(text, True)[0].met, quote(text, False)[0].met) == (met, None)


def test_nights_are_those_that_are_asked() -> None:
    night = {"case": "shipped profile", "skus": 1e6, "due": 1e6, "over_lower": 1.0067}
    others = [night | {"due": 3e4, "over_lower": 1.3}, night | {"case": "for 8 h, Ray's launch limits", "skus": 1e8, "due": 1e8}]
    slow = night | {"case": "for 8 h, nodes at once", "skus": 1e8, "due": 1e8, "over_lower": 1.0101}
    assert [one.met for one in nights(json.dumps({"nights": [night, *others, slow]}), True)] == [True, False]


def test_a_plan_needs_both_time_and_memory() -> None:
    found = {"wall_s": 50.0, "peak_mb": 1600.0, "rows": 1_000_000, "us_a_sku": 50.0}
    assert (plan(json.dumps(found), True)[0].met, plan(json.dumps(found | {"peak_mb": 900.0}), True)[0].met) == (False, True)


def test_tests_are_counted_and_skipped_ones_are_no_figure() -> None:
    text = junit(
        **{"test_an_alert_fires[a]": "passed", "test_an_alert_fires[b]": "failed", "test_every_panel_has": "no Prometheus"}
    )
    rules, panels = monitoring(text, False)
    assert (rules.measured, rules.met) == ("1 of 2", False)
    assert (panels.measured, panels.met) == ("could not run here: no Prometheus", None)
    seeded = {f"test_what_is_seeded_is_found[{number}]": "passed" for number in range(30)}
    assert manifests(junit(**seeded, test_other="failed"), False)[0].met is True
    assert manifests(junit(**dict(list(seeded.items())[1:])), False)[0].met is False
    assert manifests(junit(**seeded, **{"test_what_is_seeded_is_found[x]": "failed"}), False)[0].met is False


def test_a_part_that_cannot_run_says_why() -> None:
    assert [one.measured for one in measured(says('{"console_worst_ratio": 1.2}'), long=False)] == ["1.20x"]
    broken = [sys.executable, "-c", "import sys; sys.exit('no browser | here')"]
    (row,) = measured(replace(says(""), short=broken), long=False)
    assert (row.measured, row.met) == ("could not run here: no browser / here", None)
    (row,) = measured(replace(says(""), short=["/no/such/program"], junit=True), long=False)
    assert row.measured.startswith("could not run here: ")
    assert "No such file" in row.measured


def test_every_part_has_its_rows_in_the_table() -> None:
    assert console('{"console_worst_ratio": 1.6}', False)[0].met is False
    lines = report([Figure(what, asked, "") for part in PARTS.values() for what, asked in part.rows]).splitlines()
    assert len(lines) == 2 + 8
