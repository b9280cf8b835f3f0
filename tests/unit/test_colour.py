"""Colour arithmetic against published numbers and its own inverses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.imaging.colour import (
    delta_e_76,
    delta_e_2000,
    hex_to_rgb,
    linear_to_srgb,
    linear_to_u8,
    srgb_to_lab,
    srgb_to_linear,
    u8_to_linear,
)

SHARMA = """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""
PAIRS = np.array(SHARMA.split(), float).reshape(-1, 7)
LEVELS = np.arange(256, dtype=np.uint8)
lab = st.tuples(st.floats(0, 100), st.floats(-120, 120), st.floats(-120, 120))


def test_ciede2000_matches_the_published_pairs() -> None:
    assert len(PAIRS) == 34
    assert np.abs(delta_e_2000(PAIRS[:, :3], PAIRS[:, 3:6]) - PAIRS[:, 6]).max() < 1e-4


@given(lab, lab)
def test_differences_are_symmetric_and_zero_only_for_equals(first: tuple[float, ...], second: tuple[float, ...]) -> None:
    a, b = np.array(first), np.array(second)
    assert delta_e_2000(a, b) == pytest.approx(float(delta_e_2000(b, a)), abs=1e-3)
    assert delta_e_2000(a, a) == 0
    assert delta_e_76(a, b) == pytest.approx(float(np.sqrt(((a - b) ** 2).sum())), rel=1e-5, abs=1e-30)


def test_every_level_survives_the_way_to_linear_and_back() -> None:
    assert (linear_to_u8(u8_to_linear(LEVELS)) == LEVELS).all()
    np.testing.assert_allclose(u8_to_linear(LEVELS), srgb_to_linear(LEVELS / 255), rtol=1e-6)
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(LEVELS / 255)), LEVELS / 255, atol=1e-6)


def test_the_transfer_curve_meets_the_standard() -> None:
    assert u8_to_linear(LEVELS)[[0, 255]].tolist() == [0.0, 1.0]
    assert srgb_to_linear(np.array([0.5]))[0] == pytest.approx(0.21404114, rel=1e-6)
    assert linear_to_srgb(np.array([0.18]))[0] == pytest.approx(0.46135613, rel=1e-5)
    assert linear_to_srgb(np.array([-1.0, 2.0])).tolist() == pytest.approx([0.0, 1.0], abs=1e-6)
    assert u8_to_linear(LEVELS).dtype == np.float32


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ("#ffffff", (100.0, 0.0, 0.0)),
        ("#000000", (0.0, 0.0, 0.0)),
        ("#ff0000", (53.2408, 80.0925, 67.2032)),
        ("#00ff00", (87.7347, -86.1827, 83.1793)),
        ("#0000ff", (32.2970, 79.1875, -107.8602)),
    ],
)
def test_lab_of_the_primaries(colour: str, expected: tuple[float, float, float]) -> None:
    measured = srgb_to_lab(np.array([hex_to_rgb(colour)], np.uint8))[0]
    np.testing.assert_allclose(measured, expected, atol=0.03)


def test_greys_have_no_colour() -> None:
    greys = srgb_to_lab(np.repeat(LEVELS[:, None], 3, axis=1))
    assert np.abs(greys[:, 1:]).max() < 1e-3
    assert (np.diff(greys[:, 0]) > 0).all()


@pytest.mark.parametrize("bad", ["#fff", "", "#gggggg", "red", "#12345678"])
def test_hex_refuses_everything_else(bad: str) -> None:
    with pytest.raises(ValueError):
        hex_to_rgb(bad)
