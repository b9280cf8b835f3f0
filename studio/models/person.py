"""MediaPipe's selfie segmentation (Google 2021): how much of a picture is a person."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from studio.errors import SettingsError
from studio.models.base import ModelCard
from studio.models.cached import weight_bytes
from studio.models.configured import Given
from studio.take import U8

SURE = 0.5


class Person:
    """uint8 (H, W, 3) sRGB -> share of its pixels that are a person, 0..1.

    It was trained on pictures that have one, so bare products may count up to a fifth of the picture (rounded, shiny appliances
    most); people in fashion photos fill a third and more. Hands alone are mostly missed.
    """

    def __init__(self, card: ModelCard, *, weights: Path, given: Given, device: str) -> None:
        self.card = card
        self._weights = weights
        self._lock = threading.Lock()
        self._net: Any = None

    def load(self) -> None:
        """Raises WeightsMissing, WeightsCorrupt, or SettingsError when this OpenCV reads no TFLite."""
        data = np.frombuffer(weight_bytes(self.card, self._weights), np.uint8)
        if not hasattr(cv2.dnn, "readNetFromTFLite"):
            raise SettingsError(f"{self.card.name}: OpenCV {cv2.__version__} reads no TFLite; 4.9 and later do")
        self._net = cv2.dnn.readNetFromTFLite(data)

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """One share an item, in order."""
        return [self._one(item) for item in batch]

    def example(self) -> U8:
        """A grey square on white."""
        item = np.full((256, 256, 3), 255, np.uint8)
        item[60:160, 60:160] = 96
        return item

    def _one(self, item: U8) -> float:
        if item.ndim != 3 or item.shape[2] != 3:
            raise ValueError(f"wanted uint8 (H, W, 3), got {item.shape}")
        side = self.card.input_px
        planes = cv2.resize(item, (side, side), interpolation=cv2.INTER_AREA).transpose(2, 0, 1).astype(np.float32) / 255
        with self._lock:
            self._net.setInput(np.ascontiguousarray(planes[None]))
            seen = self._net.forward()
        return float((seen > SURE).mean())
