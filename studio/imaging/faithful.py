"""Holding an enlarging network to the photo: what it makes of a label must shrink back to the label."""

from __future__ import annotations

import cv2
import numpy as np

from studio.take import U8

DOUBT = 14
"""Levels (of 255) by which the enlargement, shrunk again, may differ from the photo. Sharpening of printed labels stays below,
the noise that SPAN makes of small bright signs on black is far above."""
REACH = 9
"""Photo pixels around a wrong one that are not taken from the network either."""


def faithful(enlarged: U8, photo: U8) -> U8:
    """The network's enlargement, uint8 (H, W, 3), with plain Lanczos wherever it departs from the photo, uint8 (h, w, 3)."""
    (height, width), (tall, wide) = photo.shape[:2], enlarged.shape[:2]
    back = cv2.resize(enlarged, (width, height), interpolation=cv2.INTER_AREA)
    wrong = (cv2.absdiff(back, photo).max(axis=2) > DOUBT).astype(np.uint8)
    if not wrong.any():
        return enlarged
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * REACH + 1, 2 * REACH + 1))
    weight = cv2.blur(cv2.dilate(wrong, kernel).astype(np.float32), (7, 7))
    weight = cv2.resize(weight, (wide, tall), interpolation=cv2.INTER_LINEAR)[..., None]
    plain = cv2.resize(photo, (wide, tall), interpolation=cv2.INTER_LANCZOS4)
    mixed: U8 = np.rint(enlarged + (plain.astype(np.float32) - enlarged) * weight).clip(0, 255).astype(np.uint8)
    return mixed
