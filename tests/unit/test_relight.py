"""Relighting: broad, bounded, hue stays, detail stays, and looks that ask for nothing keep every pixel and key."""

from __future__ import annotations

from typing import get_args

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.imaging.colour import srgb_to_lab, u8_to_linear
from studio.imaging.geometry import box_of
from studio.imaging.light import shadow_depth, towards
from studio.imaging.normals import normals_of
from studio.imaging.relight import RIGS, brightened, drift, relit
from studio.models.registry import Registry
from studio.recipes.base import Recipe
from studio.steps.compose import Compose
from studio.steps.ground import Ground
from studio.steps.place import Place
from studio.steps.relight import RelightStep
from studio.steps.scene import SceneStep
from studio.take import Placed, Take
from studio.template import Light, Preset, Relight, Template
from tests import shipped
from tests.golden.pictures import HERE, matte, run, shot, small, without_model

LIBRARY = shipped.library()
LEFT, RIGHT = Light(azimuth_deg=-60), Light(azimuth_deg=60)


def ball(level: tuple[int, int, int] = (150, 110, 90), side: int = 160) -> Placed:
    """An evenly lit disc with fine stripes."""
    y, x = np.mgrid[:side, :side] - side / 2 + 0.5
    alpha = np.clip(side * 0.4 - np.hypot(x, y) + 0.5, 0, 1).astype(np.float32)
    rgb = np.empty((side, side, 3), np.uint8)
    rgb[:] = level
    rgb[::4] = np.array(level) // 2
    return Placed(rgb, alpha, 1.0, box_of(alpha > 0.5) or (0, 0, 0, 0))


def mug() -> Placed:
    cut = matte("NL-MUG-01")
    return Placed(cut.foreground, cut.alpha, 1.0, box_of(cut.alpha > 0.5) or (0, 0, 0, 0))


def halves(rgb: np.ndarray, placed: Placed) -> tuple[float, float, float, float]:
    """Mean light of the product's left, right, upper and lower parts."""
    light = u8_to_linear(rgb).mean(axis=2)
    x, y, w, h = placed.box
    inside = placed.alpha > 0.98
    rows, columns = np.mgrid[: inside.shape[0], : inside.shape[1]]
    parts = (columns < x + w // 2, columns >= x + w // 2, rows < y + h // 2, rows >= y + h // 2)
    left, right, top, bottom = (float(light[inside & part].mean()) for part in parts)
    return left, right, top, bottom


class TestNormals:
    def test_a_disc_becomes_a_half_ball(self) -> None:
        """With even light on it: x/R to the right, flattened by DEPTH."""
        placed = ball(side=120)
        normal = normals_of(placed.alpha, np.full(placed.alpha.shape, 0.5, np.float32))
        assert normal[60, 60] == pytest.approx([0, 0, 1], abs=0.05)
        right, left, up = normal[60, 95], normal[60, 24], normal[24, 60]
        assert right[0] == pytest.approx(-left[0], abs=0.05)
        assert 0.3 < right[0] < 0.8
        assert up[1] == pytest.approx(right[0], abs=0.05)
        assert np.linalg.norm(normal, axis=-1) == pytest.approx(1, abs=1e-4)

    def test_nothing_at_all(self) -> None:
        assert (normals_of(np.zeros((20, 30), np.float32), np.zeros((20, 30), np.float32)) == [0, 0, 1]).all()


class TestRelit:
    @pytest.mark.parametrize("preset", list(RIGS))
    def test_within_bounds_at_the_default_strength(self, preset: Preset) -> None:
        placed = mug()
        lit = relit(placed, LEFT, Relight(preset=preset))
        delta_e, hue = drift(placed.rgb, lit, placed.alpha)
        assert 0.3 < delta_e <= 3.0
        assert hue <= 3.0
        assert np.array_equal(lit[placed.alpha == 0][:, 0] > 0, placed.rgb[placed.alpha == 0][:, 0] > 0)

    def test_every_preset_has_a_rig(self) -> None:
        assert {"none", *RIGS} == set(get_args(Preset))

    @pytest.mark.parametrize("preset", ["softbox", "window", "golden-hour"])
    def test_the_lit_side_is_the_lights(self, preset: Preset) -> None:
        placed = ball()
        left, right, _, _ = halves(relit(placed, LEFT, Relight(preset=preset)), placed)
        assert left > 1.05 * right
        left, right, _, _ = halves(relit(placed, RIGHT, Relight(preset=preset)), placed)
        assert right > 1.05 * left

    def test_top_light_comes_from_above_and_rim_light_lies_on_the_edge(self) -> None:
        placed = ball()
        _, _, top, bottom = halves(relit(placed, LEFT, Relight(preset="top")), placed)
        assert top > 1.1 * bottom
        gain = u8_to_linear(relit(placed, LEFT, Relight(preset="rim"))) / np.maximum(u8_to_linear(placed.rgb), 1e-3)
        assert gain[80, 21].mean() > 1.1 * gain[80, 80].mean()

    def test_strength_and_ratio_count(self) -> None:
        placed = ball()
        weak, strong = (
            drift(placed.rgb, relit(placed, LEFT, Relight(preset="window", strength=s)), placed.alpha) for s in (0.2, 1)
        )
        assert weak[0] < 0.5 * strong[0]
        assert strong[0] < 6
        flat, deep = (
            relit(placed, LEFT.model_copy(update={"ratio": r}), Relight(preset="softbox", strength=0.3)) for r in (2, 8)
        )
        assert halves(deep, placed)[0] / halves(deep, placed)[1] > halves(flat, placed)[0] / halves(flat, placed)[1]

    def test_none_and_zero_touch_nothing(self) -> None:
        placed = mug()
        assert relit(placed, LEFT, Relight()) is placed.rgb
        assert relit(placed, LEFT, Relight(preset="rim", strength=0)) is placed.rgb

    def test_detail_stays(self) -> None:
        """What is finer than the light's own scale keeps its contrast: the stripes' ratio in linear light."""
        placed = ball()
        lit = u8_to_linear(relit(placed, LEFT, Relight(preset="window", strength=1)))[40:120, 40:120].mean(axis=2)
        old = u8_to_linear(placed.rgb)[40:120, 40:120].mean(axis=2)
        before, after = old[0::4] / old[1::4], lit[0::4] / lit[1::4]
        assert np.abs(after / before - 1).max() < 0.12

    def test_same_every_time(self) -> None:
        assert np.array_equal(relit(ball(), LEFT, Relight(preset="rim")), relit(ball(), LEFT, Relight(preset="rim")))


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 1.9))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a_gain_never_clips_turns_or_reorders(seed: int, gain: float) -> None:
    rgb = np.random.default_rng(seed).integers(40, 256, (16, 16, 3), np.uint8)
    after = brightened(rgb, np.full((16, 16), gain, np.float32))
    order = np.argsort(rgb.max(axis=2).ravel(), kind="stable")
    assert np.diff(after.max(axis=2).ravel()[order].astype(int)).min() >= 0
    assert ((after == 255) <= (rgb >= 244)).all()
    then, now = srgb_to_lab(rgb), srgb_to_lab(after)
    coloured = np.hypot(then[..., 1], then[..., 2]) > 25
    turn = np.angle((now[..., 1] + 1j * now[..., 2]) * np.conj(then[..., 1] + 1j * then[..., 2]))
    assert np.degrees(np.abs(turn[coloured])).max(initial=0) < 6
    assert np.array_equal(brightened(rgb, np.ones((16, 16), np.float32)), rgb)


class TestStep:
    def look(self, **fields: object) -> Template:
        base = without_model(LIBRARY.template("lifestyle-wood"))
        return Template.model_validate({**base.model_dump(), "relight": fields})

    def test_the_delivered_product_is_the_relit_one(self) -> None:
        where = small(LIBRARY.destination("amazon-main"), 256).model_copy(update={"background": "any"})
        take = Take(shot(self.look(preset="window"), where), b"", matte=matte("NL-MUG-01"))
        run(take, (Place(), SceneStep(), Ground(), RelightStep(), Compose()))
        placed, image = take.need_placed(), take.need_image()
        assert take.lit is not None
        solid = placed.alpha >= 1
        assert np.array_equal(image[solid], take.lit[solid])
        assert 0 < take.measurements["relit_delta_e"] <= 3
        assert take.measurements["relit_hue"] <= 3

    def test_only_looks_that_ask_for_it_have_it_in_their_key(self) -> None:
        where, cards = LIBRARY.destination("amazon-main"), Registry(HERE).card
        plain, with_it = (Recipe("test", steps) for steps in ((Place(), Ground()), (Place(), Ground(), RelightStep())))
        for fields in ({}, {"preset": "window", "strength": 0}):
            look = self.look(**fields)
            assert plain.key(shot(look, where), cards) == with_it.key(shot(look, where), cards)
        keys = {with_it.key(shot(self.look(preset=preset), where), cards) for preset in RIGS}
        assert len(keys) == len(RIGS)


def test_the_light_as_a_direction() -> None:
    assert towards(Light(azimuth_deg=90, elevation_deg=5))[0] == pytest.approx(1, abs=0.01)
    assert towards(Light(azimuth_deg=0, elevation_deg=90))[1] == pytest.approx(1)
    assert towards(Light(azimuth_deg=180, elevation_deg=5))[2] == pytest.approx(-1, abs=0.01)
    assert [shadow_depth(Light(ratio=r)) for r in (1, 2, 8)] == [0, 1, 1.75]


def test_drift_sees_a_turned_hue() -> None:
    placed = ball()
    turned = cv2.cvtColor(placed.rgb, cv2.COLOR_RGB2BGR)
    assert drift(placed.rgb, turned, placed.alpha)[1] > 90
    assert drift(placed.rgb, placed.rgb, placed.alpha) == pytest.approx((0, 0), abs=1e-5)
