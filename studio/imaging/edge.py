"""Edges by local colour: around every uncertain pixel, the direction in RGB that best tells product from ground.

Two Gaussians with one covariance (Fisher 1936) in a window of pixels whose class is known; the projection between the two
means is the pixel's coverage, and its squared Mahalanobis length says how much to believe it against the network's map.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.take import F32, U8

RADIUS = 9
"""Half side of the window, in pixels of the work grid (400 on the longer side)."""
NOISE = 5e-5
"""Added to the colour variance, (1.8 levels of 255) squared: camera noise and JPEG."""
SHADING = 0.3
"""Colour step, 0..1, that shading inside product or ground can make as well: steps below it are believed less. On a white mug the
rim is as bright as the ground and the inside is not; with 0.12 colours overruled the network there (boundary F .85, now .91)."""
MIN_KNOWN = 0.02
"""Share of the window that each class must have."""
TRUST = 60.0
"""Log-odds that the network's map spans from 0 to 1; colours that tell more than this decide alone."""
STEEP = 3.0
"""Contrast of the map where colours say nothing."""
CRISP = 1.4
"""Contrast of the final ramp: window means lie a little inside the true colours."""
OVERSHOOT = 0.25
"""How far a pixel's colour may lie beyond the two means and still count more."""
ROW = 1024


@dataclass(frozen=True, slots=True)
class Trimap:
    """uint8 0/1 (h, w): surely product, surely ground, and neither."""

    product: U8
    ground: U8

    @property
    def band(self) -> U8:
        """Where the edge is looked for."""
        return 1 - (self.product | self.ground)


@dataclass(frozen=True, slots=True)
class Points:
    """Full-resolution pixels of a crop: flat `index`, and where they lie on a work grid."""

    index: NDArray[np.intp]
    x: F32
    y: F32

    def on(self, grid: tuple[int, int], old: tuple[int, int]) -> Points:
        """The same pixels on a (height, width) grid over the same crop, given the grid they lie on now."""
        x = (self.x + np.float32(0.5)) * np.float32(grid[1] / old[1]) - np.float32(0.5)
        y = (self.y + np.float32(0.5)) * np.float32(grid[0] / old[0]) - np.float32(0.5)
        return Points(self.index, x, y)

    def pick(self, crop: U8) -> F32:
        """Their colours in the crop, float32 (N, 3) 0..1."""
        return crop.reshape(-1, 3)[self.index].astype(np.float32) / np.float32(255)

    def sample(self, grid: F32) -> F32:
        """Bilinear samples, float32 (N, channels)."""
        if not self.index.size:
            return np.zeros((0, 1 if grid.ndim == 2 else grid.shape[2]), np.float32)
        sampled = cv2.remap(grid, self.x, self.y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        flat: F32 = sampled.reshape(self.x.size, -1)[: self.index.size]
        return flat


def points(mask: U8, grid: tuple[int, int]) -> Points:
    """The nonzero pixels of a full-resolution mask, located on a (height, width) work grid over the same crop."""
    height, width = mask.shape
    index = np.flatnonzero(mask)
    rows, columns = np.divmod(index, width)
    padding = -index.size % ROW
    x = np.pad(((columns + 0.5) * (grid[1] / width) - 0.5).astype(np.float32), (0, padding)).reshape(-1, ROW)
    y = np.pad(((rows + 0.5) * (grid[0] / height) - 0.5).astype(np.float32), (0, padding)).reshape(-1, ROW)
    return Points(index, x, y)


def coverage(small: F32, seen: F32, trimap: Trimap, at: Points, colours: F32, shading: float = SHADING) -> F32:
    """Alpha 0..1 of the full-resolution pixels `at` with sRGB `colours` float32 (N, 3) 0..1.

    `small` float32 (h, w, 3) and the joined map `seen` (h, w) lie on the work grid of the trimap.
    """
    lines = _lines(small, trimap, shading)
    band = np.maximum(at.sample(trimap.band.astype(np.float32)), 1e-3)
    line = at.sample(lines[..., :4]) / band
    told = at.sample(lines[..., 4])[:, 0] / band[:, 0]
    between = np.clip(np.einsum("nc,nc->n", line[:, :3], colours) + line[:, 3], -OVERSHOOT, 1 + OVERSHOOT) - 0.5
    score = told * between + TRUST * (at.sample(seen)[:, 0] - 0.5)
    alpha: F32 = np.clip(score / np.maximum(told, TRUST / STEEP) * CRISP + 0.5, 0, 1)
    return alpha


def _lines(small: F32, trimap: Trimap, shading: float) -> F32:
    """For every band pixel: weights of R, G, B and a constant that give 0 at the ground's mean and 1 at the product's, and
    the squared Mahalanobis distance of the means (0 where the window lacks a class). float32 (h, w, 5), 0 off the band.
    """
    product, ground = trimap.product.astype(np.float32), trimap.ground.astype(np.float32)
    inside = np.nonzero(trimap.band)
    lines = np.zeros((*product.shape, 5), np.float32)
    share_p, share_g = _window(product)[inside] + 1e-6, _window(ground)[inside] + 1e-6
    mean_p = _window(small * product[..., None])[inside] / share_p[:, None]
    mean_g = _window(small * ground[..., None])[inside] / share_g[:, None]
    covariance = _pooled(small, product + ground, inside, (share_p, mean_p), (share_g, mean_g))
    step = mean_p - mean_g
    weights = _solved(covariance, step)
    told = np.einsum("nc,nc->n", weights, step)
    weights /= np.maximum(told, 1e-6)[:, None]
    contrast = np.einsum("nc,nc->n", step, step)
    told *= contrast / (contrast + np.float32(shading**2))
    known = (share_p > MIN_KNOWN) & (share_g > MIN_KNOWN)
    columns = (weights, -np.einsum("nc,nc->n", weights, mean_g)[:, None], np.where(known, told, 0)[:, None])
    lines[inside] = np.concatenate(columns, axis=1)
    return lines


Class = tuple[F32, F32]
"""Share of the window (N) and mean colour (N, 3)."""


def _pooled(small: F32, known: F32, inside: tuple[NDArray[np.intp], ...], product: Class, ground: Class) -> F32:
    """Within-class covariance as (N, 6): rr, rg, rb, gg, gb, bb."""
    red, green, blue = (channel * known for channel in cv2.split(small))
    first = _window(cv2.merge([red * small[..., 0], red * small[..., 1], red * small[..., 2]]))[inside]
    second = _window(cv2.merge([green * small[..., 1], green * small[..., 2], blue * small[..., 2]]))[inside]
    squares = np.concatenate([first, second], axis=1)
    for share, mean in (product, ground):
        squares -= share[:, None] * mean[:, (0, 0, 0, 1, 1, 2)] * mean[:, (0, 1, 2, 1, 2, 2)]
    squares /= (product[0] + ground[0])[:, None]
    squares[:, (0, 3, 5)] = np.maximum(squares[:, (0, 3, 5)], 0) + NOISE
    pooled: F32 = squares
    return pooled


def _solved(covariance: F32, right: F32) -> F32:
    """Solve symmetric 3x3 systems by cofactors: (N, 6) and (N, 3) -> (N, 3)."""
    rr, rg, rb, gg, gb, bb = covariance.T
    c00, c01, c02 = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    c11, c12, c22 = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    determinant = np.maximum(rr * c00 + rg * c01 + rb * c02, NOISE**3)
    r, g, b = right.T
    solved: F32 = np.stack([c00 * r + c01 * g + c02 * b, c01 * r + c11 * g + c12 * b, c02 * r + c12 * g + c22 * b], axis=1)
    solved /= determinant[:, None]
    return solved


def _window(values: F32) -> F32:
    side = 2 * RADIUS + 1
    mean: F32 = cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT_101)
    return mean
