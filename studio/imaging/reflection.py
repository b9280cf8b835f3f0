"""A mirror image of a product on a glossy ground."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.base import base_of, smoothed
from studio.take import F32, U8, Placed
from studio.template import Reflection


def reflected(placed: Placed, reflection: Reflection) -> tuple[U8, F32]:
    """Mirrored colours uint8 (H, W, 3) and their opacity float32 (H, W) 0..1.

    Each column is mirrored at the base contour, so that a round base touches its image all along; opacity falls to 0 within
    `fade` of the product's height, and the image gets softer with the distance.
    """
    _, _, w, h = placed.box
    height, width = placed.alpha.shape
    base = base_of(placed.alpha, placed.box)
    line = smoothed(base.line, 0.01 * w)
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.broadcast_to(np.arange(width, dtype=np.float32)[None, :], (height, width))
    source = 2 * line[None, :] - 1 - rows
    rgb = cv2.remap(placed.rgb, columns, source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    alpha = cv2.remap(placed.alpha, columns, source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    below = np.clip((rows - line[None, :] + 1) / np.float32(reflection.fade * h), 0, 1)
    opacity = alpha * (1 - below) ** np.float32(1.6) * np.float32(reflection.strength)
    opacity[rows[:, 0] < float(line.min()) - 1] = 0
    soft = cv2.GaussianBlur(opacity, (0, 0), max(0.5, 0.004 * h))
    share = np.clip(below * 2, 0, 1)
    return np.asarray(rgb, np.uint8), np.asarray(opacity * (1 - share) + soft * share, np.float32)
