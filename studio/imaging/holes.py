"""Holes in a product on plain ground: which show the ground, and which are reflections that the network takes for it."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.backdrop import CONTRAST, Ground, outside
from studio.take import F32, U8

HALF = 0.5
CONTRADICTION, MIN_OPENING, OPENING_GAP, RIM = 0.6, 0.0005, 1.5, 15
"""Two looks contradict each other by at least the first; an opening has at least the second share of the crop, its median lies
within the third times the noise of the ground, and its rim is the last in pixels."""
REFLECTION_GAP, SPECK = 1.5, 12
"""A hole of at least so many pixels that is brighter than the ground by more than this many times the noise is none."""


def openings(seen: F32, lowest: F32, ground: Ground) -> U8:
    """Mask uint8 0/1 of regions that one look called ground and the other product, and that are ground seen through the product:
    of the ground's colour, within a rim that is not. A white reflection on chrome differs from the ground, a white sleeve has no
    such rim; both stay product."""
    apart = (seen - lowest > CONTRADICTION).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(apart, connectivity=4)
    gap, least = ground.gap, ground.least
    found = np.zeros(seen.shape, np.uint8)
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] < MIN_OPENING * seen.size:
            continue
        region = (labels == label).astype(np.uint8)
        rim = cv2.dilate(region, np.ones((RIM, RIM), np.uint8)) - region
        if np.median(gap[region > 0]) < OPENING_GAP * least and np.median(gap[rim > 0]) > CONTRAST * least:
            found |= region
    return found


def reflections(small: F32, seen: F32, ground: Ground) -> U8:
    """Mask uint8 0/1 of holes in the product that are brighter than the ground: highlights on chrome and glass, which the network
    takes for it. What is darker may be the ground in the product's own shadow, so it stays a hole."""
    closed = (seen < HALF) & ~outside(seen < HALF)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed.astype(np.uint8), connectivity=4)
    found = np.zeros(seen.shape, np.uint8)
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] < SPECK:
            continue
        region = labels == label
        if np.median((small[region] - ground.colour[region]).min(axis=1)) > REFLECTION_GAP * ground.least:
            found |= region.astype(np.uint8)
    return found
