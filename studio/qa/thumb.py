"""A picture and its matte at a size where neighbourhoods are cheap to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.take import F32, U8


@dataclass(frozen=True, slots=True)
class Thumb:
    """`rgb` uint8 (h, w, 3) and `alpha` float32 (h, w); one thumb pixel is `factor` x `factor` pixels."""

    rgb: U8
    alpha: F32
    factor: int


def shrink(rgb: U8, alpha: F32, factor: int) -> Thumb:
    """Block means by a whole factor (the rest of a row or column that fills no block is left out)."""
    return Thumb(np.asarray(block_mean(rgb, factor), np.uint8), np.asarray(block_mean(alpha, factor), np.float32), factor)


def block_mean(plane: NDArray[Any], factor: int) -> NDArray[Any]:
    """Means of factor x factor blocks of an (H, W) or (H, W, C) array."""
    factor = min(factor, *plane.shape[:2])
    height, width = plane.shape[0] // factor, plane.shape[1] // factor
    whole = plane[: height * factor, : width * factor]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA))


def spread(values: F32, weight: F32, radius: int) -> tuple[F32, F32]:
    """Local mean of (h, w, 3) values where weight is, within a square of the radius, and how much weight there was."""
    side = (2 * radius + 1, 2 * radius + 1)
    total = cv2.blur(weight, side)
    mean = cv2.blur(values * weight[..., None], side) / np.maximum(total, 1e-6)[..., None]
    return np.asarray(mean, np.float32), np.asarray(total, np.float32)
