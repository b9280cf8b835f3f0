"""One resize of a cut-out: colour by Lanczos, coverage by a kernel that does not ring."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from studio.imaging.geometry import Box
from studio.take import F32, U8

KNOWN = 0.04
"""Alpha below which the colour of a cut-out is the old ground's and not the product's."""
REACH = 3
"""Source pixels a Lanczos-3 kernel looks aside when it enlarges."""


def padded(box: Box, room: int, size: tuple[int, int]) -> Box:
    """A box grown by `room` pixels and clipped to a picture of (width, height)."""
    x, y, w, h = box
    left, top = max(0, x - room), max(0, y - room)
    return left, top, min(size[0], x + w + room) - left, min(size[1], y + h + room) - top


def resampled_source(foreground: U8, alpha: F32, crop: Box, size: tuple[int, int]) -> tuple[U8, F32]:
    """Colour uint8 (h, w, 3) and coverage float32 (h, w) 0..1 of the crop at `size` (width, height).

    This is the pixel lock: whatever stands on a canvas, inside the product it equals these pixels. Pillow's resize widens the
    kernel when it reduces. Colour is straight, not premultiplied: beyond the product's edge it continues the product's own
    colour, so that no kernel reaches into the old ground and no division by a small alpha is needed. Coverage is bicubic
    (Catmull-Rom): its only overshoot lies right at an edge and is clipped, where Lanczos would leave a ripple inside.
    """
    x, y, w, h = crop
    inside = alpha[y : y + h, x : x + w]
    factor = max(w / size[0], h / size[1], 1.0)
    colour = extended(foreground[y : y + h, x : x + w], inside, REACH * factor)
    if (w, h) == size:
        return colour, np.ascontiguousarray(inside)
    rgb = Image.fromarray(colour).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(rgb), resized_coverage(inside, size)


def resized_coverage(alpha: F32, size: tuple[int, int]) -> F32:
    """Alpha float32 (H, W) 0..1 at another size; opaque stays exactly 1, empty exactly 0."""
    plane = np.asarray(Image.fromarray(np.ascontiguousarray(alpha)).resize(size, Image.Resampling.BICUBIC))
    return np.where(plane > 1 - 1e-4, np.float32(1), np.where(plane < 1e-4, np.float32(0), plane)).astype(np.float32)


def extended(rgb: U8, alpha: F32, reach: float) -> U8:
    """The same colours where alpha is known, the nearest known colours up to about `reach` pixels beyond; uint8 (H, W, 3).

    Normalised convolution with growing windows: each fills what the smaller ones could not see.
    """
    unknown = alpha < KNOWN
    if not unknown.any():
        return np.ascontiguousarray(rgb)
    weight = np.where(unknown, np.float32(0), alpha)
    result = rgb.astype(np.float32)
    colour = result * weight[..., None]
    todo = unknown
    side = 3
    while todo.any() and side <= 4 * reach + 3:
        total = cv2.blur(weight, (side, side))
        near = todo & (total > 1e-3)
        result[near] = cv2.blur(colour, (side, side))[near] / total[near][:, None]
        todo = todo & ~near
        side = 2 * side + 1
    return np.asarray(np.rint(result), np.uint8)
