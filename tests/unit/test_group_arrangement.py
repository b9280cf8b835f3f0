"""Layouts of a group on the ground: nothing collides, little is hidden, everybody is there; and how large a photo's product is."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.briefs.group_shot import GroupShotBrief
from studio.errors import MissingInput
from studio.imaging.groups.arrangement import Piece, Spot, arranged, extent, hidden, room
from studio.imaging.groups.sizing import TOP, Size, seen, size_of, strangers
from studio.product import Dimensions, Product

LAYOUTS = ("row", "arc", "pyramid", "grid", "hero")
SIDES = st.floats(8, 900)
PIECES = st.lists(st.builds(Piece, SIDES, SIDES, SIDES), min_size=1, max_size=12)
BRIEFS = st.builds(
    GroupShotBrief,
    layout=st.sampled_from(LAYOUTS),
    order=st.sampled_from(("catalogue", "ascending", "descending", "tallest-centre")),
    spacing=st.floats(0, 1),
    overlap=st.floats(0, 0.5),
    bow=st.floats(0, 1),
    columns=st.none() | st.integers(1, 12),
)
QUIET = settings(max_examples=40, deadline=None)
HAIR = 1e-6


def footprints_apart(one: Piece, at: Spot, other: Piece, there: Spot) -> float:
    """Room between two footprints in millimetres, in the direction in which there is any; negative where they collide."""
    beside = abs(at.x - there.x) - (one.width + other.width) / 2
    front, back = (at, there) if at.z <= there.z else (there, at)
    return max(beside, back.z - front.z - (one if front is at else other).depth)


@QUIET
@given(PIECES, BRIEFS, st.floats(0.4, 2.5))
def test_no_footprints_collide_and_neighbours_keep_their_distance(
    pieces: list[Piece], brief: GroupShotBrief, aspect: float
) -> None:
    spots = arranged(pieces, brief, aspect)
    for a, b in combinations(range(len(pieces)), 2):
        assert footprints_apart(pieces[a], spots[a], pieces[b], spots[b]) > -1e-3


@QUIET
@given(PIECES, BRIEFS, st.floats(0.4, 2.5))
def test_nobody_is_hidden_by_more_than_the_brief_allows(pieces: list[Piece], brief: GroupShotBrief, aspect: float) -> None:
    shares = hidden(pieces, arranged(pieces, brief, aspect))
    allowed = brief.overlap if brief.layout in ("pyramid", "hero") else 0.0
    assert max(shares) <= allowed + HAIR


@QUIET
@given(PIECES, BRIEFS, st.floats(0.4, 2.5), st.floats(0.1, 10))
def test_scale_of_the_measures_is_scale_of_the_layout(
    pieces: list[Piece], brief: GroupShotBrief, aspect: float, by: float
) -> None:
    """Millimetres or inches: the same picture."""
    spots = arranged(pieces, brief, aspect)
    larger = arranged([Piece(p.width * by, p.height * by, p.depth * by) for p in pieces], brief, aspect)
    span = max(abs(value) for spot in spots for value in (spot.x, spot.z)) + 1
    if brief.layout != "grid" or brief.columns:
        assert all(math.isclose(a.x * by, b.x, abs_tol=1e-6 * span * by) for a, b in zip(spots, larger, strict=True))


@QUIET
@given(PIECES.filter(lambda found: len(found) > 1), st.floats(0, 1))
def test_a_row_keeps_its_order_and_its_spacing(pieces: list[Piece], spacing: float) -> None:
    brief = GroupShotBrief(layout="row", spacing=spacing)
    spots = arranged(pieces, brief, 1.0)
    gap = room(pieces, brief)
    for i in range(len(pieces) - 1):
        assert spots[i + 1].x - spots[i].x == pytest.approx((pieces[i].width + pieces[i + 1].width) / 2 + gap)
    left, low, right, high = extent(pieces, spots)
    assert left == pytest.approx(-right)
    assert (low, high) == (0.0, max(piece.height for piece in pieces))


@QUIET
@given(PIECES.filter(lambda found: len(found) > 2))
def test_a_pyramid_has_its_tallest_in_the_middle_at_the_back(pieces: list[Piece]) -> None:
    spots = arranged(pieces, GroupShotBrief(layout="pyramid"), 1.0)
    tallest = max(range(len(pieces)), key=lambda i: pieces[i].height)
    assert spots[tallest].z == max(spot.z for spot in spots)
    ranks = sorted(range(len(pieces)), key=lambda i: spots[i].x).index(tallest)
    assert ranks in (len(pieces) // 2, (len(pieces) - 1) // 2)


@QUIET
@given(PIECES.filter(lambda found: len(found) > 1))
def test_the_hero_stands_in_front_of_all_others(pieces: list[Piece]) -> None:
    spots = arranged(pieces, GroupShotBrief(layout="hero"), 1.0)
    assert all(spots[0].z + pieces[0].depth <= spot.z for spot in spots[1:])


def test_the_middle_of_a_bow_stands_back() -> None:
    spots = arranged([Piece(50, 80, 50)] * 5, GroupShotBrief(layout="arc", bow=0.4), 1.0)
    assert [spot.z for spot in spots] == pytest.approx([0, 75, 100, 75, 0])


@pytest.mark.parametrize(("aspect", "columns"), [(4.0, 6), (0.2, 1), (1.5, 3)])
def test_a_grid_takes_the_shape_of_its_canvas(aspect: float, columns: int) -> None:
    spots = arranged([Piece(60, 60, 30)] * 6, GroupShotBrief(layout="grid", spacing=0.1), aspect)
    assert len({round(spot.x, 3) for spot in spots}) == columns


def test_a_grid_reads_from_the_back_left_to_the_front_right() -> None:
    spots = arranged([Piece(60, 60, 30)] * 6, GroupShotBrief(layout="grid", columns=3), 1.0)
    assert [(round(spot.x), spot.z > 0) for spot in spots] == [
        (-71, True),
        (0, True),
        (71, True),
        (-71, False),
        (0, False),
        (71, False),
    ]


def product(sku: str, **size: Any) -> Product:
    return Product(sku=sku, category="Kitchen", dimensions=Dimensions(**size))


@QUIET
@given(st.floats(20, 800), st.floats(0.3, 4), st.floats(0.3, 1.2), st.integers(8, 22), st.floats(0.3, 12))
def test_the_scale_of_a_photo_is_found_whatever_its_camera(w: float, tall: float, deep: float, tilt: int, scale: float) -> None:
    angle, size = math.radians(tilt), Size(w, w * tall, w * deep)
    box = w * scale, (size.height * math.cos(angle) + TOP * size.depth * math.sin(angle)) * scale
    found = seen(box, size)
    assert found.scale / scale == pytest.approx(1, abs=0.12)
    assert found.misfit < 1.2


def test_the_same_photo_at_twice_the_pixels_has_twice_the_scale() -> None:
    size = Size(118, 95, 82)
    assert seen((820, 760), size).scale == pytest.approx(2 * seen((410, 380), size).scale)


def test_a_cap_beside_a_lipstick_contradicts_its_measures_and_does_not_shrink_it() -> None:
    alone, beside = (seen((width, 800), Size(20, 73, 20)) for width in (210, 520))
    assert alone.misfit < 1.1
    assert beside.misfit > 2
    assert beside.scale == pytest.approx(alone.scale, rel=0.06)


def test_measures_in_centimetres_stand_out_from_their_category() -> None:
    good = [product(f"P{i}", width_mm=90 + i, height_mm=100) for i in range(4)]
    odd = strangers([*good, product("CM", width_mm=9, height_mm=10)])
    assert odd["CM"] == pytest.approx(10, rel=0.05)
    assert max(odd[p.sku] for p in good) < 1.1


def test_two_of_a_category_say_nothing_about_each_other() -> None:
    assert set(strangers([product("A", width_mm=10, height_mm=10), product("B", width_mm=900, height_mm=90)]).values()) == {1.0}


@pytest.mark.parametrize(
    ("size", "said"),
    [({}, "width_mm and height_mm"), ({"width_mm": 3}, "height_mm"), ({"height_mm": 3, "depth_mm": 2}, "width_mm")],
)
def test_missing_measures_are_named_with_their_product(size: dict[str, float], said: str) -> None:
    with pytest.raises(MissingInput, match=f"^SKU-7: {said} missing"):
        size_of(product("SKU-7", **size))


def test_depth_may_be_missing() -> None:
    assert size_of(product("A", width_mm=40, height_mm=100)).depth == pytest.approx(28)
