"""Whether the mannequin is gone and the neck is filled."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from studio.imaging.colour import srgb_to_lab
from studio.qa.check import Check
from studio.qa.subject import Subject
from studio.qa.thumb import block_mean, spread
from studio.take import F32, U8
from studio.template import Template

BAND = 3
"""Width, in pixels of the small photo, of the garment's edge in which leavings of the mannequin are looked for."""
REACH = 9
"""Half side of the window in which the colours of mannequin and garment are learnt there."""
HALFWAY = 0.6
"""A pixel this far on the way from the garment's colour to the mannequin's is mannequin."""
TELLING = 8.0
"""Distance in L*a*b* from which the two colours can be told apart at all."""


def mannequin_left(subject: Subject) -> float | None:
    """Share of the garment in the delivered bytes that has the mannequin's colour: along the line on which the two met in the
    photo, compared with what is on either side of it there. None where the studio took nothing off."""
    ghost = subject.take.ghost
    if ghost is None or not ghost.mannequin.any():
        return None
    photo, factor = subject.thumb.rgb, subject.thumb.factor
    own = np.clip(subject.thumb.alpha - block_mean(ghost.lining, factor) / np.float32(255), 0, 1).astype(np.float32)
    other = np.asarray(block_mean(ghost.mannequin, factor), np.float32) / np.float32(255)
    solid = (own > 0.5).astype(np.uint8)
    kernel = np.ones((2 * BAND + 1, 2 * BAND + 1), np.uint8)
    band = (solid > 0) & (cv2.dilate((other > 0.5).astype(np.uint8), kernel) > 0)
    lab = srgb_to_lab(photo)
    inner = cv2.erode(solid, kernel).astype(np.float32)
    outer = cv2.erode((other > 0.5).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    (cloth, some), (skin, more) = spread(lab, inner, REACH), spread(lab, outer, REACH)
    way = skin - cloth
    length = (way**2).sum(axis=-1)
    known = band & (some > 0) & (more > 0) & (length > TELLING**2)
    if not known.any():
        return 0.0
    gap = srgb_to_lab(_as_photographed(subject, photo.shape)) - cloth
    place = (gap * way).sum(axis=-1) / np.maximum(length, 1e-6)
    off = np.sqrt(((gap - place[..., None] * way) ** 2).sum(axis=-1))
    left = known & (place > HALFWAY) & (off < TELLING)
    return float(left.sum() / max(1, int(solid.sum())))


def _as_photographed(subject: Subject, shape: tuple[int, ...]) -> U8:
    """The delivered picture back at the small photo's geometry."""
    (left, top), factor = subject.placed.origin, subject.thumb.factor
    step = subject.placed.scale * factor
    matrix = np.array([[step, 0, left + step / 2 - 0.5], [0, step, top + step / 2 - 0.5]], np.float64)
    sharp = subject.final.rgb if step <= 1 else cv2.blur(subject.final.rgb, (round(step), round(step)))
    return np.asarray(cv2.warpAffine(sharp, matrix, shape[1::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), np.uint8)


def lining_lightness(subject: Subject) -> float | None:
    """Median L* of the lining over the garment's around the neck, in the delivered bytes: an inside brighter than the outside
    looks pasted. None without a lining."""
    ghost = subject.take.ghost
    if ghost is None or not ghost.lining.any():
        return None
    factor = subject.thumb.factor
    lining = np.asarray(block_mean(ghost.lining, factor), np.float32) > 250
    x, y, w, h = cv2.boundingRect(lining.astype(np.uint8))
    if not w:
        return None
    around = np.zeros(lining.shape, bool)
    around[max(0, y - h // 4) : y + h + h, max(0, x - w // 2) : x + w + w // 2] = True
    around &= (subject.thumb.alpha > 0.99) & ~(np.asarray(block_mean(ghost.lining, factor), np.float32) > 0)
    light: F32 = srgb_to_lab(_as_photographed(subject, subject.thumb.rgb.shape))[..., 0]
    return float(np.median(light[lining]) - np.percentile(light[around], 75)) if around.any() else None


def undressed(template: Template) -> bool:
    """Whether a mannequin is taken off."""
    return template.recipe == "ghost-mannequin"


def recorded(name: str) -> Callable[[Subject], float | None]:
    """What a step measured under that name."""

    def found(subject: Subject) -> float | None:
        return subject.take.measurements.get(name)

    return found


CHECKS = (
    Check(
        "mannequin_share",
        "ghost",
        "share",
        "range",
        "mannequin taken off, over the garment",
        recorded("mannequin_share"),
        undressed,
    ),
    Check("mannequin_contrast", "ghost", "dE00", "high", "garment against mannequin", recorded("mannequin_contrast"), undressed),
    Check(
        "mannequin_likeness",
        "ghost",
        "share",
        "low",
        "garment in the mannequin's own colour: where the line runs is a guess",
        recorded("mannequin_likeness"),
        undressed,
    ),
    Check("mannequin_left", "ghost", "share", "low", "leavings of the mannequin along the garment", mannequin_left, undressed),
    Check("opening_filled", "ghost", "share", "high", "open neck that the lining covers", recorded("opening_filled"), undressed),
    Check("lining_lightness", "ghost", "L*", "low", "lining over the garment around the neck", lining_lightness, undressed),
    Check("volume_delta_e", "ghost", "dE00", "low", "what the inner shade changed", recorded("volume_delta_e"), undressed),
)
