"""Where a product is worth a closer look: parts that differ from what is around them, and are sharp.

Colour against its surroundings follows the idea of Achanta et al., "Frequency-tuned salient region detection" (CVPR 2009):
distance in Lab from a wide mean, here the mean of the product alone, so that the ground counts for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from studio.imaging.colour import srgb_to_lab
from studio.imaging.geometry import Box
from studio.take import F32, U8

LONG_SIDE = 384
"""Pixels of the long side at which is looked."""
EDGE = 0.025
"""Part of the long side, from the outline inwards, that says nothing: there the product ends, which is no detail."""
WIDE = 0.10
"""Standard deviation of the surroundings a part is compared with, as a share of the long side."""
BLUNT = 0.25
"""Weight that a part without any sharp structure keeps."""
TOP = 99.0
"""Percentile that becomes 1."""


@dataclass(frozen=True, slots=True)
class Salience:
    """`map` float32 (h, w) 0..1 of a picture shrunk `times` times; `cover` float32 (h, w) 0..1, the product there."""

    map: F32
    cover: F32
    times: float


def salience(rgb: U8, alpha: F32) -> Salience:
    """How much each part of a product, uint8 (H, W, 3) with alpha float32 (H, W) 0..1, stands out; 0 off the product."""
    height, width = alpha.shape
    times = max(1.0, max(height, width) / LONG_SIDE)
    size = max(1, round(width / times)), max(1, round(height / times))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    cover = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
    inside = _inside(cover)
    lab = np.asarray(srgb_to_lab(np.asarray(small, np.uint8)), np.float32)
    apart = np.linalg.norm(lab - _around(lab, inside), axis=-1).astype(np.float32)
    sharp = cv2.resize(_structure(rgb), size, interpolation=cv2.INTER_AREA)
    found = _scaled(apart, inside) * (BLUNT + (1 - BLUNT) * _scaled(np.asarray(sharp, np.float32), inside))
    return Salience(_scaled(cv2.GaussianBlur(found * inside, (0, 0), 1.5), inside), cover, times)


def windows(found: Salience, size: tuple[int, int], count: int, *, cover: float, overlap: float = 0.1) -> list[Box]:
    """Up to `count` windows of `size` (width, height, picture pixels) with most salience, best first.

    At least `cover` of each is product, and no two share more than `overlap` of their area. Fewer where no more are there.
    """
    w, h = (max(2, round(side / found.times)) for side in size)
    height, width = found.map.shape
    if w > width or h > height:
        return []
    share, score = _means(found.cover, w, h), _means(found.map, w, h)
    score = np.where(share >= cover, score, -1.0)
    chosen: list[tuple[int, int]] = []
    for _ in range(count):
        y, x = (int(v) for v in np.unravel_index(int(score.argmax()), score.shape))
        if score[y, x] <= 0:
            break
        chosen.append((x, y))
        rows, columns = np.indices(score.shape)
        shared = np.clip(w - np.abs(columns - x), 0, None) * np.clip(h - np.abs(rows - y), 0, None)
        score[shared > overlap * w * h] = -1.0
    limit = round(width * found.times), round(height * found.times)
    return [_box(x, y, found.times, size, limit) for x, y in chosen]


def points(found: Salience, count: int, apart: float) -> list[tuple[float, float]]:
    """Up to `count` most salient points, best first, as picture pixels (x, y); any two at least `apart` pixels apart."""
    score = found.map.copy()
    rows, columns = np.indices(score.shape)
    chosen: list[tuple[float, float]] = []
    while len(chosen) < count and score.max() > 0:
        y, x = (int(v) for v in np.unravel_index(int(score.argmax()), score.shape))
        chosen.append(((x + 0.5) * found.times, (y + 0.5) * found.times))
        score[np.hypot(rows - y, columns - x) * found.times < apart] = 0
    return chosen


def _box(x: int, y: int, times: float, size: tuple[int, int], limit: tuple[int, int]) -> Box:
    left = min(max(0, round(x * times)), max(0, limit[0] - size[0]))
    top = min(max(0, round(y * times)), max(0, limit[1] - size[1]))
    return left, top, *size


def _means(plane: F32, w: int, h: int) -> F32:
    """Mean of every window that lies inside, by its upper left corner."""
    total = cv2.integral(plane.astype(np.float64))
    sums = total[h:, w:] - total[:-h, w:] - total[h:, :-w] + total[:-h, :-w]
    return np.asarray(sums / (w * h), np.float32)


def _inside(cover: F32) -> F32:
    radius = max(1, round(max(cover.shape) * EDGE))
    solid = np.pad((cover > 0.9).astype(np.uint8), 1)
    return np.asarray(cv2.distanceTransform(solid, cv2.DIST_L2, 3)[1:-1, 1:-1] > radius, np.float32)


def _around(lab: F32, inside: F32) -> F32:
    sigma = max(1.0, WIDE * max(inside.shape))
    weight = cv2.GaussianBlur(inside, (0, 0), sigma)[..., None]
    return np.asarray(cv2.GaussianBlur(lab * inside[..., None], (0, 0), sigma) / np.maximum(weight, 1e-4), np.float32)


def _structure(rgb: U8) -> F32:
    """Strength of the finest structure: mean size of second differences, levels."""
    grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    return np.asarray(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), np.float32)


def _scaled(plane: F32, inside: F32) -> F32:
    """0..1 over the inside, its 99th percentile becoming 1; 0 elsewhere."""
    if not inside.any():
        return np.zeros_like(plane)
    top = float(np.percentile(plane[inside > 0], TOP))
    return np.asarray(np.clip(plane / max(top, 1e-6), 0, 1) * inside, np.float32)
