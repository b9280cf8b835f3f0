"""U2-Netp: salient-object segmentation at 320 px in onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.models.base import ModelCard
from studio.models.cached import weight_bytes
from studio.models.configured import Given
from studio.models.graph import session, usable
from studio.take import F32, U8

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
FLAT = 1e-3
"""A map whose values span less than this says nothing: it is answered as empty rather than stretched to 0..1."""


class U2Netp:
    """uint8 (320, 320, 3) sRGB -> float32 (320, 320), stretched to 0..1 (U-2-Net, Qin 2020; `u2net_test.py` does the same).

    Images run one at a time: on a CPU a batch costs the same, and so no result depends on its neighbours.
    """

    def __init__(self, card: ModelCard, *, weights: Path, given: Given, device: str) -> None:
        self.card = card
        self._weights, self.device = weights, usable(card.name, device)
        self._session: Any = None

    def load(self) -> None:
        """Read and check the weights. Raises WeightsMissing or WeightsCorrupt."""
        data = weight_bytes(self.card, self._weights)
        self._session = session(data, self.device, arena=True)
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0].name

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """One map an item, in order."""
        return [self._one(item) for item in batch]

    def example(self) -> U8:
        """A grey square on white."""
        item = np.full((self.card.input_px, self.card.input_px, 3), 255, np.uint8)
        item[80:240, 80:240] = 96
        return item

    def _one(self, item: U8) -> F32:
        raw = self._session.run([self._output], {self._input: _normalised(item)})[0][0, 0]
        low, high = float(raw.min()), float(raw.max())
        if high - low < FLAT:
            return np.zeros_like(raw)
        stretched: F32 = (raw - np.float32(low)) / np.float32(high - low)
        return stretched


def _normalised(item: U8) -> NDArray[np.float32]:
    top = np.float32(max(int(item.max()), 1))
    planes = item.transpose(2, 0, 1).astype(np.float32)
    planes *= (1 / (top * STD))[:, None, None]
    planes -= (MEAN / STD)[:, None, None]
    return np.ascontiguousarray(planes[None])
