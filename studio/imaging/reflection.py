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
    height = placed.alpha.shape[0]
    base = base_of(placed.alpha, placed.box)
    line = smoothed(base.line, 0.01 * w)
    first = max(0, int(line.min()) - 1)
    end = min(height, int(np.ceil(line.max() + reflection.fade * h)) + 1)
    rgb, opacity = np.zeros_like(placed.rgb), np.zeros_like(placed.alpha)
    if first < end:
        rgb[first:end], opacity[first:end] = _mirrored(placed, line, (first, end), reflection)
    return rgb, opacity


def _mirrored(placed: Placed, line: F32, rows: tuple[int, int], reflection: Reflection) -> tuple[U8, F32]:
    """The mirror image on canvas rows `rows` (first, end)."""
    width, height = placed.alpha.shape[1], placed.box[3]
    row = np.arange(*rows, dtype=np.float32)[:, None]
    column = np.broadcast_to(np.arange(width, dtype=np.float32)[None, :], (row.size, width))
    source = 2 * line[None, :] - 1 - row
    rgb = cv2.remap(placed.rgb, column, source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    alpha = cv2.remap(placed.alpha, column, source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    below = np.clip((row - line[None, :] + 1) / np.float32(reflection.fade * height), 0, 1)
    opacity = alpha * (1 - below) ** np.float32(1.6) * np.float32(reflection.strength)
    soft = cv2.GaussianBlur(opacity, (0, 0), max(0.5, 0.004 * height))
    share = np.clip(below * 2, 0, 1)
    return np.asarray(rgb, np.uint8), np.asarray(opacity + (soft - opacity) * share, np.float32)
