"""Glass: how much of what lies behind it comes through, from one photo before a plain backdrop.

In linear light a pixel of glass is C = F + T * B: B the backdrop, T the share of it that comes through, by channel, F the light
that does not come from the backdrop. B is continued from around the product. A bottle's glass is smooth: what stands out from
its surroundings (print, a straw, the dark rims in which light is bent away, highlights) lets nothing through.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from studio.imaging.geometry import box_of
from studio.take import F32

WORK_PX = 256
"""Long side on which the old backdrop is continued."""
REACH = 0.08
"""Sigma of that continuation, as part of the photo's longer side."""
SURFACE = 0.07
"""Part of a bright surrounding that the faces of clear glass mirror: 4 % at each of two (Fresnel, index 1.5), less losses."""
AROUND = 0.045
"""Window in which a pixel is compared with its surroundings, as part of the product's width."""
SAME, OTHER = 0.10, 0.32
"""Deviation up to which a pixel surely is glass like its surroundings, and from which it surely is something on or in it."""
BARE = 0.10
"""A pixel this close to the old backdrop is nothing but that backdrop, whatever surrounds it."""
JUMP = 0.15
"""How much wider a shoulder is than what stands on it, as part of the product's width."""
MOST = 0.97


@dataclass(frozen=True, slots=True)
class Glass:
    """`transmission` float32 (H, W, 3) linear 0..1, 0 outside the product; `own` float32 (H, W, 3), the light that is the
    product's own; `unevenness`, how far the old backdrop is from plain: the 90th percentile of its relative error, 0 ideal."""

    transmission: F32
    own: F32
    unevenness: float


def glass_of(light: F32, alpha: F32, *, top: bool = False) -> Glass:
    """Take a photo, linear float32 (H, W, 3), with the product's silhouette float32 (H, W) 0..1, apart.

    `top`: a cap or lid that is not glass stands on it; it is kept. An empty silhouette transmits nothing.
    """
    behind, unevenness = backdrop(light, alpha)
    box = box_of(alpha > 0.5)
    through = np.zeros_like(light)
    if box is not None:
        x, y, w, h = box
        window = slice(y, y + h), slice(x, x + w)
        ratio = np.asarray(light[window] / np.maximum(behind[window], np.float32(1e-3)), np.float32)
        share = _alike(ratio, max(3, round(AROUND * w)))
        if top:
            share[: shoulder(alpha[window] > 0.5, ratio)] = 0
        clear = np.clip(np.minimum(ratio, 1) - np.float32(SURFACE), 0, MOST) * share[..., None]
        through[window] = clear * (alpha[window] > 0.02)[..., None]
    own = np.maximum(light - through * behind, 0)
    return Glass(through, np.asarray(own, np.float32), unevenness)


def backdrop(light: F32, alpha: F32) -> tuple[F32, float]:
    """What lies behind the product, float32 (H, W, 3) linear, and how far the photo's ground near the product is from it."""
    height, width = alpha.shape
    factor = max(1.0, max(height, width) / WORK_PX)
    size = max(2, round(width / factor)), max(2, round(height / factor))
    small = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
    cover = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    free = (cv2.dilate(cover, np.ones((5, 5), np.uint8)) < 0.02).astype(np.float32)
    if not free.any():
        return np.ones_like(light), 1.0
    sigma = REACH * max(size)
    weight = cv2.GaussianBlur(free, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)[..., None]
    mean = (small * free[..., None]).sum(axis=(0, 1)) / free.sum()
    total = cv2.GaussianBlur(small * free[..., None], (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    behind = np.asarray((total + 1e-3 * mean) / (weight + 1e-3), np.float32)
    near = (free > 0) & (cv2.GaussianBlur(cover, (0, 0), sigma) > 0.02)
    error = np.abs(small - behind).max(axis=2)[near] / np.maximum(behind.max(axis=2)[near], 0.02)
    uneven = float(np.percentile(error, 90)) if error.size else 0.0
    return np.asarray(cv2.resize(behind, (width, height), interpolation=cv2.INTER_LINEAR), np.float32), uneven


def shoulder(solid: np.ndarray, ratio: F32) -> int:
    """Rows from the top down to where a cap or lid ends: the bottle's shoulder, or, on a jar as wide as its lid, the strongest
    change of colour in its upper half."""
    h, w = solid.shape
    reach: int = max(1, h // 50)
    widths = solid.sum(axis=1).astype(np.float64)
    rows = np.arange(reach, max(reach + 1, round(0.6 * h)))
    steps = widths[np.minimum(rows + reach, h - 1)] - widths[rows - reach]
    if steps.max() > JUMP * w:
        return int(np.argmax(steps)) + 2 * reach
    colours = np.stack([np.median(ratio[row][solid[row]], axis=0) if solid[row].any() else np.zeros(3) for row in range(h)])
    rows = rows[rows < max(reach + 1, h // 2)]
    change = np.abs(colours[np.minimum(rows + reach, h - 1)] - colours[rows - reach]).sum(axis=1)
    return int(np.argmax(change)) + 2 * reach


def seen_through(own: F32, transmission: F32, ground: F32) -> F32:
    """Glass before another ground, all linear float32 (H, W, 3): C = F + T * B."""
    return np.asarray(np.clip(own + transmission * ground, 0, 1), np.float32)


def _alike(ratio: F32, window: int) -> F32:
    """1 where a pixel is like its surroundings, 0 where it stands out, float32 (h, w)."""
    factor = max(1.0, window / 9)
    size = max(1, round(ratio.shape[1] / factor)), max(1, round(ratio.shape[0] / factor))
    levels = np.asarray(np.clip(ratio * 160, 0, 255), np.uint8)
    small = cv2.medianBlur(cv2.resize(levels, size, interpolation=cv2.INTER_AREA), 2 * round(window / factor) + 1)
    usual = cv2.resize(small, ratio.shape[1::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32) / np.float32(160)
    away = (np.abs(ratio - usual) / (usual + np.float32(0.15))).max(axis=2)
    bare = np.abs(ratio - 1).max(axis=2) / np.float32(BARE)
    return np.asarray(np.clip((OTHER - away) / (OTHER - SAME), np.clip(2 - 2 * bare, 0, 1), 1), np.float32)
