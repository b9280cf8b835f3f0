"""Enlarging networks over tiles, so that memory is bounded whatever the size of the picture."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import nn

from studio.take import U8


def enlarged(network: nn.Module, item: U8, scale: int, device: str, *, tile: int, overlap: int) -> U8:
    """uint8 (H, W, 3) sRGB -> uint8 (H * scale, W * scale, 3) sRGB. The network takes and gives float32 (1, 3, h, w) 0..1; tiles
    have cores of at most `tile` pixels a side and see `overlap` pixels around them."""
    height, width = item.shape[:2]
    out = np.empty((height * scale, width * scale, 3), np.uint8)
    for top, bottom in cores(height, tile):
        for left, right in cores(width, tile):
            y, x = max(top - overlap, 0), max(left - overlap, 0)
            big = _through(network, item[y : bottom + overlap, x : right + overlap], device)
            core = big[(top - y) * scale : (bottom - y) * scale, (left - x) * scale : (right - x) * scale]
            out[top * scale : bottom * scale, left * scale : right * scale] = core
    return out


def cores(side: int, tile: int) -> list[tuple[int, int]]:
    """Even tile cores (start, end) along a side, none longer than `tile`."""
    count = -(-side // tile)
    edges = [round(index * side / count) for index in range(count + 1)]
    return list(pairwise(edges))


@torch.inference_mode()
def _through(network: nn.Module, item: U8, device: str) -> U8:
    planes = torch.from_numpy(np.ascontiguousarray(item)).to(device).permute(2, 0, 1)[None]
    result = network(planes.to(torch.float32).div_(255.0).contiguous(memory_format=torch.channels_last))
    levels = result[0].clamp_(0, 1).mul_(255.0).round_().to(torch.uint8).permute(1, 2, 0)
    pixels: U8 = levels.contiguous().cpu().numpy()
    return pixels
