"""What the nets of the model task `landmarks` share: reading TFLite, and looking at a square of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from studio.errors import SettingsError
from studio.models.base import ModelCard
from studio.models.cached import weight_bytes, weight_path
from studio.take import F32, U8


def read_net(card: ModelCard, weights: Path) -> Any:
    """A TFLite network on OpenCV's classic engine: the new one of OpenCV 5 knows one output only, and takes over for bytes in
    memory whatever is asked. Raises WeightsMissing, WeightsCorrupt, or SettingsError when this OpenCV reads no TFLite."""
    weight_bytes(card, weights)
    path, engine = str(weight_path(card, weights)), getattr(cv2.dnn, "ENGINE_CLASSIC", None)
    if not hasattr(cv2.dnn, "readNetFromTFLite"):
        raise SettingsError(f"{card.name}: OpenCV {cv2.__version__} reads no TFLite; 4.9 and later do")
    return cv2.dnn.readNetFromTFLite(path) if engine is None else cv2.dnn.readNetFromTFLite(path, engine)


def window(item: U8, centre: tuple[float, float], size: float, side: int) -> F32:
    """The square of `size` pixels around `centre`, black beyond the picture, as float32 (side, side, 3) 0..1."""
    scale = side / size
    grid = np.array([[scale, 0, side / 2 - centre[0] * scale], [0, scale, side / 2 - centre[1] * scale]], np.float64)
    source = item
    if scale < 0.5:
        factor = max(1, int(0.5 / scale) + 1)
        source = cv2.resize(
            item, (max(1, item.shape[1] // factor), max(1, item.shape[0] // factor)), interpolation=cv2.INTER_AREA
        )
        grid[:, 0] *= item.shape[1] / source.shape[1]
        grid[:, 1] *= item.shape[0] / source.shape[0]
    seen = cv2.warpAffine(source, grid, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    planes: F32 = seen.astype(np.float32) / np.float32(255)
    return planes


def checked(item: Any) -> U8:
    """A picture, or ValueError."""
    if not isinstance(item, np.ndarray) or item.ndim != 3 or item.shape[2] != 3 or item.dtype != np.uint8:
        raise ValueError(f"wanted uint8 (H, W, 3), got {getattr(item, 'shape', type(item))}")
    return item
