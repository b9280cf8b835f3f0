"""Where the product is in a finished picture, without a model: what the ground does not reach from the picture's edge."""

from __future__ import annotations

import cv2
import numpy as np

from studio.take import F32, U8, Photo

SIDE = 800
"""Longer side at which the ground is followed."""
STEP = 3
"""Levels by which a ground may change from one pixel to the next."""
SPECK = 0.0005
"""Share of the picture below which something on the ground is no product."""


def silhouette(photo: Photo) -> F32:
    """float32 (H, W) 0..1. A picture's own transparency says it; elsewhere the plain or gently changing ground is followed from
    the edges inwards, so a product of the ground's own colour, or one on a busy ground, is not found well."""
    if photo.alpha is not None and float(photo.alpha.min()) < 0.5:
        return photo.alpha
    height, width = photo.rgb.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = max(3, round(width * scale)), max(3, round(height * scale))
    small = np.asarray(cv2.resize(photo.rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    found = _without_specks(_reached(small))
    full = cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full, np.float32) / np.float32(255)


def _reached(rgb: U8) -> U8:
    """255 where the ground does not get to."""
    height, width = rgb.shape[:2]
    framed = cv2.copyMakeBorder(rgb, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    mask = np.zeros((height + 4, width + 4), np.uint8)
    flags = 4 | (255 << 8) | cv2.FLOODFILL_MASK_ONLY
    edge = [(x, y) for x in range(0, width + 2, 8) for y in (0, height + 1)]
    edge += [(x, y) for y in range(0, height + 2, 8) for x in (0, width + 1)]
    for x, y in edge:
        if not mask[y + 1, x + 1]:
            cv2.floodFill(framed, mask, (x, y), (0, 0, 0), (STEP,) * 3, (STEP,) * 3, flags)
    return np.asarray(255 - mask[2:-2, 2:-2], np.uint8)


def _without_specks(found: U8) -> U8:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found, connectivity=8)
    large = [label for label in range(1, count) if stats[label, cv2.CC_STAT_AREA] >= SPECK * found.size]
    return np.asarray(np.isin(labels, large) * 255, np.uint8)
