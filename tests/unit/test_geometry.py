"""Placing rules: margins always win, then fill, then alignment; cropped sides are flush."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import NoProductFound
from studio.imaging.geometry import Extent, box_of, extent_of, offset_of, scale_of, without_haze
from studio.template import Composition, Margins

CANVAS = (1000, 800)
sides = st.integers(4, 3000)
fractions = st.floats(0.0, 0.2)


def placed(extent: Extent, rules: Composition, canvas: tuple[int, int] = CANVAS) -> tuple[int, int, int, int]:
    scale = scale_of(extent, canvas, rules)
    _, _, w, h = extent.solid
    box = (0, 0, max(1, round(w * scale)), max(1, round(h * scale)))
    dx, dy = offset_of(box, extent, canvas, rules)
    return dx, dy, box[2], box[3]


def plain(w: int, h: int, cropped: tuple[bool, bool, bool, bool] = (False,) * 4) -> Extent:
    return Extent((5, 5, w, h), (5, 5, w, h), cropped)


@given(
    sides, sides, fractions, fractions, fractions, fractions, st.floats(0.1, 1.0), st.sampled_from(["left", "center", "right"])
)
def test_margins_always_win(
    w: int, h: int, top: float, right: float, bottom: float, left: float, fill: float, align: str
) -> None:
    rules = Composition(fill=fill, margins=Margins(top=top, right=right, bottom=bottom, left=left), align_x=align)
    x, y, bw, bh = placed(plain(w, h), rules)
    width, height = CANVAS
    assert x >= left * width - 1
    assert y >= top * height - 1
    assert x + bw <= (1 - right) * width + 1
    assert y + bh <= (1 - bottom) * height + 1


@given(sides, sides, st.floats(0.2, 0.9))
def test_fill_is_the_larger_share_where_there_is_room(w: int, h: int, fill: float) -> None:
    rules = Composition(fill=fill, margins=Margins(top=0.05, right=0.05, bottom=0.05, left=0.05))
    _, _, bw, bh = placed(plain(w, h), rules)
    assert max(bw / CANVAS[0], bh / CANVAS[1]) == pytest.approx(fill, abs=0.002)


@given(sides, sides, st.floats(0.5, 0.95))
def test_lowest_point_stands_on_the_baseline(w: int, h: int, baseline: float) -> None:
    rules = Composition(fill=0.8, margins=Margins(bottom=0.05), baseline=baseline)
    _, y, _, bh = placed(plain(w, h), rules)
    assert y + bh == pytest.approx(baseline * CANVAS[1], abs=1)
    assert y >= 0.04 * CANVAS[1] - 1


@pytest.mark.parametrize(("align_x", "align_y"), [("left", "top"), ("center", "center"), ("right", "bottom")])
def test_alignment(align_x: str, align_y: str) -> None:
    rules = Composition(fill=0.5, margins=Margins(top=0.1, right=0.1, bottom=0.1, left=0.1), align_x=align_x, align_y=align_y)
    box = placed(plain(100, 100), rules)
    assert box == {"left": (100, 80, 400, 400), "center": (300, 200, 400, 400), "right": (500, 320, 400, 400)}[align_x]


def test_focal_point_is_the_products_centre_as_far_as_margins_allow() -> None:
    near = placed(plain(100, 100), Composition(fill=0.25, focal_point=(0.3, 0.6)))
    assert (near[0] + near[2] / 2, near[1] + near[3] / 2) == (300, 480)
    outside = placed(plain(100, 100), Composition(fill=0.25, focal_point=(0.0, 1.0)))
    assert (outside[0], outside[1] + outside[3]) == (40, 768)


@pytest.mark.parametrize(
    ("cropped", "flush"),
    [
        ((True, False, False, False), lambda x, y, w, h: y == 0),
        ((False, True, False, False), lambda x, y, w, h: x + w == 1000),
        ((False, False, True, False), lambda x, y, w, h: y + h == 800),
        ((False, False, False, True), lambda x, y, w, h: x == 0),
        ((False, True, False, True), lambda x, y, w, h: x == 0 and w == 1000),
    ],
)
def test_a_cut_product_is_flush_with_that_edge(cropped: tuple[bool, ...], flush: object) -> None:
    box = placed(plain(300, 200, cropped), Composition(fill=0.6))
    assert flush(*box)
    loose = placed(plain(300, 200, cropped), Composition(fill=0.6, snap_cropped_sides=False))
    assert not flush(*loose)


def test_a_soft_edge_keeps_room_of_its_own() -> None:
    tight = Composition(fill=1.0, margins=Margins(top=0, right=0, bottom=0, left=0))
    soft = Extent((20, 20, 200, 160), (17, 17, 206, 166))
    x, y, w, h = placed(soft, tight)
    scale = w / 200
    assert x - 3 * scale >= -1
    assert x + w + 3 * scale <= 1001
    assert placed(plain(200, 160), tight)[2] == 1000


def test_extent_measures_solid_and_soft() -> None:
    alpha = np.zeros((40, 60), np.float32)
    alpha[8:32, 10:50] = 0.2
    alpha[10:30, 12:48] = 1
    assert extent_of(alpha, (False,) * 4) == Extent((12, 10, 36, 20), (10, 8, 40, 24))


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_an_empty_cut_out_is_no_product(level: float) -> None:
    with pytest.raises(NoProductFound):
        extent_of(np.full((9, 9), level, np.float32), (False,) * 4)


def test_painted_shadows_are_not_product() -> None:
    alpha = np.zeros((60, 60), np.float32)
    alpha[10:30, 10:50] = 1
    alpha[9, 10:50] = 0.3
    clean = without_haze(alpha)
    assert clean is alpha
    alpha[40:50, 5:55] = 0.25
    assert np.array_equal(without_haze(alpha)[:35], alpha[:35])
    assert without_haze(alpha)[35:].max() == 0


def test_box_of() -> None:
    mask = np.zeros((5, 7), bool)
    assert box_of(mask) is None
    mask[2, 3] = mask[4, 5] = True
    assert box_of(mask) == (3, 2, 3, 3)
