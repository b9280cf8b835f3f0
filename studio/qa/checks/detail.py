"""Sharpness of the delivered product, alone and against the photo."""

from __future__ import annotations

import cv2
import numpy as np

from studio.qa.check import Check
from studio.qa.subject import Subject, cut
from studio.take import U8

LONG_SIDE = 1024
"""Size at which `sharpness` looks at the product, so that canvases of different size compare."""
EVERY = 2
"""Every second row is looked at."""
STRONGEST = 0.05
"""Part of the pixels, those with the steepest steps, that is looked at: flat areas say nothing about focus."""


def sharpness(subject: Subject) -> float | None:
    """Mean step between neighbouring pixels (0..1) of the steepest 5 % of the product, with its long side at most 1024 px."""
    _, _, width, height = subject.box
    if not min(width, height):
        return None
    grey, mask = _grey(cut(subject.final.rgb, subject.box)), cut(subject.inner, subject.box)
    scale = min(1.0, LONG_SIDE / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return steepest(_resized(grey, size), np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)) / 255


def sharpness_ratio(subject: Subject) -> float | None:
    """Steepness of the delivered product over that of the photo's product resampled plainly to the same size; 1 is alike,
    lower is softer. 1 for a product without any structure.
    """
    _, _, width, height = subject.box
    if not min(width, height, *subject.source_box[2:]):
        return None
    mask = cut(subject.inner, subject.box)
    then = steepest(_resized(_grey(cut(subject.matte.foreground, subject.source_box)), (width, height)), mask)
    now = steepest(_grey(cut(subject.final.rgb, subject.box)), mask)
    return now / then if then >= 1.0 else 1.0


def steepest(grey: U8, mask: U8) -> float:
    """Mean step (levels) between neighbours over the steepest 5 % of the pixels under a mask; 0 under an empty mask."""
    here, above, inside = grey[1::EVERY], grey[:-1:EVERY], mask[1::EVERY, 1:]
    across, down = cv2.absdiff(here[:, 1:], here[:, :-1]), cv2.absdiff(here[:, 1:], above[:, 1:])
    counts = cv2.calcHist([cv2.max(across, down)], [0], inside, [256], [0, 256]).ravel()[::-1]
    wanted = float(counts.sum()) * STRONGEST
    if not wanted:
        return 0.0
    before = np.concatenate(([0.0], np.cumsum(counts)[:-1]))
    taken = np.clip(wanted - before, 0.0, counts)
    return float((taken * np.arange(255, -1, -1)).sum() / wanted)


def _grey(rgb: U8) -> U8:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def _resized(plane: U8, size: tuple[int, int]) -> U8:
    smaller = size[0] < plane.shape[1]
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC), np.uint8)


CHECKS = (
    Check("sharpness_ratio", "detail", "ratio", "high", "sharpness against the photo at the same size", sharpness_ratio),
    Check("sharpness", "detail", "step", "high", "steepness of the product's details", sharpness),
)
