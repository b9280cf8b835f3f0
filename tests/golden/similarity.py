"""Structural similarity, Wang et al. 2004: 11-pixel Gaussian window, sigma 1.5, K1 0.01, K2 0.03, mean over pixels and channels."""

from __future__ import annotations

import cv2
import numpy as np


def ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Of two uint8 pictures of one shape; 1 for equal ones."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

    def mean(plane: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(plane, (11, 11), 1.5)

    mu_a, mu_b = mean(a), mean(b)
    var_a, var_b, cov = mean(a * a) - mu_a**2, mean(b * b) - mu_b**2, mean(a * b) - mu_a * mu_b
    top = (2 * mu_a * mu_b + c1) * (2 * cov + c2)
    return float((top / ((mu_a**2 + mu_b**2 + c1) * (var_a + var_b + c2))).mean())
