"""Whether the product stands on its ground or floats above its shadow, and where that shadow falls."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from studio.imaging.colour import u8_to_linear
from studio.imaging.geometry import box_of
from studio.imaging.relight import LUMINANCE
from studio.imaging.shadow import shade_of
from studio.qa.check import Check
from studio.qa.subject import Subject
from studio.take import F32, U8

BASE = 0.015
"""Part of the product's height, from its lowest point, that counts as standing on the ground."""
SEEN = 0.02
"""Shade from which a shadow is seen."""
FAR = 0.05
"""Gaps are measured up to this fraction of the canvas height."""


LOOK_PX = 200
"""Long side on which the shadow's direction is looked for."""
SLACK, NOISE = 1.1, 0.004
"""Errors this much larger, and this large for each pixel (one level of 8 bits), are no reason to doubt the look's direction."""
FIRST, LAST = 30.0, 2.0
"""Steps in degrees between which directions are tried, coarse to fine."""


def shadow_gap(subject: Subject) -> float | None:
    """Median distance from the product's base down to the first shadow, as a fraction of the canvas height (at most 0.05).
    0 where the photo cuts the product's base; None without a shadow plane.
    """
    shade, (x, y, width, height) = subject.take.shade, subject.box
    if shade is None or not height:
        return None
    bottom, canvas_h = y + height, subject.canvas[1]
    if bottom >= canvas_h or subject.matte.cropped[2]:
        return 0.0
    band = subject.solid[bottom - max(1, round(height * BASE)) : bottom, x : x + width]
    columns = np.flatnonzero(band.any(axis=0))
    lowest = bottom - np.argmax(band[::-1, columns] > 0, axis=0)
    reach = np.arange(max(2, round(canvas_h * FAR)))
    rows = np.minimum(lowest[None, :] + reach[:, None], canvas_h - 1)
    seen = shade[rows, columns[None, :] + x] >= SEEN
    gaps = np.where(seen.any(axis=0), seen.argmax(axis=0), reach.size)
    return float(np.median(gaps)) / canvas_h


def shadow_direction(subject: Subject) -> float | None:
    """Where the shadow falls, seen from above, degrees: 0 straight back, 90 to the right, -90 to the left.

    The direction whose shadow, thrown by this very outline, explains best what the delivered picture lost of its ground's light
    where the product does not hide it (least squares, one factor for all of it). Where the product hides nearly all of its
    shadow, many directions explain the rest: then the look's own counts if it is one of them. None without a ground or a shadow.
    """
    ground, look = subject.take.ground, subject.shot.template
    if ground is None or subject.take.shade is None or not subject.take.shade.any():
        return None
    factor = max(1.0, max(subject.canvas) / LOOK_PX)
    size = round(subject.canvas[0] / factor), round(subject.canvas[1] / factor)
    alpha = np.asarray(cv2.resize(subject.placed.alpha, size, interpolation=cv2.INTER_AREA), np.float32)
    box = box_of(alpha > 0.5)
    free = cv2.dilate(alpha, np.ones((5, 5), np.uint8)) < 0.02
    lost = _lost(subject.final.rgb, ground, size)
    if box is None or not free.any() or float(lost[free].max()) < SEEN:
        return None

    def thrown(degrees: float) -> F32:
        light = look.light.model_copy(update={"azimuth_deg": (180 - degrees) % 360 - 180})
        return np.asarray(shade_of(alpha, box, look.shadow, light)[free], np.float32)

    return _best(np.asarray(lost[free], np.float32), thrown, -look.light.azimuth_deg)


def _lost(picture: U8, ground: U8, size: tuple[int, int]) -> F32:
    """Part of the ground's light that the picture lacks, float32 (h, w) 0..1."""
    now, then = (u8_to_linear(cv2.resize(side, size, interpolation=cv2.INTER_AREA)) @ LUMINANCE for side in (picture, ground))
    return np.asarray(np.clip(1 - (now + 1e-3) / (then + 1e-3), 0, 1), np.float32)


def _best(lost: F32, thrown: Callable[[float], F32], usual: float) -> float:
    """The direction in degrees, -180..180, that leaves least unexplained; `usual` where it leaves no more, but for noise."""
    errors: dict[float, float] = {}

    def error(degrees: float) -> float:
        if degrees not in errors:
            shade = thrown(degrees)
            share = max(0.0, float(lost @ shade) / max(float(shade @ shade), 1e-9))
            errors[degrees] = float(np.square(lost - np.float32(share) * shade).sum())
        return errors[degrees]

    found = min((-180 + FIRST * place for place in range(round(360 / FIRST))), key=error)
    step = FIRST / 2
    while step >= LAST / 2:
        found = min((found - step, found, found + step), key=error)
        step /= 2
    if error(usual) <= SLACK * error(found) + NOISE**2 * lost.size:
        return usual
    return float((found + 180) % 360 - 180)


CHECKS = (Check("shadow_gap", "shadow", "fraction", "low", "room between the product's base and its shadow", shadow_gap),)
