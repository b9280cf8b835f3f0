"""ncnn weight files read as data: every convolution of a torch network filled in order."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from studio.errors import WeightsCorrupt

HALF_TAG = 0x01306B47
"""ncnn writes it before weights stored as float16."""


def fill(network: nn.Module, data: bytes, name: str, offset: int = 0) -> None:
    """Fill the network's convolutions, in the order of its modules, from an ncnn .bin: tag, weights, float32 bias of each.

    Half-precision weights are padded to 4 bytes (ncnn, `modelbin.cpp`). Raises WeightsCorrupt when the sizes do not fit.
    """
    try:
        for layer in (module for module in network.modules() if isinstance(module, nn.Conv2d)):
            offset = _fill_layer(layer, data, offset)
    except ValueError as error:
        raise WeightsCorrupt(f"{name} weights do not fit the network: {error}") from error
    if offset != len(data):
        raise WeightsCorrupt(f"{name} weights do not fit the network: {len(data) - offset} bytes left over")


def _fill_layer(layer: nn.Conv2d, data: bytes, offset: int) -> int:
    assert layer.bias is not None
    count, half = layer.weight.numel(), int.from_bytes(data[offset : offset + 4], "little") == HALF_TAG
    offset += 4
    values = np.frombuffer(data, np.float16 if half else np.float32, count, offset).astype(np.float32)
    offset += (count * 2 + 3) // 4 * 4 if half else count * 4
    bias = np.frombuffer(data, np.float32, layer.bias.numel(), offset).copy()
    layer.weight.data = torch.from_numpy(values).view(layer.weight.shape)
    layer.bias.data = torch.from_numpy(bias)
    return offset + bias.nbytes
