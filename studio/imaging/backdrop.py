"""A plain photo ground, modelled: what differs from it is evidence that the network's edge cannot give."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.take import F32, U8

Mask = NDArray[np.bool_]

LEVEL = 1 / 255
SURE_GROUND = 0.03
"""Map value below which a pixel may teach the ground's colour."""
PLAIN_SHARE, PLAIN_GAP = 0.8, 5 * LEVEL
"""A ground is plain when this share of it lies within this distance of the fitted surface."""
STRIDE, MIN_SAMPLES, COARSE, DARK = 5, 200, 64, np.float32(0.02)
SAME = 2.5 * LEVEL
"""Smallest colour difference that noise and JPEG do not explain."""
NETWORK_NOT, NETWORK_MAYBE, NETWORK_FOR, NETWORK_SURE = 0.05, 0.15, 0.5, 0.8
"""Map values. Below the first all is ground. Another colour is product above the third, and above the second unless it could be
shadow. The ground's colour is product above the fourth: white goods on white have no other evidence than the network's."""
NEARLY, NEAR, CONTRAST = 0.9, 25, 4.0
"""Ground colour tells against the product only where sure product (map above the first, within a window of the second) differs
from the ground by this many times the noise: elsewhere the network's own edge is kept."""
SHADOW_CHROMA, SHADOW_DARKEST, SHADOW_DEEP = 0.05, 0.35, 0.85
"""A shadow scales all channels alike (spread of the ratios below the first) and keeps some light (the second);
below the third it is deep, as under the product, and the network must be sure."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A plain ground on a grid: `colour` float32 (h, w, 3) 0..1 behind everything, `gap` float32 (h, w), the largest channel
    difference of the picture from it, and `least`, the smallest gap that is more than noise."""

    colour: F32
    gap: F32
    least: float


def plain_ground(small: F32, seen: F32) -> Ground | None:
    """The ground of a picture, sRGB float32 (h, w, 3) 0..1, taught by where the map `seen` is near 0; None when it is not plain.

    A quadratic surface a channel, fitted with Cauchy weights.
    """
    height, width = seen.shape
    certain = cv2.erode(outside(seen < SURE_GROUND).astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=1)
    chosen = np.flatnonzero(certain)[::STRIDE]
    if chosen.size < MIN_SAMPLES:
        return None
    rows, columns = np.divmod(chosen, width)
    x, y = _terms(columns / width, rows / height), small.reshape(-1, 3)[chosen]
    weights = np.ones((chosen.size, 1), np.float32)
    surface, gap, noise = np.zeros((6, 3), np.float32), np.zeros(0, np.float32), LEVEL
    for _ in range(4):
        surface = np.linalg.solve((x * weights).T @ x + np.eye(6, dtype=np.float32) * 1e-3, (x * weights).T @ y)
        gap = np.abs(y - x @ surface).max(axis=1)
        noise = max(float(np.median(gap)) * 1.5, LEVEL)
        weights = (1 / (1 + (gap / (2 * noise)) ** 2))[:, None]
    if float((gap < PLAIN_GAP).mean()) < PLAIN_SHARE:
        return None
    colour = _surface(surface, width, height)
    red, green, blue = cv2.split(cv2.absdiff(small, colour))
    return Ground(colour, cv2.max(cv2.max(red, green), blue), max(SAME, 2 * noise))


def evidence(small: F32, seen: F32, ground: Ground) -> tuple[U8, U8]:
    """Masks uint8 0/1: pixels that are surely product and surely ground, by colour, where the network does not object.

    Ground-coloured pixels count as ground only when they reach the crop's border through ground: no holes are punched.
    """
    gap, least = ground.gap, ground.least
    red, green, blue = cv2.split(cv2.divide(small, np.maximum(ground.colour, DARK)))
    brightest, darkest = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    shadow = (brightest - darkest < SHADOW_CHROMA) & (darkest > SHADOW_DARKEST) & (brightest < 1 + SHADOW_CHROMA / 2)
    deep = shadow & (brightest < SHADOW_DEEP)
    product = ((seen > NETWORK_FOR) & (gap > 2 * least) & ~deep) | ((seen > NETWORK_SURE) & (gap > 2 * least))
    product |= (seen > NETWORK_MAYBE) & (gap > 3 * least) & ~shadow
    told = _contrast(gap, seen) > CONTRAST * least
    alike = (gap < least) & ((seen < NETWORK_MAYBE) | ((seen < NETWORK_SURE) & told))
    ground_like = alike & outside(alike | (seen < NETWORK_NOT))
    return product.astype(np.uint8), ground_like.astype(np.uint8)


def outside(mask: Mask) -> Mask:
    """The parts of a mask that touch the border."""
    _, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=4)
    touching = np.zeros(int(labels.max()) + 1, bool)
    touching[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    touching[0] = False
    found: Mask = touching[labels]
    return found


def _contrast(gap: F32, seen: F32) -> F32:
    """How far the surely seen product near each pixel lies from the ground's colour; 0 where there is none near."""
    sure = (seen > NEARLY).astype(np.float32)
    total: F32 = cv2.blur(gap * sure, (NEAR, NEAR)) / (cv2.blur(sure, (NEAR, NEAR)) + np.float32(1e-3))
    return total


def _terms(x: NDArray[np.floating], y: NDArray[np.floating]) -> F32:
    u, v = (2 * x - 1).astype(np.float32), (2 * y - 1).astype(np.float32)
    return np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=-1)


def _surface(surface: F32, width: int, height: int) -> F32:
    """The quadratic surfaces on a grid, evaluated on a coarse one and enlarged: they bend too little to tell the difference."""
    y, x = np.mgrid[0 : height : height / COARSE, 0 : width : width / COARSE][:, :COARSE, :COARSE]
    coarse = (_terms((x + 0.5 * width / COARSE - 0.5) / width, (y + 0.5 * height / COARSE - 0.5) / height) @ surface).astype(
        np.float32
    )
    grid: F32 = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return grid
