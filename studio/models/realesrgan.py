"""Real-ESRGAN x4plus (Wang 2021) in torch, filled from its ncnn weight file. Crisp, and it repaints small print: for goods
without lettering."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from studio.errors import SettingsError
from studio.models.base import ModelCard
from studio.models.cached import weight_bytes
from studio.models.configured import Given
from studio.models.ncnn import fill
from studio.models.tiling import enlarged
from studio.take import U8

FEATURES, GROWTH, BLOCKS = 64, 32, 23
DAMPED = 0.2
"""Share of a block's answer that is added to its input."""
SLOPE = 0.2
TILE = 160
"""Largest tile core, in source pixels: keeps the feature maps of one tile, at four times its size, below about 0.6 GB."""
OVERLAP = 16
"""Source pixels of context around a tile; what lies farther changes a pixel by a few levels at most."""


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees the answers of all before it."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        widths = [growth] * 4 + [features]
        self.layers = nn.ModuleList(
            nn.Conv2d(features + index * growth, width, 3, padding=1) for index, width in enumerate(widths)
        )

    def forward(self, x: Tensor) -> Tensor:
        """The input, and a damped answer on it."""
        seen = [x]
        for layer in self.layers[:4]:
            seen.append(functional.leaky_relu(layer(torch.cat(seen, dim=1)), SLOPE))
        answer: Tensor = self.layers[4](torch.cat(seen, dim=1))
        return answer * DAMPED + x


class Network(nn.Module):
    """float32 (B, 3, H, W) 0..1 -> (B, 3, 4 H, 4 W), about 0..1: residual-in-residual dense blocks, then two doublings."""

    def __init__(self, blocks: int = BLOCKS, features: int = FEATURES, growth: int = GROWTH) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Sequential(*(DenseBlock(features, growth) for _ in range(3))) for _ in range(blocks))
        self.tail = nn.Conv2d(features, features, 3, padding=1)
        self.doublings = nn.ModuleList(nn.Conv2d(features, features, 3, padding=1) for _ in range(2))
        self.finish = nn.Conv2d(features, features, 3, padding=1)
        self.colours = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge."""
        features = head = self.head(x)
        for block in self.blocks:
            features = block(features) * DAMPED + features
        features = head + self.tail(features)
        for layer in self.doublings:
            features = functional.leaky_relu(layer(functional.interpolate(features, scale_factor=2, mode="nearest")), SLOPE)
        colours: Tensor = self.colours(functional.leaky_relu(self.finish(features), SLOPE))
        return colours


class RealEsrgan:
    """uint8 (H, W, 3) sRGB -> uint8 (4 H, 4 W, 3) sRGB. Large inputs run in tiles, so that memory is bounded.

    Slow on a CPU: about a minute for 300 x 300 pixels on two cores.
    """

    def __init__(self, card: ModelCard, *, weights: Path, given: Given, device: str, tile: int = TILE) -> None:
        self.card = card
        self._weights, self.device, self._tile = weights, device, tile
        self._network: Network | None = None

    def load(self) -> None:
        """Read and check the weights. Raises WeightsMissing, WeightsCorrupt, or SettingsError for a device that is not there."""
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise SettingsError(f"device {self.device!r}: torch sees no CUDA device")
        network = Network()
        fill(network, weight_bytes(self.card, self._weights), self.card.name)
        self._network = network.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """One enlarged picture an item, in order; items run one at a time and may differ in size."""
        return [self._one(item) for item in batch]

    def example(self) -> U8:
        """A small ramp."""
        return np.tile(np.arange(0, 256, 8, dtype=np.uint8)[None, :, None], (32, 1, 3))

    def _one(self, item: U8) -> U8:
        assert self._network is not None, "load() first"
        return enlarged(self._network, item, self.card.scale, self.device, tile=self._tile, overlap=OVERLAP)
