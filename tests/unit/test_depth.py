"""Blur grows with the distance from the product, as a lens makes it, and no aperture leaves every byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.imaging.depth import focused, sigmas, softness
from studio.steps.focus import Focus
from studio.take import Placed, Take
from studio.template import Scene
from tests import shipped
from tests.golden.pictures import run, shot, small

SIZE = (200, 200)


def grain() -> np.ndarray:
    return np.random.default_rng(3).integers(60, 200, (200, 200, 3)).astype(np.uint8)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.7, 32), st.floats(130, 190), st.floats(60, 120))
def test_sharp_where_the_product_stands_and_softer_with_distance(f_stop: float, base: float, far: float) -> None:
    sigma = sigmas(SIZE, base, far, f_stop)
    row = int(base)
    assert sigma[row] == pytest.approx(sigma.min(), abs=1e-3 * float(sigma.max()))
    assert (np.diff(sigma[int(far) + 1 : row]) <= 1e-6).all()
    assert (np.diff(sigma[row + 1 :]) >= -1e-6).all()
    assert np.ptp(sigma[: int(far)]) == pytest.approx(0, abs=1e-5)


def test_blur_is_inverse_to_the_f_number() -> None:
    assert np.allclose(sigmas(SIZE, 170, 120, 2), 4 * sigmas(SIZE, 170, 120, 8), rtol=1e-5)


def test_far_rows_lose_detail_and_sharp_rows_keep_their_bytes() -> None:
    picture = grain()
    sigma = sigmas(SIZE, 170, 100, 1.4)
    soft = focused(picture, sigma)
    assert softness(soft, slice(0, 90)) < 0.5 * softness(picture, slice(0, 90))
    sharp = sigma < 0.35
    assert sharp.any()
    assert np.array_equal(soft[sharp], picture[sharp])
    assert abs(float(soft[:90].mean()) - float(picture[:90].mean())) < 8


def test_nothing_is_done_at_a_tiny_aperture() -> None:
    picture = grain()
    assert focused(picture, sigmas(SIZE, 170, 120, 64)) is picture


def test_the_step_applies_to_sets_with_depth_only() -> None:
    library = shipped.library()
    wood, plain = (library.template(name) for name in ("lifestyle-wood", "shopify-square"))
    where = small(library.destination("web-hero"), 240)
    open_wide = Scene(f_stop=2)
    assert not Focus().applies(shot(wood, where))
    assert Focus().applies(shot(wood.model_copy(update={"scene": open_wide}), where))
    assert not Focus().applies(shot(plain.model_copy(update={"scene": open_wide}), where))
    assert not Focus().applies(shot(wood.model_copy(update={"scene": open_wide}), library.destination("amazon-main")))


def test_the_product_stays_as_it_is() -> None:
    library = shipped.library()
    look = library.template("lifestyle-wood").model_copy(update={"scene": Scene(f_stop=1.4)})
    take = Take(shot(look, small(library.destination("web-square"), 200)), b"", ground=grain())
    alpha = np.zeros((200, 200), np.float32)
    alpha[60:170, 60:140] = 1
    take.placed = Placed(grain(), alpha, 1.0, (60, 60, 80, 110))
    run(take, (Focus(),))
    assert np.array_equal(take.placed.rgb, grain())
    assert take.ground is not None
    assert softness(take.ground, slice(0, 60)) < softness(grain(), slice(0, 60))
