"""Which way a product's surface faces, guessed from one picture: its silhouette blown up like a balloon, its broad shading on it.

The balloon solves Poisson's equation inside the outline with 0 on it; the root of the solution is a half sphere over a disc, and
smooth over any other outline. Good for broad light, not for geometry.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.take import F32

DEPTH = 0.7
"""Depth of the body against a round one of its width: goods are flatter than balloons."""
RELIEF = 0.05
"""Height of the shading's relief, as part of the picture's side, for each unit of log luminance: what is darker lies deeper."""
FINE, BROAD = 0.04, 0.20
"""Sigmas, as parts of the picture's side, between which shading counts as form: print is finer, the photo's own light broader."""
COARSEST, ROUNDS, LAST_ROUNDS = 12, 120, 40
DARK = 0.02


def normals_of(alpha: F32, luminance: F32) -> F32:
    """Unit normals float32 (h, w, 3), x to the right, y up, z to the camera, of a product with coverage `alpha` float32 (h, w)
    0..1 and linear `luminance` float32 (h, w) 0..1. Meant for small pictures (200 px); (0, 0, 1) outside the product.

    Where the product runs over the picture's edge its surface goes on level.
    """
    inside = alpha > 0.5
    if not inside.any():
        return np.broadcast_to(np.array([0, 0, 1], np.float32), (*alpha.shape, 3)).copy()
    square = _balloon(inside)
    height = np.sqrt(np.maximum(square, 0))
    bumps = _relief(alpha, luminance)
    away_x, away_y = _slopes(square)
    bump_x, bump_y = _slopes(bumps)
    x = -DEPTH * away_x / 2 - bump_x * height
    y = DEPTH * away_y / 2 + bump_y * height
    normal = np.stack([x, y, np.maximum(height, 1e-3)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return np.where(inside[..., None], normal, np.array([0, 0, 1])).astype(np.float32)


def masked_blur(values: F32, weight: F32, sigma: float) -> F32:
    """Gaussian mean of `values` float32 (h, w) over where `weight` (h, w) is; far outside it the weighted mean of all."""
    middle = float((values * weight).sum() / max(float(weight.sum()), 1e-6))
    total = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    part = cv2.GaussianBlur((values - np.float32(middle)) * weight, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(middle + part / (total + np.float32(1e-4)), np.float32)


def _balloon(inside: NDArray[np.bool_]) -> F32:
    """Square of the balloon's height in pixels: the solution of -laplace(u) = 4 inside, u = 0 outside, coarse to fine."""
    height, width = inside.shape
    sizes = [(width, height)]
    while min(sizes[-1]) > COARSEST:
        sizes.append((max(2, sizes[-1][0] // 2), max(2, sizes[-1][1] // 2)))
    cover = inside.astype(np.float32)
    cross = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4
    square: F32 = np.zeros(sizes[-1][::-1], np.float32)
    for size in reversed(sizes):
        step = width / size[0]
        mask = cv2.resize(cover, size, interpolation=cv2.INTER_AREA) > 0.5
        square = np.asarray(cv2.resize(square, size, interpolation=cv2.INTER_LINEAR), np.float32)
        for _ in range(LAST_ROUNDS if size == sizes[0] else ROUNDS):
            square = cv2.filter2D(square, -1, cross, borderType=cv2.BORDER_REPLICATE) + np.float32(step * step)
            square *= mask
    return square


def _relief(alpha: F32, luminance: F32) -> F32:
    """Height in pixels that the broad shading suggests."""
    side = max(alpha.shape)
    light = np.log(luminance + np.float32(DARK))
    band = masked_blur(light, alpha, FINE * side) - masked_blur(light, alpha, BROAD * side)
    return np.asarray(RELIEF * side * np.clip(band, -1, 1) * alpha, np.float32)


def _slopes(plane: F32) -> tuple[F32, F32]:
    """Central differences to the right and downwards."""
    x = cv2.Sobel(plane, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    y = cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    return x, y
