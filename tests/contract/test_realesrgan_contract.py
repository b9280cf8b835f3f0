"""Real-ESRGAN's network and how it is filled: a small one of the same kind; the trained one is looked at in tests/local."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from studio.errors import WeightsCorrupt
from studio.models.ncnn import HALF_TAG, fill
from studio.models.realesrgan import Network
from studio.models.tiling import cores


def data_of(network: torch.nn.Module, *, half: bool) -> bytes:
    rng = np.random.default_rng(1)
    parts = []
    for layer in (m for m in network.modules() if isinstance(m, torch.nn.Conv2d)):
        weights = (rng.standard_normal(layer.weight.numel()) * 0.05).astype(np.float16 if half else np.float32).tobytes()
        parts += [(HALF_TAG if half else 0).to_bytes(4, "little"), weights, b"\0" * (-len(weights) % 4)]
        parts.append(np.zeros(layer.weight.shape[0], np.float32).tobytes())
    return b"".join(parts)


@pytest.mark.parametrize("half", [True, False])
def test_filled_and_four_times_as_large(half: bool) -> None:
    network = Network(blocks=1, features=8, growth=4)
    data = data_of(network, half=half)
    fill(network, data, "tiny")
    with torch.inference_mode():
        assert network(torch.rand(1, 3, 6, 9)).shape == (1, 3, 24, 36)
    for broken in (data[:-4], data + b"\0" * 8, b""):
        with pytest.raises(WeightsCorrupt, match="tiny"):
            fill(network, broken, "tiny")


def test_as_many_parameters_as_published() -> None:
    with torch.device("meta"):
        count = sum(p.numel() for p in Network().parameters())
    assert count == 16_697_987


def test_tiles_cover_a_side_once() -> None:
    for side in (1, 159, 160, 161, 1000):
        parts = cores(side, 160)
        assert parts[0][0] == 0
        assert parts[-1][1] == side
        assert all(b[0] == a[1] for a, b in pairwise(parts))
        assert max(end - start for start, end in parts) <= 160
