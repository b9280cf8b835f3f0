"""OpenNSFW (Yahoo 2016): how likely a picture shows nudity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from studio.models.base import ModelCard
from studio.models.cached import weight_bytes
from studio.models.configured import Given
from studio.models.graph import session, usable
from studio.take import U8

SEEN, MARGIN = 256, 16
"""The picture is brought to 256 px and the middle 224 are looked at, as its training did."""
MEAN = np.array([104.0, 117.0, 123.0], np.float32)
"""Of blue, green, red."""


class OpenNsfw:
    """uint8 (H, W, 3) sRGB -> probability 0..1."""

    def __init__(self, card: ModelCard, *, weights: Path, given: Given, device: str) -> None:
        self.card = card
        self._weights, self.device = weights, usable(card.name, device)
        self._session: Any = None

    def load(self) -> None:
        """Raises WeightsMissing or WeightsCorrupt."""
        self._session = session(weight_bytes(self.card, self._weights), self.device)
        self._input = self._session.get_inputs()[0].name

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """One probability an item, in order."""
        return [self._one(item) for item in batch]

    def example(self) -> U8:
        """A grey square on white."""
        item = np.full((SEEN, SEEN, 3), 255, np.uint8)
        item[60:160, 60:160] = 96
        return item

    def _one(self, item: U8) -> float:
        if item.ndim != 3 or item.shape[2] != 3:
            raise ValueError(f"wanted uint8 (H, W, 3), got {item.shape}")
        square = cv2.resize(item, (SEEN, SEEN), interpolation=cv2.INTER_AREA)
        middle = square[MARGIN:-MARGIN, MARGIN:-MARGIN, ::-1].astype(np.float32) - MEAN
        return float(self._session.run(None, {self._input: np.ascontiguousarray(middle[None])})[0][0, 1])
