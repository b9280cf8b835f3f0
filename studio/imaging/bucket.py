"""A canvas in a size that a generator was trained on, and back: scaled to fit, its border carried outwards."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from studio.take import F32, U8


@dataclass(frozen=True, slots=True)
class Fit:
    """Where a canvas of width, height `canvas` lies inside a `bucket`: `left`, `top`, `width`, `height` in bucket pixels."""

    canvas: tuple[int, int]
    bucket: tuple[int, int]

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, width, height of the canvas inside the bucket, centred."""
        scale = min(self.bucket[0] / self.canvas[0], self.bucket[1] / self.canvas[1])
        width, height = (max(1, round(side * scale)) for side in self.canvas)
        return (self.bucket[0] - width) // 2, (self.bucket[1] - height) // 2, width, height

    def into(self, picture: U8) -> U8:
        """uint8 (h, w, 3) of the canvas -> uint8 (H, W, 3) of the bucket."""
        return np.asarray(self._padded(_resized(picture, self.box[2:]), cv2.BORDER_REPLICATE), np.uint8)

    def mask(self, alpha: F32) -> U8:
        """Alpha float32 (h, w) of the product -> uint8 (H, W): 0 on the product, 255 where a set may be painted."""
        small = cv2.resize(alpha, self.box[2:], interpolation=cv2.INTER_AREA)
        free = np.where(small < 0.5, 255, 0).astype(np.uint8)
        return np.asarray(self._padded(free, cv2.BORDER_CONSTANT), np.uint8)

    def back(self, picture: U8) -> U8:
        """uint8 (H, W, 3) of the bucket -> uint8 (h, w, 3) of the canvas."""
        left, top, width, height = self.box
        return _resized(picture[top : top + height, left : left + width], self.canvas)

    def _padded(self, picture: U8, border: int) -> U8:
        left, top, width, height = self.box
        right, bottom = self.bucket[0] - width - left, self.bucket[1] - height - top
        return np.asarray(cv2.copyMakeBorder(picture, top, bottom, left, right, border, value=255), np.uint8)


def _resized(picture: U8, size: tuple[int, int]) -> U8:
    smaller = size[0] < picture.shape[1]
    found = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    return np.ascontiguousarray(found, np.uint8)
