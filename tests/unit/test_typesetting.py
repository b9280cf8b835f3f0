"""Shaping, line breaking, direction, fitting and inking, with small fonts drawn for the test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.typesetting.bidi import direction_of, visual_runs
from studio.typesetting.breaking import pieces
from studio.typesetting.errors import BadFont, MissingGlyph, TextOverflow
from studio.typesetting.fonts import Face, Fonts
from studio.typesetting.paint import contrast, ink, ratio
from studio.typesetting.text import fit, shape, width_of
from tests.drawn_fonts import LATIN, OTHER, drawn

FONTS = Fonts([Face(drawn(LATIN)), Face(drawn(OTHER, 1000))])
WORDS = st.lists(st.text("abcdefgh", min_size=1, max_size=9), min_size=1, max_size=6).map(" ".join)


@settings(max_examples=15, deadline=None)
@given(WORDS, st.integers(60, 400), st.integers(12, 120), st.integers(1, 4))
def test_fitted_text_is_whole_and_inside_its_box_or_an_error(text: str, width: int, height: int, lines: int) -> None:
    try:
        block = fit(text, FONTS, (width, height), max_px=60, min_px=9, lines=lines)
    except TextOverflow:
        longest = max(text.split(), key=len)
        narrow = width_of(longest, FONTS, 9) > width - 2
        many = width_of(text, FONTS, 9) > width * 0.4 or height < 12
        assert narrow or many
        return
    assert block.mask.shape[0] <= height
    assert block.mask.shape[1] <= width
    assert " ".join(block.lines) == text
    assert len(block.lines) <= lines
    assert 9 <= block.size_px <= 60


def test_a_larger_box_never_makes_the_text_smaller() -> None:
    sizes = [fit("some words to set", FONTS, (side, side), max_px=90, min_px=6, lines=3).size_px for side in (120, 180, 240, 300)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_a_word_is_never_cut_but_refused() -> None:
    with pytest.raises(TextOverflow, match="does not fit"):
        fit("incomprehensibilities", FONTS, (60, 200), max_px=40, min_px=10, lines=5)


def test_a_character_that_no_font_has_is_named() -> None:
    assert FONTS.missing("a\u0416b 漢") == ("\u0416",)
    with pytest.raises(MissingGlyph, match=r"U\+0416"):
        shape("a\u0416b", FONTS, 20)


def test_what_one_face_lacks_the_next_one_writes() -> None:
    assert [text for _, text in FONTS.runs("ab 漢字 cd")] == ["ab ", "漢字 ", "cd"]
    mixed, latin = shape("ab漢", FONTS, 20).advance, shape("ab", FONTS, 20).advance
    assert mixed - latin == pytest.approx(20, abs=0.5)


def test_a_letter_and_its_mark_are_composed_before_a_glyph_is_looked_for() -> None:
    assert shape("C\u030c", FONTS, 30).text == "Č"


def test_hebrew_stands_from_right_to_left_and_numbers_in_it_do_not() -> None:
    assert direction_of("שלום 50") == "rtl"
    assert visual_runs("שלום 50%", "rtl") == [("50%", "ltr"), ("שלום ", "rtl")]
    assert visual_runs("mug שלום 12", "ltr") == [("mug ", "ltr"), ("12", "ltr"), ("שלום ", "rtl")]
    left, right = shape("אב", FONTS, 400).mask, shape("בא", FONTS, 400).mask
    assert left.shape[1] == right.shape[1]
    assert np.array_equal(left[:, ::-1] > 0.5, right > 0.5)
    assert not np.array_equal(left, right)


@given(st.text(LATIN + OTHER, max_size=30), st.sampled_from(["ltr", "rtl"]))
def test_turning_runs_round_loses_no_character(text: str, way: str) -> None:
    runs = visual_runs(text, way)  # type: ignore[arg-type]
    assert sorted("".join(piece for piece, _ in runs)) == sorted(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("two words", ["two ", "words"]),
        ("a\u00a0b c", ["a\u00a0b ", "c"]),
        ("well-made", ["well-", "made"]),
        ("from -5 up", ["from ", "-5 ", "up"]),
        ("now — later", ["now — ", "later"]),
        ("漢字。仮名", ["漢", "字。", "仮", "名"]),
        ("「漢字」", ["「漢", "字」"]),
        ("カタカナ語", ["カタカナ", "語"]),
        ("€ 49", ["€ ", "49"]),
        ("49,90 €!", ["49,90 ", "€!"]),
    ],
)
def test_lines_end_only_where_they_may(text: str, parts: list[str]) -> None:
    assert pieces(text) == parts


@given(st.text(max_size=40))
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


def test_ink_is_full_colour_inside_and_leaves_the_rest_alone() -> None:
    picture = np.full((60, 120, 3), 200, np.uint8)
    line = shape("aa", FONTS, 40)
    ink(picture, line.mask, (10, 8), (10, 20, 30))
    area = picture[8 : 8 + line.mask.shape[0], 10 : 10 + line.mask.shape[1]]
    assert (area[line.mask == 1] == (10, 20, 30)).all()
    assert (picture[:8] == 200).all()
    with pytest.raises(TextOverflow, match="reaches over"):
        ink(picture, line.mask, (100, 8), (0, 0, 0))


def test_contrast_is_that_of_the_worst_spot() -> None:
    picture = np.full((40, 200, 3), 255, np.uint8)
    mask = np.ones((20, 180), np.float32)
    assert contrast(picture, mask, (0, 0, 0), (10, 10)) == pytest.approx(21, abs=0.01)
    picture[:, 150:] = 90
    assert contrast(picture, mask, (0, 0, 0), (10, 10)) == pytest.approx(ratio(0.1022, 0.0), rel=0.02)
    picture[:, :20] = 0
    assert contrast(picture, mask, (118, 118, 118), (10, 10)) == 1.0


def test_what_is_no_font_is_refused() -> None:
    with pytest.raises(BadFont):
        Face(b"no font at all")
    with pytest.raises(BadFont, match="no axis"):
        Face(drawn("a"), axes={"wght": 400})
