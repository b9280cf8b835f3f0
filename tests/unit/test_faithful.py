"""An enlargement that shrinks back to the photo is kept; where it does not, plain Lanczos stands in."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.faithful import faithful


def photo() -> np.ndarray:
    rng = np.random.default_rng(3)
    smooth = cv2.GaussianBlur(rng.integers(0, 255, (80, 100, 3), dtype=np.uint8), (0, 0), 4)
    return np.ascontiguousarray(smooth)


def test_a_true_enlargement_is_untouched() -> None:
    small = photo()
    large = cv2.resize(small, (200, 160), interpolation=cv2.INTER_CUBIC)
    assert faithful(large, small) is large


def test_invented_noise_is_replaced_and_the_rest_stays() -> None:
    small = photo()
    plain = cv2.resize(small, (200, 160), interpolation=cv2.INTER_LANCZOS4)
    broken = plain.copy()
    broken[60:80, 60:80] = np.random.default_rng(1).integers(0, 255, (20, 20, 3), dtype=np.uint8)
    mended = faithful(broken, small)
    back = cv2.resize(mended, (100, 80), interpolation=cv2.INTER_AREA)
    assert np.abs(back.astype(int) - small).max() <= 6
    assert np.array_equal(mended[:20], broken[:20])
    assert np.array_equal(mended[66:74, 66:74], plain[66:74, 66:74])
