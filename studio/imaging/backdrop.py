"""A plain photo ground, modelled: what differs from it is evidence that the network's edge cannot give."""

from __future__ import annotations

import cv2
import numpy as np

from studio.take import F32, U8

LEVEL = 1 / 255
SURE_GROUND = 0.03
"""Map value below which a pixel may teach the ground's colour."""
PLAIN_SHARE, PLAIN_GAP = 0.8, 5 * LEVEL
"""A ground is plain when this share of it lies within this distance of the fitted surface."""
MIN_SAMPLES = 200
SAME = 2.5 * LEVEL
"""Smallest colour difference that noise and JPEG do not explain."""
NETWORK_NOT, NETWORK_MAYBE, NETWORK_FOR, NETWORK_SURE = 0.1, 0.15, 0.5, 0.8
"""Map values: above the first a different colour is product; above the second it is, unless it could be a shadow; above the
third ground colour is product too, since white goods on white have no other evidence than the network's."""
NEARLY, NEAR, CONTRAST = 0.9, 25, 4.0
"""Ground colour tells against the product only where sure product (map above the first, within a window of the second) differs
from the ground by this many times the noise: elsewhere the network's own edge is kept."""
CONTRADICTION, MIN_OPENING, OPENING_GAP, RIM = 0.6, 0.0005, 1.5, 15
"""Two looks contradict each other by at least the first; an opening has at least the second share of the crop, its median lies
within the third times the noise of the ground, and its rim is the last in pixels."""
REFLECTION_GAP, SPECK = 1.5, 12
"""A hole that is brighter than the ground by more than this many times the noise, in every channel, and has this many pixels on the work grid, is
no hole."""
SHADOW_CHROMA, SHADOW_DARKEST, SHADOW_DEEP = 0.05, 0.35, 0.85
"""A shadow scales all channels alike (spread of the ratios below the first) and keeps some light (the second)."""


def plain_ground(small: F32, seen: F32) -> tuple[F32, float] | None:
    """Colour of a plain ground everywhere, float32 (h, w, 3) 0..1, and its noise; None when the ground is not plain.

    A quadratic surface a channel, fitted with Cauchy weights to where the map `seen` is near 0: `small` is sRGB 0..1.
    """
    height, width = seen.shape
    certain = cv2.erode(_outside(seen < SURE_GROUND).astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=1)
    chosen = np.flatnonzero(certain)[::5]
    if chosen.size < MIN_SAMPLES:
        return None
    terms = _terms(height, width)
    x, y = terms[chosen], small.reshape(-1, 3)[chosen]
    weights = np.ones((chosen.size, 1), np.float32)
    surface, gap, noise = np.zeros((6, 3), np.float32), np.zeros(0, np.float32), LEVEL
    for _ in range(4):
        surface = np.linalg.solve((x * weights).T @ x + np.eye(6, dtype=np.float32) * 1e-3, (x * weights).T @ y)
        gap = np.abs(y - x @ surface).max(axis=1)
        noise = max(float(np.median(gap)) * 1.5, LEVEL)
        weights = (1 / (1 + (gap / (2 * noise)) ** 2))[:, None]
    if float((gap < PLAIN_GAP).mean()) < PLAIN_SHARE:
        return None
    return (terms @ surface).reshape(height, width, 3).astype(np.float32), noise


def evidence(small: F32, seen: F32, ground: F32, noise: float) -> tuple[U8, U8]:
    """Masks uint8 0/1: pixels that are surely product and surely ground, by colour, where the network does not object.

    Ground-coloured pixels count as ground only when they reach the crop's border through ground: no holes are punched.
    """
    gap = np.abs(small - ground).max(axis=2)
    least = max(SAME, 2 * noise)
    ratio = small / np.maximum(ground, 0.02)
    mean = ratio.mean(axis=2)
    shadow = (ratio.max(axis=2) - ratio.min(axis=2) < SHADOW_CHROMA) & (mean > SHADOW_DARKEST) & (mean < 1)
    deep = shadow & (mean < SHADOW_DEEP)
    product = (seen > np.where(deep, NETWORK_SURE, NETWORK_FOR)) & (gap > 2 * least)
    product |= (seen > NETWORK_MAYBE) & (gap > 3 * least) & ~shadow
    told = _contrast(gap, seen) > CONTRAST * least
    alike = (gap < least) & (seen < np.where(told, NETWORK_SURE, NETWORK_MAYBE))
    ground_like = alike & _outside(alike | (seen < NETWORK_NOT / 2))
    return product.astype(np.uint8), ground_like.astype(np.uint8)


def openings(small: F32, seen: F32, lowest: F32, ground: F32, noise: float) -> U8:
    """Mask uint8 0/1 of regions that one look called ground and the other product, and that are ground seen through the product:
    of the ground's colour, within a rim that is not. A white reflection on chrome differs from the ground, a white sleeve has no
    such rim; both stay product."""
    apart = (seen - lowest > CONTRADICTION).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(apart, connectivity=4)
    gap, least = np.abs(small - ground).max(axis=2), max(SAME, 2 * noise)
    found = np.zeros(seen.shape, np.uint8)
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] < MIN_OPENING * seen.size:
            continue
        region = (labels == label).astype(np.uint8)
        rim = cv2.dilate(region, np.ones((RIM, RIM), np.uint8)) - region
        if np.median(gap[region > 0]) < OPENING_GAP * least and np.median(gap[rim > 0]) > CONTRAST * least:
            found |= region
    return found


def reflections(small: F32, seen: F32, ground: F32, noise: float) -> U8:
    """Mask uint8 0/1 of holes in the product that are brighter than the ground: highlights on chrome and glass, which the network
    takes for it. What is darker may be the ground in the product's own shadow, so it stays a hole."""
    closed = (seen < NETWORK_FOR) & ~_outside(seen < NETWORK_FOR)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed.astype(np.uint8), connectivity=4)
    brighter, least = (small - ground).min(axis=2), max(SAME, 2 * noise)
    found = np.zeros(seen.shape, np.uint8)
    for label in range(1, count):
        region = labels == label
        if stats[label, cv2.CC_STAT_AREA] >= SPECK and np.median(brighter[region]) > REFLECTION_GAP * least:
            found |= region.astype(np.uint8)
    return found


def _contrast(gap: F32, seen: F32) -> F32:
    """How far the surely seen product near each pixel lies from the ground's colour; 0 where there is none near."""
    sure = (seen > NEARLY).astype(np.float32)
    total: F32 = cv2.blur(gap * sure, (NEAR, NEAR)) / (cv2.blur(sure, (NEAR, NEAR)) + np.float32(1e-3))
    return total


def _outside(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """The parts of a mask that touch the border."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    touching = np.zeros(int(labels.max()) + 1, bool)
    touching[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    touching[0] = False
    found: np.ndarray[tuple[int, int], np.dtype[np.bool_]] = touching[labels]
    return found


def _terms(height: int, width: int) -> F32:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
