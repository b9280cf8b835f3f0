"""Lettering: compared by place and by letters, added lines found, lost ones counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.evidence import Line
from studio.qa.checks import text
from studio.qa.lettering import distance, inside, lost_letters, plain, same_place, tall
from studio.qa.subject import Subject
from studio.take import F32
from studio.template import Reflection
from tests.unit.test_qa_checks import LOOK, as_png, finished

WORDS = st.text(max_size=12)


def quad(x: float, y: float, width: float = 160, height: float = 30) -> F32:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)


def line(words: str, x: float, y: float, *, score: float = 0.99, share: float = 1.0) -> Line:
    return Line(words, score, quad(x, y), share)


def subject(lines: list[Line], source: list[Line], *, reflection: float = 0.0) -> Subject:
    template = LOOK.model_copy(update={"examine": ("text",), "reflection": Reflection(strength=reflection)})
    take = as_png(finished(template=template))
    take.evidence.lines, take.evidence.source_lines = tuple(lines), tuple(source)
    return Subject(take)


@given(WORDS, WORDS, WORDS)
def test_distance_is_a_metric(a: str, b: str, c: str) -> None:
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, b) == distance(b, a) <= max(len(a), len(b))
    assert distance(a, c) <= distance(a, b) + distance(b, c)


@given(WORDS, st.lists(WORDS, max_size=3))
def test_a_line_never_loses_more_letters_than_it_has(wanted: str, found: list[str]) -> None:
    assert 0 <= lost_letters(wanted, found) <= len(wanted)
    assert lost_letters(wanted, [*found, f"x{wanted}y"]) == 0


def test_what_counts_of_a_text() -> None:
    assert plain("Ｆull-width  50 ml!") == "fullwidth50ml"
    assert plain("Straße") == plain("STRASSE")


def test_places() -> None:
    assert same_place(quad(0, 0), quad(40, 5))
    assert not same_place(quad(0, 0), quad(0, 40))
    assert same_place(quad(0, 0, 400), quad(300, 0, 80))
    assert tall(quad(0, 0, 160, 30)) == 30
    assert tall(quad(0, 0, 30, 160)) == 30


def test_share_on_the_product() -> None:
    alpha = np.zeros((100, 200), np.float32)
    alpha[:, :100] = 1
    assert inside(quad(20, 20, 40, 10), alpha) == 1
    assert inside(quad(140, 20, 40, 10), alpha) == 0
    assert inside(quad(80, 20, 40, 10), alpha) == pytest.approx(0.5, abs=0.05)
    assert inside(quad(400, 20, 40, 10), alpha) == 0


def test_nobody_asked() -> None:
    take = as_png(finished())
    assert text.label_cer(Subject(take)) is None
    assert text.added_lines(Subject(take)) is None


def test_the_same_label_loses_nothing() -> None:
    same = [line("Moss Night Cream", 200, 200), line("50 ml", 200, 260)]
    seen = subject(same, same)
    assert text.label_cer(seen) == text.label_added(seen) == text.added_lines(seen) == 0
    assert text.label_lines(seen) == 2


def test_a_repainted_label_shows_as_lost_letters() -> None:
    source = [line("Moss Night Cream", 200, 200), line("50 ml", 200, 260)]
    seen = subject([line("Mqss Niqht Crxam", 200, 200), line("50 ml", 200, 260)], source)
    assert text.label_cer(seen) == pytest.approx(3 / 18)
    assert text.label_cer(subject([], source)) == 1


def test_a_moved_label_is_lost_where_it_was_and_added_where_it_is() -> None:
    seen = subject([line("Moss Night", 200, 400)], [line("Moss Night", 200, 200)])
    assert text.label_cer(seen) == 1
    assert text.label_added(seen) == 9


def test_small_doubtful_and_cut_lines_of_the_photo_are_not_held_against_the_picture() -> None:
    tiny = Line("fine print", 0.99, quad(200, 200, 80, 9), 1.0)
    doubtful, cut = line("smudge", 200, 260, score=0.6), line("over the edge", -60, 320)
    assert text.label_cer(subject([], [tiny, doubtful, cut])) == 0


def test_lettering_off_the_product_is_added() -> None:
    mark = line("www.shop.example", 20, 600, share=0.0)
    seen = subject([mark, line("I", 500, 20, share=0.0), line("grain", 500, 60, share=0.0, score=0.55)], [])
    assert text.added_lines(seen) == 1
    assert text.added_text(seen) == pytest.approx(160 * 30 / 640**2)


def test_a_label_in_a_polished_ground_is_the_products_own() -> None:
    own, image = line("330 ml", 240, 480), line("330 ", 245, 2 * 544 - 480 - 32, share=0.0)
    assert text.added_lines(subject([own, image], [own], reflection=0.3)) == 0
    assert text.added_lines(subject([own, image], [own])) == 1
    assert text.added_lines(subject([own, line("SALE", 20, 590, share=0.0)], [own], reflection=0.3)) == 1
