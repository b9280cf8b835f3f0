"""Inner shade along the openings through which a mannequin left: what makes a flat cut-out look worn."""

from __future__ import annotations

import cv2
import numpy as np

from studio.errors import StepError
from studio.imaging.colour import delta_e_2000, linear_to_u8, srgb_to_lab, u8_to_linear
from studio.imaging.garments.neckline import neck_of
from studio.take import F32, U8, Matte

REACH = 0.012
"""Width of the shade as a share of the garment's longer side."""
STRONGEST = 0.35
"""Light that is missing right at the opening at strength 1."""
TOUCH = 3
"""Pixels between mannequin and garment over which they still touch: the soft edge."""


def rounded(garment: Matte, mannequin: U8, strength: float) -> tuple[Matte, float]:
    """The garment with its sleeves and hem shaded along the mannequin, uint8 (H, W) 0 or 255, but for the neck, and the mean
    CIEDE2000 that this made over all of the garment. Light is taken away in linear light; strength 0 changes nothing."""
    other = _below_the_neck(garment.alpha, mannequin)
    if strength <= 0 or not other.any():
        return garment, 0.0
    x, y, w, h = cv2.boundingRect((garment.alpha > 0).astype(np.uint8))
    part = slice(y, y + h), slice(x, x + w)
    sigma = max(1.0, REACH * max(w, h))
    near = cv2.dilate(other, np.ones((2 * TOUCH + 1, 2 * TOUCH + 1), np.uint8))[part]
    fade = np.clip(2 * cv2.GaussianBlur(near.astype(np.float32) / np.float32(255), (0, 0), sigma), 0, 1)
    shade: F32 = fade * np.float32(strength * STRONGEST)
    touched = (shade > 1 / 512) & (garment.alpha[part] > 0)
    if not touched.any():
        return garment, 0.0
    colours = garment.foreground.copy()
    before = colours[part][touched]
    after = linear_to_u8(u8_to_linear(before) * (1 - shade[touched])[:, None])
    colours[part][touched] = after
    changed = float(delta_e_2000(srgb_to_lab(before[::5, None]), srgb_to_lab(after[::5, None])).sum()) * 5
    share = changed / max(1, int((garment.alpha > 0.5).sum()))
    return Matte(garment.alpha, colours, garment.uncertainty, garment.source), share


def _below_the_neck(alpha: F32, mannequin: U8) -> U8:
    """The mannequin without what stands between the corners of the neck: the lining has its own shade."""
    try:
        neck = neck_of(alpha, "the garment")
    except StepError:
        return mannequin
    other = mannequin.copy()
    deepest = max(neck.left[1], neck.right[1]) + float(neck.dip.max()) * neck.width
    other[: int(deepest) + 2, max(0, int(neck.left[0] - 2)) : int(neck.right[0]) + 3] = 0
    other[: int(min(neck.left[1], neck.right[1]))] = 0
    return other
