"""EfficientNet-Lite0 (Tan 2019, without squeeze-and-excitation, ReLU6): a picture as a direction in 1280 dimensions."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from studio.errors import SettingsError, WeightsCorrupt
from studio.models.base import ModelCard
from studio.models.cached import weight_bytes
from studio.models.configured import Given
from studio.take import F32, U8

STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
"""Expansion, kernel, stride, channels, repeats."""
STEM, HEAD = 32, 1280
EPS = 1e-3
"""Of the batch norms, as TensorFlow trained them."""


class Same(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME does: what is odd goes to the right and to the bottom."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(before, after, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Pad and convolve."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        rows, columns = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[2:])
        return super().forward(functional.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)))


class Block(nn.Module):
    """Widen, filter each channel, narrow; the names are those of the weight file."""

    def __init__(self, before: int, after: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = before * expansion
        self.shortcut = stride == 1 and before == after
        if expansion > 1:
            self._expand_conv = Same(before, wide, 1)
            self._bn0 = nn.BatchNorm2d(wide, eps=EPS)
        self._depthwise_conv = Same(wide, wide, kernel, stride, groups=wide)
        self._bn1 = nn.BatchNorm2d(wide, eps=EPS)
        self._project_conv = Same(wide, after, 1)
        self._bn2 = nn.BatchNorm2d(after, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        """One inverted bottleneck."""
        y = functional.relu6(self._bn0(self._expand_conv(x))) if hasattr(self, "_expand_conv") else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        out: Tensor = x + y if self.shortcut else y
        return out


class Network(nn.Module):
    """float32 (B, 3, 224, 224), about -1..1 -> (B, 1280)."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = Same(3, STEM, 3, 2), nn.BatchNorm2d(STEM, eps=EPS)
        blocks, channels = [], STEM
        for expansion, kernel, stride, after, repeats in STAGES:
            for index in range(repeats):
                blocks.append(Block(channels, after, expansion, kernel, stride if index == 0 else 1))
                channels = after
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = Same(channels, HEAD, 1), nn.BatchNorm2d(HEAD, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Features, averaged over the picture."""
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        features: Tensor = functional.relu6(self._bn1(self._conv_head(x))).mean((2, 3))
        return features


class Embedding:
    """uint8 (H, W, 3) sRGB, any size, looked at as a 224 px square -> float32 (1280,), unit length. Items run one at a time."""

    def __init__(self, card: ModelCard, *, weights: Path, given: Given, device: str) -> None:
        self.card = card
        self._weights, self.device = weights, device
        self._network: Network | None = None

    def load(self) -> None:
        """Raises WeightsMissing, WeightsCorrupt or SettingsError."""
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise SettingsError(f"device {self.device!r}: torch sees no CUDA device")
        state = torch.load(io.BytesIO(weight_bytes(self.card, self._weights)), map_location="cpu", weights_only=True)
        network = Network()
        try:
            network.load_state_dict({name: value for name, value in state.items() if not name.startswith("_fc.")})
        except RuntimeError as error:
            raise WeightsCorrupt(f"{self.card.name}: the weights do not fit the network: {error}") from error
        self._network = network.eval().to(self.device)

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """One direction an item, in order."""
        return [self._one(item) for item in batch]

    def example(self) -> U8:
        """A grey square on white."""
        item = np.full((224, 224, 3), 255, np.uint8)
        item[60:160, 60:160] = 96
        return item

    @torch.inference_mode()
    def _one(self, item: U8) -> F32:
        assert self._network is not None, "load() first"
        if item.ndim != 3 or item.shape[2] != 3:
            raise ValueError(f"wanted uint8 (H, W, 3), got {item.shape}")
        side = self.card.input_px
        square = item if item.shape[:2] == (side, side) else cv2.resize(item, (side, side), interpolation=cv2.INTER_AREA)
        planes = torch.from_numpy(np.ascontiguousarray(square)).to(self.device).permute(2, 0, 1)[None].float()
        features = self._network((planes - 127.0) / 128.0)[0].cpu().numpy()
        return np.asarray(features / max(float(np.linalg.norm(features)), 1e-12), np.float32)
