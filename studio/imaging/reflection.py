"""A mirror image of a product on a glossy ground, and of the ground in a glossy product."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.base import base_of, smoothed
from studio.imaging.colour import u8_to_linear
from studio.imaging.relight import drift
from studio.imaging.tone import quick_u8
from studio.take import F32, U8, Placed
from studio.template import Reflection

GLEAM_HEIGHT = 0.35
"""Part of a metal product's height, from its base, that shows the ground."""
GLEAM_STEPS = (0.30, 0.20, 0.13, 0.08, 0.05, 0.0)
"""Amounts of the ground that are tried at the base, strongest first."""
GLEAM_BUDGET = 0.5
"""Mean CIEDE2000 that mirroring the ground may change a product by."""


def reflected(placed: Placed, reflection: Reflection) -> tuple[U8, F32]:
    """Mirrored colours uint8 (H, W, 3) and their opacity float32 (H, W) 0..1.

    Each column is mirrored at the base contour, so that a round base touches its image all along; opacity falls to 0 within
    `fade` of the product's height, and the image gets softer with the distance.
    """
    _, _, w, h = placed.box
    height = placed.alpha.shape[0]
    base = base_of(placed.alpha, placed.box)
    line = smoothed(base.line, 0.01 * w)
    first = max(0, int(line.min()) - 1)
    end = min(height, int(np.ceil(line.max() + reflection.fade * h)) + 1)
    rgb, opacity = np.zeros_like(placed.rgb), np.zeros_like(placed.alpha)
    if first < end:
        rgb[first:end], opacity[first:end] = _mirrored(placed, line, (first, end), reflection)
    return rgb, opacity


def _mirrored(placed: Placed, line: F32, rows: tuple[int, int], reflection: Reflection) -> tuple[U8, F32]:
    """The mirror image on canvas rows `rows` (first, end)."""
    width, height = placed.alpha.shape[1], placed.box[3]
    row = np.arange(*rows, dtype=np.float32)[:, None]
    column = np.broadcast_to(np.arange(width, dtype=np.float32)[None, :], (row.size, width))
    source = 2 * line[None, :] - 1 - row
    rgb = cv2.remap(placed.rgb, column, source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    alpha = cv2.remap(placed.alpha, column, source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    below = np.clip((row - line[None, :] + 1) / np.float32(reflection.fade * height), 0, 1)
    opacity = alpha * (1 - below) ** np.float32(1.6) * np.float32(reflection.strength)
    soft = cv2.GaussianBlur(opacity, (0, 0), max(0.5, 0.004 * height))
    share = np.clip(below * 2, 0, 1)
    return np.asarray(rgb, np.uint8), np.asarray(opacity + (soft - opacity) * share, np.float32)


def gleaming(rgb: U8, alpha: F32, box: tuple[int, int, int, int], ground: U8) -> U8:
    """Polished metal uint8 (H, W, 3) that mirrors a little of the ground uint8 (H, W, 3) before it, most at its base and nothing
    from `GLEAM_HEIGHT` of its height on; mixed in linear light, at most to a mean CIEDE2000 of `GLEAM_BUDGET`.

    A grazing ground is what the lower part of an upright metal surface shows; its colour is that of the ground just before the
    base, column by column, blurred as brushed and curved metal blurs it.
    """
    x, y, w, h = box
    if not min(w, h):
        return rgb
    rows = np.arange(y, y + h, dtype=np.float32)[:, None]
    share = np.clip((rows - (y + h * (1 - GLEAM_HEIGHT))) / np.float32(GLEAM_HEIGHT * h), 0, 1) ** np.float32(1.5)
    part, cover = rgb[y : y + h, x : x + w], alpha[y : y + h, x : x + w]
    first = min(y + h, ground.shape[0] - 1)
    before = u8_to_linear(ground[first : min(first + max(2, h // 8), ground.shape[0]), x : x + w]).mean(axis=0, keepdims=True)
    seen = cv2.GaussianBlur(before, (0, 0), max(1.0, 0.04 * w), borderType=cv2.BORDER_REPLICATE)
    light = u8_to_linear(part)
    for amount in GLEAM_STEPS:
        weight = (share * np.float32(amount) * (cover > 0))[..., None]
        mixed = quick_u8(light + (seen - light) * weight)
        if drift(part, mixed, cover)[0] <= GLEAM_BUDGET:
            break
    result = rgb.copy()
    result[y : y + h, x : x + w] = np.where(cover[..., None] > 0, mixed, part)
    return result
