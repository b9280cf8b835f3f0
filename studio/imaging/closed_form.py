"""Closed-form matting without a matrix: the second opinion when the fast edge did not pass the checks."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.edge import Points, Trimap
from studio.take import F32

EPSILON = 1e-5
"""Regularisation of the 3x3 windows' colour covariance (Levin 2008 uses 1e-7; 8-bit photos with JPEG noise want more)."""
HOLD, LEAN = 100.0, 0.02
"""Weight of what is sure, and of the first guess inside the band."""
ROUNDS, ENOUGH = 60, 1e-4
"""Conjugate-gradient steps at most, and the relative residual at which it stops."""
CRISP = 1.1


def closed_form(small: F32, guess: F32, trimap: Trimap, at: Points, colours: F32) -> F32:
    """Alpha 0..1 of the full-resolution pixels `at` with sRGB `colours` float32 (N, 3) 0..1.

    Solves (L + D) a = D g on the grid of `small` float32 (h, w, 3), L being the matting Laplacian of Levin, Lischinski and
    Weiss 2008 with 3x3 windows, applied through box filters (He, Sun and Tang 2010), g the `guess` and D its weights; the
    answer's local colour lines then give alpha at full resolution.
    """
    windows = _Windows(small)
    hold = np.where(trimap.band > 0, np.float32(LEAN), np.float32(HOLD))
    alpha = _solve(windows, hold, guess)
    lines = windows.lines(alpha, radius=2)
    line = at.sample(lines)
    values: F32 = np.clip((np.einsum("nc,nc->n", line[:, :3], colours) + line[:, 3] - 0.5) * CRISP + 0.5, 0, 1)
    return values


class _Windows:
    """Colour statistics of every 3x3 window, and with them the product of the matting Laplacian and an image."""

    def __init__(self, small: F32) -> None:
        self._image = small
        self._mean = _mean(small, 1)
        self._inverse = _inverse(small, self._mean, 1)

    def apply(self, alpha: F32) -> F32:
        """L @ alpha over the number of pixels in a window."""
        gain, offset = _fit(self._image, alpha, self._mean, self._inverse, 1)
        rest: F32 = alpha - (_mean(gain, 1) * self._image).sum(axis=2) - _mean(offset, 1)
        return rest

    def lines(self, alpha: F32, radius: int) -> F32:
        """Weights of R, G, B and a constant that explain alpha around every pixel: float32 (h, w, 4)."""
        mean = _mean(self._image, radius)
        gain, offset = _fit(self._image, alpha, mean, _inverse(self._image, mean, radius), radius)
        joined: F32 = np.concatenate([_mean(gain, 1), _mean(offset, 1)[..., None]], axis=2)
        return joined


def _solve(windows: _Windows, hold: F32, guess: F32) -> F32:
    """Conjugate gradients with the diagonal as preconditioner, starting at the guess."""
    alpha, scale = guess.copy(), np.float32(1) / (hold + np.float32(1))
    residual = -windows.apply(alpha)
    step: F32 = residual * scale
    energy = first = float((residual * step).sum())
    for _ in range(ROUNDS):
        if energy <= ENOUGH**2 * first or energy == 0:
            break
        moved = windows.apply(step) + hold * step
        length = np.float32(energy / float((step * moved).sum()))
        alpha += length * step
        residual -= length * moved
        scaled = residual * scale
        before, energy = energy, float((residual * scaled).sum())
        step = scaled + np.float32(energy / before) * step
    return alpha


def _fit(image: F32, alpha: F32, mean: F32, inverse: F32, radius: int) -> tuple[F32, F32]:
    average = _mean(alpha, radius)
    together = _mean(image * alpha[..., None], radius) - mean * average[..., None]
    gain: F32 = np.einsum("hwij,hwj->hwi", inverse, together)
    return gain, average - (gain * mean).sum(axis=2)


def _inverse(image: F32, mean: F32, radius: int) -> F32:
    """Inverse of every window's regularised colour covariance: float32 (h, w, 3, 3)."""
    products = image[..., :, None] * image[..., None, :]
    flat = products.reshape(*image.shape[:2], 9)
    second = np.concatenate([_mean(np.ascontiguousarray(flat[..., i : i + 3]), radius) for i in (0, 3, 6)], axis=2)
    covariance = second.reshape(products.shape) - mean[..., :, None] * mean[..., None, :]
    inverse: F32 = np.linalg.inv(covariance + np.eye(3, dtype=np.float32) * np.float32(EPSILON)).astype(np.float32)
    return inverse


def _mean(values: F32, radius: int) -> F32:
    side = 2 * radius + 1
    mean: F32 = cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT_101)
    return mean
