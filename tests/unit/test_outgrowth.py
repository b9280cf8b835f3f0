"""A generator that adds to the product is seen; scenery beside it is not counted; a canvas comes back from its bucket in place."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.imaging.bucket import Fit
from studio.imaging.control import shape_of
from studio.imaging.outgrowth import cleared, outgrowth
from studio.imaging.views import EDGE
from studio.take import F32

SIDE = 160


def block(left: int, top: int, right: int, bottom: int, side: int = SIDE) -> F32:
    found = np.zeros((side, side), np.float32)
    found[top:bottom, left:right] = 1
    return found


def test_what_was_placed_is_no_growth() -> None:
    alpha = block(200, 160, 440, 560, 640)
    assert outgrowth(block(50, 40, 110, 140), alpha) == 0
    assert outgrowth(cv2.dilate(block(50, 40, 110, 140), np.ones((5, 5))), alpha) == 0
    assert outgrowth(np.zeros((SIDE, SIDE), np.float32), alpha) == 0
    assert outgrowth(np.ones((SIDE, SIDE), np.float32), np.zeros((64, 64), np.float32)) == 0


@given(st.integers(8, 40))
@settings(max_examples=20, deadline=None)
def test_growth_is_the_area_added(more: int) -> None:
    alpha, reach = block(50, 40, 110, 140), round(SIDE * EDGE)
    found = outgrowth(block(50, 40, 110 + more, 140), alpha)
    assert found == pytest.approx(max(0, more - reach) * 100 / (60 * 100), abs=1e-6)


def test_scenery_beside_the_product_is_not_counted() -> None:
    alpha = block(50, 40, 90, 140)
    assert outgrowth(np.maximum(alpha, block(120, 60, 150, 140)), alpha) == 0
    joined = np.maximum(np.maximum(alpha, block(120, 60, 150, 140)), block(90, 90, 120, 96))
    assert outgrowth(joined, alpha) > 0.2


@given(st.integers(32, 300), st.integers(32, 300), st.sampled_from([(64, 64), (112, 64), (64, 96)]))
@settings(max_examples=40, deadline=None)
def test_a_canvas_lies_inside_its_bucket_and_comes_back(width: int, height: int, bucket: tuple[int, int]) -> None:
    fit = Fit((width, height), bucket)
    left, top, wide, high = fit.box
    assert 0 <= left <= left + wide <= bucket[0]
    assert 0 <= top <= top + high <= bucket[1]
    y, x = np.mgrid[0:height, 0:width]
    ramp = np.stack([x * 255 / width, y * 255 / height, np.full(x.shape, 90)], axis=2).astype(np.uint8)
    inside = fit.into(ramp)
    assert inside.shape == (bucket[1], bucket[0], 3)
    back = fit.back(inside)
    assert back.shape == ramp.shape
    step = 255 / min(wide, high) + 255 / min(width, height)
    assert np.abs(back.astype(int) - ramp).max() <= 2 * step + 4


def test_the_mask_spares_the_product_and_paints_the_rim() -> None:
    alpha = block(40, 40, 120, 160, 200)
    mask = Fit((200, 200), (112, 64)).mask(alpha)
    assert mask.shape == (64, 112)
    assert set(np.unique(mask)) == {0, 255}
    assert mask[:, :24].min() == 255
    assert mask[32, 24 + 26] == 0
    assert (mask == 0).sum() == pytest.approx(alpha.mean() * 64 * 64, rel=0.05)


def test_what_a_controlnet_is_shown() -> None:
    alpha = block(50, 40, 110, 140)
    product = np.full((SIDE, SIDE, 3), 120, np.uint8)
    product[80:84, 50:110] = 250
    edges = shape_of("canny", product, alpha)
    assert edges.shape == (SIDE, SIDE, 3)
    assert edges[90, 49:52].max() == 255
    assert edges[78:87, 80].max() == 255
    assert edges[:30].max() == 0
    depth = shape_of("depth", product, alpha)[..., 0]
    assert depth[90, 80] > depth[90, 55] > depth[10, 10]


def test_the_blurred_copy_of_the_product_leaves_the_set() -> None:
    alpha = block(50, 40, 110, 140)
    ground = np.full((SIDE, SIDE, 3), 200, np.uint8)
    ground[alpha > 0] = (10, 60, 20)
    smeared = cv2.GaussianBlur(ground, (0, 0), 2)
    clean = cleared(smeared, alpha, 6)
    outside = alpha == 0
    assert smeared[outside].min() < 150
    assert clean[outside].min() > 195
    far = cv2.dilate(alpha, np.ones((13, 13))) == 0
    assert np.array_equal(clean[far], smeared[far])
    assert cleared(ground, np.zeros_like(alpha), 6) is ground
