"""Harmonising: nothing at 0, the light's colour, the set's gradient from the light's side, light that wraps around edges."""

from __future__ import annotations

import numpy as np
import pytest

from studio.imaging.colour import srgb_to_lab, u8_to_linear
from studio.imaging.geometry import box_of
from studio.imaging.harmonise import harmonised, set_slope, tinted
from studio.imaging.light import tint
from studio.models.registry import Registry
from studio.recipes.base import Recipe
from studio.steps.compose import Compose
from studio.steps.ground import Ground
from studio.steps.harmonise import HarmoniseStep
from studio.steps.place import Place
from studio.steps.relight import RelightStep
from studio.steps.scene import SceneStep
from studio.take import Take
from studio.template import Harmonise, Light, Template
from tests import shipped
from tests.golden.pictures import HERE, matte, run, shot, small, without_model

LIBRARY = shipped.library()
SIDE = 200
WARM = Light(temperature_k=3000, azimuth_deg=-60, elevation_deg=30)


def product(level: int = 120) -> tuple[np.ndarray, np.ndarray, tuple[int, int, int, int]]:
    alpha = np.zeros((SIDE, SIDE), np.float32)
    alpha[60:160, 50:150] = 1
    return np.full((SIDE, SIDE, 3), level, np.uint8), alpha, box_of(alpha > 0.5) or (0, 0, 0, 0)


def sweep(left: int, right: int) -> np.ndarray:
    row = np.linspace(left, right, SIDE).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(row[None, :, None], (SIDE, SIDE, 3)))


def test_nothing_at_zero() -> None:
    rgb, alpha, box = product()
    assert harmonised(rgb, alpha, box, WARM, Harmonise(), sweep(250, 80)) is rgb


def test_temperature_takes_on_a_share_of_the_sets_colour() -> None:
    rgb, alpha, box = product()
    half, whole = (harmonised(rgb, alpha, box, WARM, Harmonise(temperature=t))[100, 100].astype(int) for t in (0.5, 1))
    assert whole[0] - whole[2] > half[0] - half[2] > 10
    expected = u8_to_linear(rgb[100, 100]) * tint(WARM)
    assert u8_to_linear(whole.astype(np.uint8)) == pytest.approx(expected, rel=0.12)
    before, after = (srgb_to_lab(np.array(c, np.uint8))[0] for c in (rgb[100, 100], whole))
    assert abs(before - after) < 3, "colour, not brightness"
    neutral = harmonised(rgb, alpha, box, Light(temperature_k=5500), Harmonise(temperature=1))
    assert np.array_equal(neutral, rgb)


def test_white_goods_stay_below_white() -> None:
    white = np.full((4, 4, 3), 255, np.uint8)
    assert (tinted(white, tint(WARM))[..., 0] == 255).all()
    assert (tinted(white, tint(WARM))[..., 2] < 240).all()


class TestGradient:
    def test_follows_the_set_from_the_lights_side(self) -> None:
        rgb, alpha, box = product()
        after = harmonised(rgb, alpha, box, WARM, Harmonise(light=1), sweep(230, 130))[110].astype(int)
        assert after[55, 0] > after[100, 0] + 4 > after[145, 0] + 8
        assert (after[:, 0] == after[:, 2]).all()

    def test_not_where_the_set_is_brighter_on_the_other_side(self) -> None:
        rgb, alpha, box = product()
        assert set_slope(sweep(130, 230), WARM) == 0
        assert np.array_equal(harmonised(rgb, alpha, box, WARM, Harmonise(light=1), sweep(130, 230)), rgb)

    def test_a_bright_wall_over_a_dark_table_says_nothing(self) -> None:
        ground = np.full((SIDE, SIDE, 3), 230, np.uint8)
        ground[120:] = 60
        assert set_slope(ground, WARM) == pytest.approx(0, abs=1e-3)


class TestEdge:
    def test_wraps_around_the_edge_only(self) -> None:
        rgb, alpha, box = product(60)
        after = harmonised(rgb, alpha, box, WARM, Harmonise(edge=1), np.full((SIDE, SIDE, 3), 240, np.uint8)).astype(int)
        assert after[60, 100, 0] > 75
        assert (after[75:145, 65:135] == 60).all()
        assert np.array_equal(after[alpha == 0], rgb[alpha == 0])

    def test_darkness_does_not_wrap(self) -> None:
        rgb, alpha, box = product(200)
        assert np.array_equal(harmonised(rgb, alpha, box, WARM, Harmonise(edge=1), np.zeros_like(rgb)), rgb)
        shade = np.ones((SIDE, SIDE), np.float32)
        bright = np.full((SIDE, SIDE, 3), 255, np.uint8)
        assert np.array_equal(harmonised(rgb, alpha, box, WARM, Harmonise(edge=1), bright, shade), rgb)

    def test_what_the_canvas_cuts_is_no_edge(self) -> None:
        rgb = np.full((SIDE, SIDE, 3), 60, np.uint8)
        alpha = np.zeros((SIDE, SIDE), np.float32)
        alpha[60:, 50:150] = 1
        after = harmonised(rgb, alpha, (50, 60, 100, 140), WARM, Harmonise(edge=1), np.full_like(rgb, 240))
        assert (after[SIDE - 1, 80:120] == 60).all()


class TestStep:
    def look(self, style: str = "lifestyle-wood", **more: object) -> Template:
        base = without_model(LIBRARY.template(style)).model_dump()
        return Template.model_validate({**base, "light": WARM.model_dump(), **more})

    def test_works_on_what_relighting_made(self) -> None:
        where = small(LIBRARY.destination("amazon-main"), 200).model_copy(update={"background": "any"})
        look = self.look(relight={"preset": "window"}, harmonise={"temperature": 0.5, "light": 0.5, "edge": 0.5})
        take = Take(shot(look, where), b"", matte=matte("NL-MUG-01"))
        run(take, (Place(), SceneStep(), Ground(), RelightStep()))
        relit = take.lit
        run(take, (HarmoniseStep(), Compose()))
        assert relit is not None
        assert take.lit is not None
        assert not np.array_equal(relit, take.lit)
        solid = take.need_placed().alpha >= 1
        assert np.array_equal(take.need_image()[solid], take.lit[solid])
        assert take.measurements["harmonised_delta_e"] > 0.5

    def test_on_a_transparent_ground_only_the_temperature_acts(self) -> None:
        where = small(LIBRARY.destination("web-transparent"), 120)
        take = Take(shot(self.look(harmonise={"light": 1, "edge": 1}), where), b"", matte=matte("NL-MUG-01"))
        run(take, (Place(), SceneStep(), Ground(), HarmoniseStep()))
        assert take.lit is not None
        assert np.array_equal(take.lit, take.need_placed().rgb)

    def test_only_looks_that_ask_for_it_have_it_in_their_key(self) -> None:
        where, cards = LIBRARY.destination("amazon-main"), Registry(HERE).card
        plain, with_it = (Recipe("test", steps) for steps in ((Ground(),), (Ground(), HarmoniseStep())))
        assert plain.key(shot(self.look(), where), cards) == with_it.key(shot(self.look(), where), cards)
        looks = [self.look(harmonise=h) for h in ({"edge": 0.1}, {"light": 0.1}, {"temperature": 0.1})]
        assert len({with_it.key(shot(look, where), cards) for look in looks}) == 3
