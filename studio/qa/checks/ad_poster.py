"""Whether a poster's words can be read, stand where they may, and say what they should."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.imaging.colour import u8_to_linear
from studio.posters.layout import safe_box
from studio.qa.check import Check
from studio.qa.lettering import distance, plain
from studio.qa.subject import Subject
from studio.take import F32, U8
from studio.template import Template
from studio.typesetting.paint import LUMINANCE, luminance, ratio
from studio.typesetting.placed import PlacedText

Bools = NDArray[np.bool_]
CORE, INKED, VISIBLE = 0.95, 0.02, 0.05
CLEAR, RING = (0.07, 1, 2), (0.12, 1, 4)
"""Next to a letter lies what compression smears, beyond it its ground: share of the letters' size, least and most pixels."""
WORST = (3.0, 97.0)
ENOUGH = 20


def word_contrast(subject: Subject) -> float | None:
    """WCAG ratio of the delivered letters to the ground around them, 1..21: the part that is hardest to read."""
    found = [_contrast(subject.final.rgb, word) for word in subject.take.words]
    return min(found) if found else None


def words_on_product(subject: Subject) -> float | None:
    """Share of all ink that lies on the product."""
    product = subject.placed.alpha > VISIBLE
    return _share(subject, lambda word: float(word.mask[_under(product, word)].sum()))


def words_unsafe(subject: Subject) -> float | None:
    """Share of all ink outside the destination's safe area."""
    x, y, width, height = safe_box(subject.shot.destination)
    allowed = np.zeros(subject.placed.alpha.shape, bool)
    allowed[y : y + height, x : x + width] = True
    return _share(subject, lambda word: float(word.mask[~_under(allowed, word)].sum()))


def smallest_words(subject: Subject) -> float | None:
    """Size of the smallest letters as a share of the short side."""
    sizes = [word.size_px for word in subject.take.words]
    return min(sizes) / min(subject.canvas) if sizes else None


def copy_cer(subject: Subject) -> float | None:
    """Letters wrong in headline and price as a reader saw them in the delivered picture, over all their letters; None where none
    was asked, or none of the letters are of a kind it knows."""
    asked = [(plain(word.text), plain(word.read)) for word in subject.take.words if word.read is not None]
    letters = sum(len(wanted) for wanted, _ in asked)
    return sum(min(distance(wanted, found), len(wanted)) for wanted, found in asked) / letters if letters else None


def poster(template: Template) -> bool:
    """Whether the look is a poster."""
    return template.recipe == "ad-poster"


def _share(subject: Subject, part: Callable[[PlacedText], float]) -> float | None:
    words = subject.take.words
    total = sum(float(word.mask.sum()) for word in words)
    return sum(part(word) for word in words) / total if total else None


def _under(plane: Bools, word: PlacedText) -> Bools:
    x, y, width, height = word.box
    return plane[y : y + height, x : x + width]


def _contrast(rgb: U8, word: PlacedText) -> float:
    clear, ring_px = (int(np.clip(round(share * word.size_px), low, high)) for share, low, high in (CLEAR, RING))
    margin = clear + ring_px
    x, y, width, height = word.box
    left, top = max(0, x - margin), max(0, y - margin)
    area = rgb[top : y + height + margin, left : x + width + margin]
    mask = np.zeros(area.shape[:2], np.float32)
    mask[y - top : y - top + height, x - left : x - left + width] = word.mask
    light = np.asarray(u8_to_linear(area) @ LUMINANCE, np.float32)
    ring = _wider(mask, margin) & ~_wider(mask, clear)
    core = mask > CORE
    own = float(np.median(light[core])) if core.sum() >= ENOUGH else luminance(word.colour)
    if not ring.any():
        return 21.0
    low, high = np.percentile(cv2.blur(light, (3, 3))[ring], WORST)
    return 1.0 if low < own < high else min(ratio(own, float(low)), ratio(own, float(high)))


def _wider(mask: F32, by: int) -> Bools:
    return np.asarray(cv2.dilate((mask > INKED).astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0)


CHECKS = (
    Check("word_contrast", "lettering", "ratio", "high", "contrast of the delivered words, at worst", word_contrast, poster),
    Check("words_on_product", "lettering", "share", "low", "ink that lies on the product", words_on_product, poster),
    Check("words_unsafe", "lettering", "share", "low", "ink where the channel lays its own signs", words_unsafe, poster),
    Check("smallest_words", "lettering", "share", "high", "smallest letters over the short side", smallest_words, poster),
    Check("copy_cer", "lettering", "share", "low", "letters of headline and price that are read back wrong", copy_cer, poster),
)
