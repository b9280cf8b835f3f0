"""Shadows start at the base, follow the light, end inside the canvas and never float."""

from __future__ import annotations

import numpy as np
import pytest
from shapes import ALL, SIDE, block, lamp, mug, slanted, stool

from studio.imaging.base import base_of
from studio.imaging.geometry import box_of
from studio.imaging.reflection import reflected
from studio.imaging.shadow import cast_shadow, shade_of
from studio.take import Placed
from studio.template import Light, Reflection, Shadow

LEFT = Light(azimuth_deg=-60, elevation_deg=45, softness=0.4)
RIGHT = Light(azimuth_deg=60, elevation_deg=45, softness=0.4)
BOTH = Shadow(contact=0.8, cast=0.5)


def shade(alpha: np.ndarray, shadow: Shadow = BOTH, light: Light = LEFT, horizon: float | None = None) -> np.ndarray:
    return shade_of(alpha, box_of(alpha > 0.5), shadow, light, horizon)


def base(alpha: np.ndarray):
    return base_of(alpha, box_of(alpha > 0.5))


def lowest(alpha: np.ndarray, column: int) -> int:
    """First row below the product."""
    return int(np.flatnonzero(alpha[:, column] > 0.5)[-1]) + 1


class TestBase:
    def test_handle_does_not_stand_and_the_cup_does(self) -> None:
        found = base(mug())
        assert found.weight[110:190].min() > 0.5
        assert found.weight[218:].max() == 0

    def test_shade_of_a_lamp_does_not_stand(self) -> None:
        found = base(lamp())
        assert found.weight[160] == 1
        assert found.weight[:130].max() == found.weight[190:].max() == 0

    @pytest.mark.parametrize("column", [82, 127, 222])
    def test_every_leg_that_ends_bluntly_stands(self, column: int) -> None:
        alpha = stool()
        found = base(alpha)
        assert found.weight[column] > 0.9
        assert found.line[column] == pytest.approx(lowest(alpha, column), abs=1)

    def test_between_the_legs_nothing_stands(self) -> None:
        assert base(stool()).weight[95:115].max() == 0

    def test_the_contour_of_a_slanted_base_is_followed(self) -> None:
        alpha = slanted()
        found = base(alpha)
        for column in (100, 160, 220):
            assert found.weight[column] > 0.9
            assert found.line[column] == pytest.approx(lowest(alpha, column), abs=1)


class TestShade:
    @pytest.mark.parametrize("name", ALL)
    def test_no_gap_between_base_and_shadow(self, name: str) -> None:
        alpha = ALL[name]()
        dark, found = shade(alpha), base(alpha)
        standing = np.flatnonzero(found.weight > 0.8)
        assert standing.size
        for column in standing:
            assert dark[lowest(alpha, int(column)), column] > 0.1

    @pytest.mark.parametrize("name", ALL)
    @pytest.mark.parametrize("light", [LEFT, RIGHT, Light(azimuth_deg=180, elevation_deg=10, softness=1)])
    def test_stays_inside_the_canvas_and_in_range(self, name: str, light: Light) -> None:
        dark = shade(ALL[name](), light=light)
        assert dark.dtype == np.float32
        assert dark.min() >= 0
        assert dark.max() <= 1
        for edge in (dark[0], dark[-1], dark[:, 0], dark[:, -1]):
            assert edge.max() == 0

    def test_falls_away_from_the_light(self) -> None:
        alpha = block()
        outside = alpha < 0.01
        from_left, from_right = (shade(alpha, Shadow(contact=0, cast=1), light) * outside for light in (LEFT, RIGHT))
        assert from_left[:, 215:].sum() > 10 * from_left[:, :105].sum()
        assert from_right[:, :105].sum() > 10 * from_right[:, 215:].sum()

    def test_low_light_throws_long_shadows(self) -> None:
        def reach(elevation: float) -> int:
            light = Light(azimuth_deg=-80, elevation_deg=elevation, softness=0.2)
            dark = shade(block(60, 170, 40, 90), Shadow(contact=0, cast=1), light)
            return int(np.flatnonzero((dark > 0.1).any(axis=0))[-1])

        assert reach(35) > reach(50) + 10 > reach(70) + 20

    def test_penumbra_grows_with_distance(self) -> None:
        light = Light(azimuth_deg=-90, elevation_deg=40, softness=0.6)
        dark = shade(block(60, 130, 30, 130), Shadow(contact=0, cast=1), light)

        def steepest(column: int) -> float:
            return float(np.abs(np.diff(dark[:, column])).max() / max(dark[:, column].max(), 1e-6))

        assert steepest(100) > 1.5 * steepest(170)

    def test_softer_light_makes_softer_shadows(self) -> None:
        def steepness(softness: float) -> float:
            light = Light(azimuth_deg=-80, elevation_deg=45, softness=softness)
            return float(np.abs(np.diff(shade(block(), Shadow(contact=0, cast=1), light), axis=1)).max())

        assert steepness(0.0) > 1.5 * steepness(1.0)

    def test_contact_is_dark_at_the_base_and_gone_close_by(self) -> None:
        alpha = mug()
        dark = shade(alpha, Shadow(contact=0.8, cast=0))
        row = lowest(alpha, 150)
        assert dark[row, 150] > 0.5
        assert dark[row + 12, 150] < 0.35 * dark[row, 150]
        assert dark[:150].max() < 0.02

    def test_nothing_hangs_under_a_wide_top(self) -> None:
        alpha = lamp()
        dark = shade(alpha, Shadow(contact=1, cast=0))
        assert dark[150:175, 75:130].max() < 0.02

    def test_grows_with_its_strengths(self) -> None:
        weak, strong = (shade(mug(), Shadow(contact=c, cast=c)) for c in (0.2, 0.8))
        assert (strong >= weak - 1e-6).all()
        assert strong.sum() > 2 * weak.sum()
        assert shade(mug(), Shadow(contact=0, cast=0)).max() == 0

    def test_the_lighting_ratio_deepens_shadows(self) -> None:
        """Key over fill: 1 leaves the crevice under the base and no cast shadow; 2 is what the strengths say."""
        strengths = [shade(mug(), light=LEFT.model_copy(update={"ratio": ratio})) for ratio in (1, 1.5, 2, 4, 8)]
        sums = [float(dark.sum()) for dark in strengths]
        assert sums == sorted(sums)
        assert sums[4] > 1.4 * sums[2] > 2 * sums[0] > 0
        assert max(float(dark.max()) for dark in strengths) <= 1
        cast = shade(mug(), Shadow(contact=0, cast=1), LEFT.model_copy(update={"ratio": 1}))
        assert cast.max() == 0

    def test_the_default_ratio_leaves_strengths_as_they_are(self) -> None:
        found, window = base(mug()), shade(mug(), Shadow(contact=0, cast=0))
        assert window.max() == 0
        dark = shade(mug(), Shadow(contact=0, cast=0.5))
        inner = slice(30, SIDE - 30)
        assert np.array_equal(dark[inner, inner], (np.float32(0.5) * cast_shadow(mug(), found, LEFT))[inner, inner])

    @pytest.mark.parametrize("name", ALL)
    def test_every_base_is_as_dark_where_it_touches(self, name: str) -> None:
        """Thin feet and round bases: key and fill are both kept out, whatever stands there."""
        assert shade(ALL[name](), Shadow(contact=0.6, cast=0.3)).max() == pytest.approx(1 - 0.4 * 0.7, abs=0.05)

    def test_a_frayed_base_stands_as_a_clean_one(self) -> None:
        clean = block()
        frayed = clean.copy()
        low = lowest(clean, 160)
        frayed[low - 2 : low, 110:210:5] = 0
        left, right = base(clean), base(frayed)
        assert right.weight[120:200].min() > 0.9
        assert np.abs(left.line - right.line)[120:200].max() <= 2

    def test_no_shadow_on_the_wall(self) -> None:
        dark = shade(block(), Shadow(contact=0.5, cast=1), Light(azimuth_deg=0, elevation_deg=15), horizon=0.6 * SIDE)
        assert dark[: int(0.58 * SIDE)].max() == 0
        assert dark[int(0.75 * SIDE) :].max() > 0.3

    def test_same_every_time(self) -> None:
        assert np.array_equal(shade(stool()), shade(stool()))

    def test_same_look_at_every_size(self) -> None:
        small = shade(block())
        twice = np.kron(block(), np.ones((4, 4), np.float32))
        large = shade(twice).reshape(SIDE, 4, SIDE, 4).mean(axis=(1, 3))
        assert float(np.abs(small - large).mean()) < 0.01


class TestReflection:
    def reflect(self, alpha: np.ndarray, strength: float = 0.5):
        rows = np.arange(SIDE, dtype=np.uint8)[:, None, None].repeat(SIDE, 1).repeat(3, 2)
        placed = Placed(np.ascontiguousarray(rows), alpha, 1.0, box_of(alpha > 0.5))
        return reflected(placed, Reflection(strength=strength, fade=0.3))

    def test_mirrors_at_the_base(self) -> None:
        rgb, opacity = self.reflect(block())
        assert rgb[265, 160, 0] == pytest.approx(2 * 260 - 265, abs=2)
        assert opacity[262, 160] == pytest.approx(0.5, abs=0.06)

    def test_touches_a_round_base_all_along(self) -> None:
        alpha = mug()
        _, opacity = self.reflect(alpha)
        for column in range(115, 190, 5):
            assert opacity[lowest(alpha, column) + 1, column] > 0.3

    def test_fades_with_the_distance_to_nothing(self) -> None:
        _, opacity = self.reflect(block())
        column = opacity[262:, 160]
        assert (np.diff(column) <= 1e-6).all()
        assert opacity[320 - 6 :, :].max() < 0.02


def test_a_product_on_a_needle_point_still_has_a_base() -> None:
    from studio.imaging.base import base_of

    alpha = np.zeros((300, 300), np.float32)
    for row in range(20, 260):
        alpha[row, 150 : 150 + max(1, (260 - row) // 3)] = 1.0
    base = base_of(alpha, (150, 20, 80, 240))
    assert np.isfinite(base.line).all()
    assert np.isfinite(base.depth)
