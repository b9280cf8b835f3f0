"""What of a product's shape a ControlNet is shown."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from studio.take import F32, U8

LOW, HIGH = 80, 160
"""Gradient levels between which an edge counts where a stronger one goes on (Canny 1986)."""


def shape_of(kind: Literal["depth", "canny"], picture: U8, alpha: F32) -> U8:
    """Product uint8 (H, W, 3) with alpha float32 (H, W) -> what the network is shown, uint8 (H, W, 3).

    `canny`: white edges of the product on black. `depth`: near is bright; the product bulges out of its outline, the set is far.
    The depth is guessed from the outline alone, since no depth network belongs to the defaults.
    """
    solid = alpha > 0.5
    plane = _edges(picture, solid) if kind == "canny" else _bulge(solid)
    return np.repeat(plane[..., None], 3, axis=2)


def _edges(picture: U8, solid: np.ndarray) -> U8:
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 1.2)
    grey = np.where(solid, grey, 255).astype(np.uint8)
    edges = cv2.Canny(grey, LOW, HIGH)
    outline = cv2.morphologyEx(solid.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) * 255
    inside = np.where(solid, edges, 0)
    return np.asarray(np.maximum(inside, outline), np.uint8)


def _bulge(solid: np.ndarray) -> U8:
    """Half a circle over the distance to the outline, as a balloon rises."""
    distance = cv2.distanceTransform(solid.astype(np.uint8), cv2.DIST_L2, 5)
    part = distance / max(float(distance.max()), 1e-6)
    height = np.sqrt(np.clip(part * (2 - part), 0, 1))
    return np.where(solid, np.rint(140 + 100 * height), 30).astype(np.uint8)
