"""The ground after encoding: white must be white in the bytes that are delivered."""

from __future__ import annotations

import cv2
import numpy as np

from studio.qa.check import Check
from studio.qa.subject import VISIBLE_ALPHA, Subject, above
from studio.take import U8

MCU_PX = 16
"""Largest block of a JPEG: ringing of an edge cannot reach further."""
RING = 0.005
"""Border ring as a fraction of the short side."""


def white_purity_error(subject: Subject) -> float | None:
    """Share of ground pixels, outside product and shadow, that are not 255 in every channel."""
    if not wants_white(subject):
        return None
    ground = cv2.countNonZero(subject.background)
    return cv2.countNonZero(cv2.bitwise_and(subject.background, subject.off_white)) / ground if ground else 1.0


def white_far(subject: Subject) -> float | None:
    """Largest distance from 255 of any ground pixel that no JPEG block shares with product or shadow."""
    if not wants_white(subject):
        return None
    far = cv2.erode(subject.background, _square(MCU_PX), borderType=cv2.BORDER_REPLICATE)
    return _deviation(subject, np.asarray(far, np.uint8))


def white_border(subject: Subject) -> float | None:
    """Largest distance from 255 in the border ring, shadows included, product (and the blocks it shares) left out."""
    if not wants_white(subject):
        return None
    ring = _ring(subject)
    if not cv2.countNonZero(cv2.bitwise_and(ring, subject.off_white)):
        return 0.0
    near = cv2.dilate(above(subject.placed.alpha, VISIBLE_ALPHA), _square(MCU_PX))
    return _deviation(subject, np.asarray(cv2.bitwise_and(ring, cv2.bitwise_not(near)), np.uint8))


def clear_border(subject: Subject) -> float | None:
    """Share of the border ring, product left out, that is fully transparent; 0 without an alpha channel."""
    if subject.shot.destination.background != "transparent":
        return None
    alpha = subject.final.alpha
    if alpha is None:
        return 0.0
    free = cv2.bitwise_and(_ring(subject), cv2.bitwise_not(above(subject.placed.alpha, VISIBLE_ALPHA)))
    total = cv2.countNonZero(free)
    seen = cv2.countNonZero(cv2.bitwise_and(free, above(alpha, VISIBLE_ALPHA)))
    return 1.0 - seen / total if total else 1.0


def wants_white(subject: Subject) -> bool:
    """Whether white is what the destination demands or the template promises."""
    shot = subject.shot
    if shot.destination.background == "transparent":
        return False
    return shot.destination.background == "white" or shot.template.background.kind == "white"


def _deviation(subject: Subject, where: U8) -> float:
    wrong = cv2.bitwise_and(where, subject.off_white)
    if not cv2.countNonZero(wrong):
        return 0.0
    return 255.0 - float(subject.final.rgb[wrong > 0].min())


def _ring(subject: Subject) -> U8:
    width, height = subject.canvas
    inset = max(2, round(min(width, height) * RING))
    ring = np.full((height, width), 255, np.uint8)
    ring[inset : height - inset, inset : width - inset] = 0
    return ring


def _square(radius: int) -> U8:
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)


CHECKS = (
    Check("white_purity_error", "ground", "share", "low", "ground pixels that are not 255, 255, 255", white_purity_error),
    Check("white_far", "ground", "levels", "low", "worst ground pixel away from product and shadow", white_far),
    Check("white_border", "ground", "levels", "low", "worst pixel of the border ring", white_border),
    Check("clear_border", "ground", "share", "high", "transparent part of the border ring", clear_border),
)
