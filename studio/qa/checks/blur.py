"""Blur of the delivered product, and pixels in the photo that were never photographed."""

from __future__ import annotations

import cv2
import numpy as np

from studio.qa.check import Check
from studio.qa.subject import Subject, cut
from studio.take import F32, U8

LONG_SIDE = 1024
KERNEL = 9
"""Length of the blur that is laid over the picture to see how much sharpness it had to lose."""
FLAT = 0.35
"""Mean step (levels) between neighbours below which a product shows nothing that could be blurred."""
PATCH_PX, LEAST_PX = 512, 96
"""Side of the patches whose spectrum is looked at, and below which none is."""
BANDS = ((0.15, 0.35), (0.65, 0.9))
"""Middle and high frequencies, as shares of the highest one a picture can hold."""


def blur(subject: Subject) -> float | None:
    """How little the delivered product loses when it is blurred again, 0 (crisp) .. 1 (nothing left to lose); the larger of both
    directions, with its long side at most 1024 px (Crete 2007). 0 for a product without structure, None without a product.
    """
    _, _, width, height = subject.box
    if not min(width, height):
        return None
    scale = min(1.0, LONG_SIDE / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    grey = cv2.resize(cv2.cvtColor(cut(subject.final.rgb, subject.box), cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(cut(subject.inner, subject.box), size, interpolation=cv2.INTER_NEAREST)
    return blurred(np.asarray(grey, np.uint8), np.asarray(mask, np.uint8))


def blurred(grey: U8, mask: U8) -> float:
    """The same for a grey picture under a mask."""
    here = grey.astype(np.float32)
    worst = 0.0
    for axis, size in ((0, (1, KERNEL)), (1, (KERNEL, 1))):
        soft = cv2.blur(here, size)
        inside = np.diff(mask, axis=axis) == 0
        inside &= (mask[1:] if axis == 0 else mask[:, 1:]) > 0
        before, after = np.abs(np.diff(here, axis=axis))[inside], np.abs(np.diff(soft, axis=axis))[inside]
        total = float(before.sum())
        if before.size and total / before.size >= FLAT:
            worst = max(worst, 1.0 - float(np.maximum(before - after, 0).sum()) / total)
    return worst


def source_detail(subject: Subject) -> float:
    """Power of the photo's highest frequencies against its middle ones, in dB, where the product has most detail: a photo that
    was enlarged before it came has next to nothing there. 0 for a product that is too small or too plain in its photo.
    """
    patch = _busiest(subject)
    return 0.0 if patch is None else spectrum_drop(patch)


def spectrum_drop(grey: F32) -> float:
    """Mean power spectral density of the high band over the middle one, in dB, of a square float32 picture."""
    side = grey.shape[0]
    window = np.hanning(side).astype(np.float32)
    power = np.abs(np.fft.fft2((grey - grey.mean()) * window[:, None] * window)) ** 2
    axis = np.abs(np.fft.fftfreq(side)) * 2
    radius = np.maximum(axis[:, None], axis[None, :])
    middle, high = (float(power[(radius >= low) & (radius < top)].mean()) for low, top in BANDS)
    return float(10 * np.log10((high + 1e-3) / (middle + 1e-3)))


def _busiest(subject: Subject) -> F32 | None:
    """The square of the photo, inside the product's box, with the steepest steps; grey, up to 512 px."""
    x, y, w, h = subject.source_box
    side = min(PATCH_PX, w, h) // 2 * 2
    if side < LEAST_PX:
        return None
    grey = cv2.cvtColor(cut(subject.matte.foreground, subject.source_box), cv2.COLOR_RGB2GRAY).astype(np.float32)
    solid = (subject.matte.alpha[y : y + h, x : x + w] > 0.98).astype(np.float32)
    steps = cv2.blur((np.abs(cv2.Laplacian(grey, cv2.CV_32F)) > 4).astype(np.float32) * solid, (side, side))
    half = side // 2
    inner = steps[half : h - half + 1, half : w - half + 1]
    row, column = np.unravel_index(int(inner.argmax()), inner.shape)
    if inner.max() < 0.01:
        return None
    return np.asarray(grey[row : row + side, column : column + side], np.float32)


CHECKS = (
    Check("blur", "detail", "0..1", "low", "how little the product loses when it is blurred again", blur),
    Check("source_detail", "detail", "dB", "high", "highest frequencies of the photo against its middle ones", source_detail),
)
