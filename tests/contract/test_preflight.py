"""Every rule of every destination agrees with hand-made files just inside and just outside it, and says where it is from."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.preflight import agrees, judged
from benchmarks.preflight_files import MAKERS, Case, cases
from studio.destination import Destination, Limit, Source
from studio.errors import CorruptImage, TemplateError
from studio.imaging.encode import encode
from studio.imaging.pdf import picture_of
from studio.qa.check import Check
from studio.qa.checks import CHECKS
from studio.qa.preflight import RULES, left_out, rules
from tests import shipped

LIBRARY = shipped.library()
DESTINATIONS = LIBRARY.destinations()
SAME = {"fill", "white_purity_error", "white_far", "white_border", "clear_border", "sharpness", "has_source_type"}
"""Measured on our own pictures too, by the same name and in the same unit."""


PICTURES = [where for where in DESTINATIONS if where.accepts != ("pdf",)]
"""Destinations of pictures; a page for print is judged below."""


@pytest.mark.parametrize("where", PICTURES, ids=lambda d: d.id)
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


class TestPagesForPrint:
    """A PDF is judged by the picture on its page."""

    where = LIBRARY.destination("print-a4")

    def broken(self, data: bytes) -> set[str]:
        return judged(Case(self.where.id, "format", "a page", data), self.where)

    def made(self, width: int, height: int, dpi: int = 300) -> bytes:
        canvas = np.full((height, width, 3), 236, np.uint8)
        canvas[height // 3 : height // 2, width // 3 : width // 2] = 40
        encoding = self.where.encoding.model_copy(update={"dpi": dpi})
        return encode(canvas, encoding, max_bytes=self.where.max_bytes, source_type="composite", dpi=dpi).data

    def test_what_we_make_passes(self) -> None:
        assert self.broken(self.made(2480, 3508)) == set()

    def test_another_size_does_not(self) -> None:
        assert self.broken(self.made(1240, 3508)) & {"pixels_shortest", "pixels_longest", "ratio_error"}

    def test_a_jpeg_is_no_page(self) -> None:
        assert "format" in self.broken(picture_of(self.made(2480, 3508)))

    def test_a_strangers_page_is_refused_by_name(self) -> None:
        with pytest.raises(CorruptImage, match="not one of ours"):
            self.broken(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF")


@pytest.mark.parametrize("where", DESTINATIONS, ids=lambda d: d.id)
def test_every_limit_is_measured_or_said_to_need_the_photo(where: Destination) -> None:
    held = rules(where)
    assert set(where.upload) <= set(held)
    assert set(where.qa) <= set(held) | set(left_out(where))
    assert set(left_out(where)) <= {"sharpness_ratio"}
    assert held["bytes"].max == where.max_bytes


@pytest.mark.parametrize("where", DESTINATIONS, ids=lambda d: d.id)
def test_citations_name_rules_and_sources(where: Destination) -> None:
    assert set(where.cites) <= {*rules(where), "naming", "count", "alt_text", "safe_area"}
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
