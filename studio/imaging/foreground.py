"""The product's own colour under a soft edge, freed from the old ground's."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.edge import Points
from studio.take import F32, U8

HALF = 2
"""The blurs run on a grid this much coarser than the work grid: colours change slowly."""
FAINT = np.float32(1e-4)
RADII = (12, 3)
"""Half sides of the two blurs on it, wide then narrow."""


def foreground(small: F32, levels: U8, at: Points, alphas: F32, colours: F32) -> F32:
    """Product colours, float32 (N, 3) 0..1, of the full-resolution pixels `at` with their `alphas` (N) and `colours` (N, 3).

    Blur fusion (Forte and Pitie 2021, "Approximate Fast Foreground Colour Estimation"): the blurred product and ground colours
    come from a coarse grid (of `small` float32 (h, w, 3) and the full-resolution alpha `levels`), the last correction is made
    at full resolution.
    """
    size = (max(small.shape[1] // HALF, 1), max(small.shape[0] // HALF, 1))
    image = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(levels, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    product, ground = image, image
    for radius in RADII:
        product, ground = _blurred(product, alpha, radius), _blurred(ground, 1 - alpha, radius)
        weight = alpha[..., None]
        product = np.clip(product + weight * (image - weight * product - (1 - weight) * ground), 0, 1)
    located = at.on((size[1], size[0]), small.shape[:2])
    near, far = located.sample(product), located.sample(ground)
    part = alphas[:, None]
    corrected: F32 = np.clip(near + part * (colours - part * near - (1 - part) * far), 0, 1)
    return corrected


def _blurred(values: F32, weight: F32, radius: int) -> F32:
    """Weighted local mean; where the window holds no weight, the weighted mean of the whole picture."""
    window = (2 * radius + 1, 2 * radius + 1)
    whole = (values * weight[..., None]).sum(axis=(0, 1)) / (weight.sum() + np.float32(1e-6))
    total = cv2.blur(values * weight[..., None], window, borderType=cv2.BORDER_REFLECT_101) + FAINT * whole
    mean: F32 = total / (cv2.blur(weight, window, borderType=cv2.BORDER_REFLECT_101)[..., None] + FAINT)
    return mean
