"""Exact copies where nothing is mixed, the right light where something is, and clean alpha."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from studio.destination import Destination, Source
from studio.imaging.colour import linear_to_srgb, linear_to_u8, u8_to_linear
from studio.imaging.composite import cut_out, over
from studio.imaging.resample import extended
from studio.imaging.tone import quick_srgb, quick_u8
from studio.steps.compose import Compose, Deliver
from studio.steps.ground import Ground
from studio.steps.place import Place
from studio.steps.scene import SceneStep
from studio.take import Take
from studio.template import Template
from tests import shipped
from tests.golden.pictures import matte, run, shot, small, without_model

CATALOGUE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "catalogue"
levels = arrays(np.uint8, (6, 5, 3))
units = arrays(np.float32, (6, 5), elements=st.sampled_from([0.0, 0.001, 0.3, 0.999, 1.0]))


@given(levels, units, levels, units)
@settings(max_examples=50)
def test_product_and_ground_levels_are_copied(rgb: np.ndarray, alpha: np.ndarray, ground: np.ndarray, shade: np.ndarray) -> None:
    picture = over(rgb, alpha, ground, shade)
    assert np.array_equal(picture[alpha == 1], rgb[alpha == 1])
    bare = (alpha == 0) & (shade == 0)
    assert np.array_equal(picture[bare], ground[bare])
    assert (picture[alpha == 0] <= ground[alpha == 0]).all()


def test_a_shaded_white_ground_is_pure_white_outside_the_shade() -> None:
    library = shipped.library()
    template = without_model(library.template("amazon-white"))
    take = Take(shot(template, small(library.destination("amazon-main"), 300)), b"", matte=matte("NL-STL-01"))
    run(take, (Place(), SceneStep(), Ground(), Compose()))
    assert take.image is not None
    assert take.placed is not None
    assert take.shade is not None
    far = (take.placed.alpha < 0.5 / 255) & (take.shade < 1 / 512)
    assert (take.image[far] == 255).all()
    for edge in (take.image[0], take.image[-1], take.image[:, 0], take.image[:, -1]):
        assert (edge == 255).all()
    assert far.mean() > 0.3


@pytest.mark.parametrize("style", ["lifestyle-wood", "dark-luxury", "soft-gradient", "shopify-square", "amazon-white"])
def test_light_and_ground_never_touch_the_product(style: str) -> None:
    """Pixel lock to the end: whatever the set's colour temperature, the product's levels are the placed ones."""
    library = shipped.library()
    template = without_model(library.template(style))
    warm = template.model_copy(update={"light": template.light.model_copy(update={"temperature_k": 2700.0})})
    take = Take(shot(warm, small(library.destination(template.outputs[0]), 240)), b"", matte=matte("NL-RNG-01"))
    run(take, (Place(), SceneStep(), Ground(), Compose()))
    assert take.placed is not None
    assert take.image is not None
    solid = take.placed.alpha >= 1
    assert solid.sum() > 1000
    assert np.array_equal(take.image[solid], take.placed.rgb[solid])


def test_edges_are_mixed_in_linear_light() -> None:
    rgb, ground = np.full((1, 1, 3), 255, np.uint8), np.zeros((1, 1, 3), np.uint8)
    assert over(rgb, np.full((1, 1), 0.5, np.float32), ground)[0, 0, 0] == 188


def test_linear_light_rebuilds_a_photographed_edge_better_than_srgb_does() -> None:
    rgb, alpha = photographed()
    front = extended(rgb, (alpha > 0.995).astype(np.float32), 8)
    behind = extended(rgb, (alpha < 0.005).astype(np.float32), 8)
    edge = (alpha > 0.1) & (alpha < 0.9) & (np.abs(front.astype(int) - behind).max(axis=2) > 30)
    share = alpha[edge][:, None]
    linear = linear_to_srgb(u8_to_linear(front[edge]) * share + u8_to_linear(behind[edge]) * (1 - share)) * 255
    plain = front[edge] * share + behind[edge] * (1 - share)
    assert np.abs(linear - rgb[edge]).mean() < 0.95 * np.abs(plain - rgb[edge]).mean()


def photographed() -> tuple[np.ndarray, np.ndarray]:
    """A catalogue photo with its true alpha, or an edge averaged by a lens: light adds up, levels do not."""
    if CATALOGUE.is_dir():
        part = (500, 180, 900, 580)
        rgb = np.asarray(Image.open(CATALOGUE / "images" / "NL-BOK-01_front.jpg").convert("RGB").crop(part))
        alpha = Image.open(CATALOGUE / "alpha" / "NL-BOK-01_front.png").convert("L").crop(part)
        return rgb, np.asarray(alpha).astype(np.float32) / 255
    mask = np.tri(400, 400, dtype=np.float32)
    light = np.where(mask[..., None] > 0, np.float32([0.02, 0.03, 0.08]), np.float32([0.8, 0.8, 0.8]))
    seen = light.reshape(80, 5, 80, 5, 3).mean(axis=(1, 3))
    return linear_to_u8(seen), mask.reshape(80, 5, 80, 5).mean(axis=(1, 3))


class TestCutOut:
    def test_straight_alpha_and_nothing_under_it(self) -> None:
        rgb = np.full((1, 4, 3), (200, 100, 50), np.uint8)
        out = cut_out(rgb, np.array([[0.0, 0.001, 0.5, 1.0]], np.float32))
        assert out[0, :, 3].tolist() == [0, 0, 128, 255]
        assert out[0, :2].tolist() == [[0] * 4] * 2
        assert out[0, 2, :3].tolist() == out[0, 3, :3].tolist() == [200, 100, 50]

    def test_a_shadow_is_black_in_the_alpha_channel_alone(self) -> None:
        rgb = np.full((1, 3, 3), 200, np.uint8)
        out = cut_out(rgb, np.array([[0.0, 1.0, 0.0]], np.float32), np.array([[0.4, 0.4, 0.0]], np.float32))
        assert out[0].tolist() == [[0, 0, 0, 102], [200, 200, 200, 255], [0, 0, 0, 0]]

    def test_laid_on_a_ground_it_looks_like_the_composed_picture(self) -> None:
        rng = np.random.default_rng(3)
        rgb, ground = rng.integers(0, 256, (2, 20, 20, 3), np.uint8)
        alpha, shade = rng.random((2, 20, 20), np.float32)
        cut = cut_out(rgb, alpha, shade)
        laid = over(cut[..., :3], cut[..., 3].astype(np.float32) / 255, ground)
        assert np.abs(laid.astype(int) - over(rgb, alpha, ground, shade)).max() <= 4


class TestTone:
    def test_levels_survive(self) -> None:
        every = np.arange(256, dtype=np.uint8)
        assert np.array_equal(quick_u8(u8_to_linear(every)), every)

    def test_close_to_the_formula(self) -> None:
        light = np.linspace(0, 1, 100_003, dtype=np.float32)
        assert np.abs(quick_srgb(light) - linear_to_srgb(light)).max() < 0.03 / 255 * 1.05

    def test_clips(self) -> None:
        assert quick_u8(np.array([-1.0, 2.0], np.float32)).tolist() == [0, 255]


def test_deliver_gives_the_cut_out_at_the_photos_size() -> None:
    cut = matte("NL-MUG-01")
    source = Source(title="made for tests", date="2026-11-22")
    destination = Destination(id="d", title="d", width=64, height=64, max_bytes=10**6, sources=(source,))
    take = run(Take(shot(Template(id="t", title="t", outputs=("d",)), destination), b"", matte=cut), (Deliver(),))
    assert take.image is not None
    assert take.image.shape == (*cut.alpha.shape, 4)
    solid = cut.alpha >= 1
    assert np.array_equal(take.image[solid][:, :3], cut.foreground[solid])
    assert np.array_equal(take.image[..., 3], np.rint(cut.alpha * 255))
