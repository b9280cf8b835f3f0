"""Another colour: the median is the target, texture and shading stay, and nothing else is touched."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.errors import StepError
from studio.imaging.colour import delta_e_2000, hex_to_rgb, srgb_to_lab
from studio.imaging.recolour import recoloured, target_lab
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.qa.policy import checks_of, known_checks, limits
from studio.recipes.base import KeyLine, Look
from studio.recipes.catalogue import recipe
from studio.steps.inspect import Inspect
from studio.steps.recolour import RecolourStep
from studio.take import Take
from studio.template import Recolour, Template
from tests import shipped
from tests.golden.pictures import matte, shot

LIBRARY = shipped.library()
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "spree" / "images"
CARDS = Registry(Path("nowhere")).card
HEXES = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


def surface(colour: str, side: int = 96, seed: int = 3) -> np.ndarray:
    """A lit, woven surface of one pigment: light falls off to the right, threads cross."""
    rng = np.random.default_rng(seed)
    light = np.linspace(1.15, 0.45, side)[None, :] * (1 + 0.05 * np.sin(np.arange(side) * 1.3)[:, None])
    linear = (np.array(hex_to_rgb(colour)) / 255) ** 2.2 * (light * rng.normal(1, 0.02, (side, side)))[..., None]
    return np.rint(np.clip(linear, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def median(rgb: np.ndarray) -> np.ndarray:
    return np.median(srgb_to_lab(rgb.reshape(-1, 3)), axis=0)


def away(rgb: np.ndarray, target: str) -> float:
    return float(delta_e_2000(median(rgb), srgb_to_lab(np.array(hex_to_rgb(target), np.uint8))))


WHOLE = np.ones((96, 96), np.float32)


@given(HEXES, HEXES)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_any_colour_becomes_any_colour(source: str, target: str) -> None:
    """Whatever sRGB can show, its corners too."""
    result = recoloured(surface(source), WHOLE, Recolour(target=target))
    assert away(result.rgb, target) < 2.0
    assert result.share == 1.0
    assert (result.rgb.shape, result.rgb.dtype) == ((96, 96, 3), np.uint8)


@pytest.mark.parametrize("target", ["#ffff00", "#00ff00", "#00ffff", "#ff00ff", "#0000ff", "#ff0000", "#ffffff", "#000000"])
def test_the_corners_of_srgb(target: str) -> None:
    """Where highlights of the target lie outside the gamut the median is right all the same, and texture is left."""
    for source in ("#0000ff", "#b02a30", "#8c8f92"):
        before = surface(source)
        after = recoloured(before, WHOLE, Recolour(target=target)).rgb
        assert away(after, target) < 1.5
        assert srgb_to_lab(after)[..., 0].std() > 0.5


@pytest.mark.parametrize(
    ("source", "target"), [("#b02a30", "#2a6fb0"), ("#d8d2c4", "#2c3a2e"), ("#3a3d42", "#d9b7a6"), ("#7f7f7f", "#a02050")]
)
def test_light_and_texture_stay(source: str, target: str) -> None:
    before = surface(source)
    after = recoloured(before, WHOLE, Recolour(target=target)).rgb
    assert away(after, target) < 2.0
    then, now = srgb_to_lab(before)[..., 0], srgb_to_lab(after)[..., 0]
    assert np.corrcoef(then.ravel(), now.ravel())[0, 1] > 0.98
    assert 0.4 < now.std() / then.std() < 1.8


@given(HEXES, HEXES, st.integers(0, 2**16))
@settings(max_examples=20, deadline=None)
def test_lighter_never_becomes_darker(source: str, target: str, seed: int) -> None:
    before = surface(source, 32, seed)
    after = recoloured(before, np.ones((32, 32), np.float32), Recolour(target=target)).rgb
    then, now = srgb_to_lab(before)[..., 0].ravel(), srgb_to_lab(after)[..., 0].ravel()
    order = np.argsort(then, kind="stable")
    assert np.diff(now[order]).min() > -1.5, "beyond what 8 bit round away"


def two_colours() -> np.ndarray:
    """Red above, white lettering on it, grey below."""
    rgb = surface("#b02a30")
    rgb[10:16, 20:70] = 245
    rgb[60:] = surface("#8c8f92")[60:]
    return rgb


def test_one_colour_of_two() -> None:
    before = two_colours()
    result = recoloured(before, WHOLE, Recolour(target="#2a6fb0", source="#b02a30"))
    assert np.array_equal(result.rgb[62:], before[62:])
    assert np.array_equal(result.rgb[12:14, 22:68], before[12:14, 22:68]), "lettering is not touched"
    red = np.ones((96, 96), bool)
    red[58:], red[8:18, 18:72] = False, False
    assert away(result.rgb[red], "#2a6fb0") < 1.0
    assert 0.5 < result.share < 0.6
    assert float(result.region[red].mean()) > 0.98


def test_a_colour_picked_a_little_off_finds_the_same_region() -> None:
    exact = recoloured(two_colours(), WHOLE, Recolour(target="#2a6fb0", source="#b02a30"))
    picked = recoloured(two_colours(), WHOLE, Recolour(target="#2a6fb0", source="#a83a3a"))
    assert float(np.abs(exact.region - picked.region).mean()) < 0.01


def test_a_large_neighbour_of_a_similar_colour_does_not_pull_it_over() -> None:
    """A small dusty rose beside much warm black, as a lipstick beside its case: measured on the sample catalogue."""
    rgb = np.empty((96, 96, 3), np.uint8)
    rgb[:] = (36, 25, 18)
    rgb[:20] = (180, 89, 84)
    rgb = np.clip(rgb + np.random.default_rng(1).normal(0, 3, rgb.shape), 0, 255).astype(np.uint8)
    result = recoloured(rgb, WHOLE, Recolour(target="#5e1f3a", source="#b45954"))
    assert away(result.rgb[:20], "#5e1f3a") < 1.0
    assert np.abs(result.rgb[24:].astype(int) - rgb[24:]).mean() < 3


def test_a_colour_that_is_not_there_changes_nothing() -> None:
    before = two_colours()
    result = recoloured(before, WHOLE, Recolour(target="#2a6fb0", source="#10c020"))
    assert result.share == 0
    assert np.array_equal(result.rgb, before)


def test_outside_the_product_nothing_changes() -> None:
    alpha = np.zeros((96, 96), np.float32)
    alpha[20:60, 20:60] = 1
    before = surface("#b02a30")
    result = recoloured(before, alpha, Recolour(target="#2a6fb0"))
    assert np.array_equal(result.rgb[alpha == 0], before[alpha == 0])
    assert not result.region[alpha == 0].any()


def test_gloss_stays_white() -> None:
    before = surface("#6a1e22")
    before[40:44, 30:50] = 252
    after = recoloured(before, WHOLE, Recolour(target="#1e3a6a")).rgb
    lab = srgb_to_lab(after[41:43, 32:48].reshape(-1, 3)).mean(axis=0)
    assert lab[0] > 90
    assert np.hypot(lab[1], lab[2]) < 8


def test_targets() -> None:
    assert target_lab(Recolour(target="#ffffff")) == pytest.approx([100, 0, 0], abs=1e-3)
    assert target_lab(Recolour(target=(42, 31, -12.5))) == pytest.approx([42, 31, -12.5])
    with pytest.raises(ValueError, match="outside sRGB"):
        target_lab(Recolour(target=(50, 127, -128)))


def looks(**recolour: Any) -> tuple[Template, Template]:
    plain = LIBRARY.template("amazon-white")
    return plain, Template.model_validate({**plain.model_dump(), "recolour": recolour})


class TestStep:
    def test_only_looks_that_ask_for_it_have_it_in_their_key(self) -> None:
        plain, changed = looks(target="#2a6fb0")
        place = LIBRARY.destination("amazon-main")
        chosen = recipe("photography")
        without = replace(chosen, steps=tuple(step for step in chosen.steps if not isinstance(step, RecolourStep)))
        assert chosen.key(shot(plain, place), CARDS) == without.key(shot(plain, place), CARDS)
        assert chosen.parts(shot(plain, place), CARDS) == without.parts(shot(plain, place), CARDS)
        assert chosen.key(shot(changed, place), CARDS) != chosen.key(shot(plain, place), CARDS)
        _, other = looks(target="#2a6fb1")
        assert chosen.key(shot(other, place), CARDS) != chosen.key(shot(changed, place), CARDS)
        for look in (plain, changed, other):
            line = KeyLine(chosen, Look(look, place), CARDS)
            assert line.key(shot(look, place)) == chosen.key(shot(look, place), CARDS)
        keys = [{step.name: key for step, key in chosen.keys(shot(look, place), CARDS)} for look in (plain, changed)]
        assert keys[0]["cutout"] == keys[1]["cutout"], "the cut-out is shared"

    def test_only_looks_that_ask_for_it_are_measured(self) -> None:
        plain, changed = looks(target="#2a6fb0")
        place = LIBRARY.destination("amazon-main")
        assert "recolour_delta_e" in known_checks() - checks_of(plain)
        assert "recolour_delta_e" in checks_of(changed)
        assert "recolour_delta_e" not in limits(plain, place)
        assert limits(changed, place)["recolour_delta_e"].max == 2.0

    def test_a_mug_in_another_colour(self) -> None:
        """The whole way on a shipped photo: the delivered bytes have the colour, and still are the recoloured cut-out."""
        _, look = looks(target="#2a6fb0")
        place = LIBRARY.destination("amazon-main").model_copy(update={"width": 320, "height": 320})
        take = Take(shot(look, place), b"", matte=matte("NL-MUG-01"))
        take.glance = b""
        buffer = io.BytesIO()
        Image.fromarray(take.matte.foreground).save(buffer, "JPEG", quality=95)
        take.glance = buffer.getvalue()
        models = LocalModels(Registry(Path("nowhere")))
        steps = recipe("photography").steps
        first = next(index for index, step in enumerate(steps) if isinstance(step, RecolourStep))
        for step in (step for step in steps[first:] if step.name != "examine"):
            (result,) = asyncio.run(step.process([take], models))
            assert result is take, result
        assert take.measurements["recolour_delta_e"] < 2.0
        assert take.measurements["delta_e_local"] < 4.0
        assert take.measurements["recoloured"] == 1.0
        assert take.measurements["recolour_shift"] > 10

    def test_a_missing_source_colour_is_a_typed_error(self) -> None:
        _, look = looks(target="#2a6fb0", source="#10c020", tolerance=5)
        take = Take(shot(look, LIBRARY.destination("amazon-main")), b"", matte=matte("NL-MUG-01"))
        (result,) = asyncio.run(RecolourStep().process([take], LocalModels(Registry(Path("nowhere")))))
        assert isinstance(result, StepError)
        assert "#10c020" in result.message

    def test_inspect_names_the_check_for_these_looks_only(self) -> None:
        plain, changed = looks(target="#2a6fb0")
        place = LIBRARY.destination("amazon-main")
        assert "recolour_delta_e" not in Inspect().reads(shot(plain, place))["checks"]
        assert "recolour_delta_e" in Inspect().reads(shot(changed, place))["checks"]


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared photos are not here; generated surfaces stand in above")
def test_a_real_colour_variant() -> None:
    """The blue of a real iron becomes crimson, its white shell stays the photo's."""
    photo = np.asarray(Image.open(DATA / "steam-iron-blue-and-white.webp").convert("RGB").resize((512, 512)))
    alpha = (np.abs(photo.astype(int) - photo[4, 4]).max(axis=2) > 14).astype(np.float32)
    result = recoloured(photo, alpha, Recolour(target="#a02050", source="#22536e"))
    lab = srgb_to_lab(photo)
    blue = (lab[..., 2] < -14) & (lab[..., 0] > 15) & (alpha > 0)
    white = (lab[..., 0] > 85) & (np.hypot(lab[..., 1], lab[..., 2]) < 6) & (alpha > 0)
    assert away(result.rgb[result.region > 0.9], "#a02050") < 1.0
    assert float((result.region[blue] > 0.5).mean()) > 0.95
    assert float(np.abs(result.rgb.astype(int) - photo)[white].mean()) < 0.5


def test_takes_that_do_not_ask_come_back_untouched() -> None:
    plain, changed = looks(target="#2a6fb0")
    place = LIBRARY.destination("amazon-main")
    takes = [Take(shot(look, place), b"", matte=matte("NL-MUG-01")) for look in (plain, changed, plain)]
    before = takes[0].matte
    results = asyncio.run(RecolourStep().process(takes, LocalModels(Registry(Path("nowhere")))))
    assert results == takes
    assert takes[0].matte is before
    assert (takes[0].seconds, takes[0].measurements, takes[0].recoloured) == ({}, {}, None)
    assert takes[1].measurements["recoloured"] == 1.0
