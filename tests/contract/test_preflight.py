"""Every rule of every destination agrees with hand-made files just inside and just outside it, and says where it is from."""

from __future__ import annotations

import pytest

from benchmarks.preflight import agrees, judged
from benchmarks.preflight_files import MAKERS, cases
from studio.destination import Destination, Limit, Source
from studio.errors import TemplateError
from studio.qa.check import Check
from studio.qa.checks import CHECKS
from studio.qa.preflight import RULES, left_out, rules
from templates.library import Library

LIBRARY = Library.default()
DESTINATIONS = LIBRARY.destinations()
SAME = {"fill", "white_purity_error", "white_far", "white_border", "clear_border", "sharpness", "has_source_type"}
"""Measured on our own pictures too, by the same name and in the same unit."""


@pytest.mark.parametrize("where", DESTINATIONS, ids=lambda d: d.id)
def test_every_file_is_judged_as_it_was_made(where: Destination) -> None:
    wrong, inside, outside = [], 0, 0
    for case in cases(where):
        broken = judged(case, where)
        inside, outside = inside + (not case.breaks), outside + bool(case.breaks)
        if not agrees(case, broken):
            wrong.append(f"{case.rule}: {case.name}: breaks {sorted(broken)}, made to break {sorted(case.breaks)}")
    assert wrong == []
    assert inside >= len(rules(where))
    assert outside >= len(rules(where))


@pytest.mark.parametrize("where", DESTINATIONS, ids=lambda d: d.id)
def test_every_limit_is_measured_or_said_to_need_the_photo(where: Destination) -> None:
    held = rules(where)
    assert set(where.upload) <= set(held)
    assert set(where.qa) <= set(held) | set(left_out(where))
    assert set(left_out(where)) <= {"sharpness_ratio"}
    assert held["bytes"].max == where.max_bytes


@pytest.mark.parametrize("where", DESTINATIONS, ids=lambda d: d.id)
def test_citations_name_rules_and_sources(where: Destination) -> None:
    assert set(where.cites) <= set(rules(where))
    assert all(place < len(where.sources) for place in where.cites.values())


def test_every_rule_can_be_made_to_fail() -> None:
    assert set(MAKERS) == set(RULES)


def test_every_use_has_a_destination() -> None:
    assert {where.use for where in DESTINATIONS} == {"main", "secondary", "hero", "social", "cutout"}
    assert {"1:1", "4:5", "16:9", "3:2"} <= {where.aspect for where in DESTINATIONS}


@pytest.mark.parametrize("check", [check for check in CHECKS if check.name in RULES], ids=lambda check: check.name)
def test_a_name_shared_with_a_check_means_the_same(check: Check) -> None:
    assert RULES[check.name].unit == check.unit


def test_shared_names_are_shared() -> None:
    assert {check.name for check in CHECKS} >= SAME


def test_a_rule_on_nothing_is_an_error() -> None:
    wrong = DESTINATIONS[0].model_copy(update={"upload": {"widht": Limit(min=1)}})
    with pytest.raises(TemplateError, match=r"upload: no rule widht; known: .*dpi"):
        rules(wrong)


def test_a_citation_of_nothing_is_an_error() -> None:
    facts = DESTINATIONS[0].model_dump() | {"sources": (Source(title="one", date="2026-11-22"),), "cites": {"fill": 1}}
    with pytest.raises(ValueError, match="fill name a source that is not there"):
        Destination.model_validate(facts)
