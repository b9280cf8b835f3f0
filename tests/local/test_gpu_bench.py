"""The GPU benchmark runs from end to end, at a size that needs no GPU."""

from __future__ import annotations

import os
from collections.abc import Iterator

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch

from benchmarks import gpu

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other on busy cores take longest."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_three_are_measured_and_the_renderer_did_the_work() -> None:
    found = gpu.run(images=1, network="sdxl", size="tiny", device="cpu")
    assert found["renderer"]["engines"] == ["diffusers:sdxl-lightning"]
    assert found["renderer"]["calls"] == 1
    assert found["engine"]["prompts_encoded"] == 1
    assert 0 < found["renderer"]["duty"] <= 1
