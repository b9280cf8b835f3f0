"""SPAN x2 and x4: Swift Parameter-free Attention Network (Wan 2023) in torch, filled from its ncnn weight file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from studio.errors import SettingsError, WeightsCorrupt
from studio.models import ncnn
from studio.models.base import ModelCard
from studio.models.cached import weight_bytes
from studio.models.configured import Given
from studio.models.tiling import enlarged
from studio.take import U8

CHANNELS, BLOCKS = 48, 6
HALF_TAG = ncnn.HALF_TAG
MEANS = 12
"""Bytes of the three channel means that come before the convolutions."""
TILE = 512
"""Largest tile core, in source pixels: keeps the feature maps of one tile below about 0.7 GB."""
OVERLAP = 24
"""Source pixels of context around a tile: the network's 3x3 convolutions see 22 pixels far, so tiles show no seam."""


class Attention(nn.Module):
    """Three convolutions whose answer gates itself: (f(x) + x) * (sigmoid(f(x)) - 0.5)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = (nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1) for _ in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Gated features, and the first convolution's answer that the last block hands on."""
        start = self.first(x)
        features = self.third(functional.silu(self.second(functional.silu(start))))
        return (features + x) * (torch.sigmoid(features) - 0.5), start


class Network(nn.Module):
    """float32 (B, 3, H, W) 0..1 -> (B, 3, H * scale, W * scale), about 0..1."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.blocks = nn.ModuleList(Attention() for _ in range(BLOCKS))
        self.tail = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.merge = nn.Conv2d(4 * CHANNELS, CHANNELS, 1)
        self.upsample = nn.Conv2d(CHANNELS, 3 * scale * scale, 3, padding=1)
        self.mean: Tensor
        self.register_buffer("mean", torch.zeros(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge."""
        features = head = self.head((x - self.mean) * 255.0)
        first = start = head
        for index, block in enumerate(self.blocks):
            features, start = block(features)
            first = features if index == 0 else first
        merged = self.merge(torch.cat([head, self.tail(features), first, functional.silu(start)], dim=1))
        return functional.pixel_shuffle(self.upsample(merged), self.scale)


class Span:
    """uint8 (H, W, 3) sRGB -> uint8 (H * scale, W * scale, 3) sRGB. Large inputs run in tiles, so that memory is bounded."""

    def __init__(self, card: ModelCard, *, weights: Path, given: Given, device: str, tile: int = TILE) -> None:
        self.card = card
        self._weights, self.device, self._tile = weights, device, tile
        self._network: Network | None = None

    def load(self) -> None:
        """Read and check the weights. Raises WeightsMissing, WeightsCorrupt, or SettingsError for a device that is not there."""
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise SettingsError(f"device {self.device!r}: torch sees no CUDA device")
        network = Network(self.card.scale)
        fill(network, weight_bytes(self.card, self._weights))
        self._network = network.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """One enlarged picture an item, in order; items run one at a time and may differ in size."""
        return [self._one(item) for item in batch]

    def example(self) -> U8:
        """A small ramp."""
        return np.tile(np.arange(0, 256, 4, dtype=np.uint8)[None, :, None], (64, 1, 3))

    def _one(self, item: U8) -> U8:
        assert self._network is not None, "load() first"
        return enlarged(self._network, item, self.card.scale, self.device, tile=self._tile, overlap=OVERLAP)


def fill(network: Network, data: bytes) -> None:
    """Fill the network from an ncnn .bin: three float32 means, then the convolutions. Raises WeightsCorrupt."""
    if len(data) < MEANS:
        raise WeightsCorrupt("SPAN weights do not fit the network: the file is too short")
    network.mean.copy_(torch.from_numpy(np.frombuffer(data, np.float32, 3).copy()).view(1, 3, 1, 1))
    ncnn.fill(network, data, "SPAN", MEANS)
