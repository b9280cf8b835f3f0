"""The set as it was delivered: even where it is to be even, without a frame, lit from where the look says."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from studio.imaging.colour import delta_e_2000, srgb_to_lab
from studio.imaging.light import shadow_run
from studio.qa.check import Check
from studio.qa.checks import angles, glass
from studio.qa.glimpse import blocks, delivered
from studio.qa.subject import COARSE, Subject
from studio.qa.thumb import block_mean
from studio.take import F32, U8
from studio.template import Template

LOOK_PX = 700
"""Long side, at most, at which an outline is looked at."""
SHOWS = 0.02
"""Alpha from which a pixel belongs to the product's strip of an edge."""
LOST = 2.0
"""CIEDE2000 across the outline below which product and ground run into each other."""
REACH_PX = 3.0
FRAME = 0.08
"""Part of the short side, from each edge, in which a frame is looked for."""
STEP = 5
"""Levels between neighbours that make a line."""
DARK, SEEN = 0.03, 0.0008
"""Part of the light a shadow must take to count, and the share of the picture it must fill to have a direction."""
LOW = 0.03
"""Part of the product's height, from its base, in which the contact shadow lies; it has no direction."""


def ground_drift(subject: Subject) -> float | None:
    """Largest distance in Lab between the delivered ground and the set as it was built, over blocks of 8 px away from product and
    shadow: an overlay, a leftover, a colour cast. 0 where no ground is seen, None without a set.
    """
    where = _clear(subject)
    if subject.take.ground is None:
        return None
    if not where.any():
        return 0.0
    now, then = (srgb_to_lab(small[where]) for small in (delivered(subject), blocks(subject.take.ground)))
    return float(np.linalg.norm(now - then, axis=-1).max())


def frame(subject: Subject) -> float:
    """Part of the longest straight line that runs along an edge of the canvas, close to it: 1 is a frame, a border or a strip.
    Where the product reaches into the strip nothing counts as line.
    """
    rgb, alpha = subject.final.rgb, subject.placed.alpha
    room = max(4, round(FRAME * min(alpha.shape)))
    sides = ((np.s_[:room], False), (np.s_[-room:], False), (np.s_[:, :room], True), (np.s_[:, -room:], True))
    return max(_line(_strip(rgb[side], turned), _strip(alpha[side], turned)) for side, turned in sides)


def white_on_white(subject: Subject) -> float | None:
    """Share of the product's outline across which the delivered picture hardly changes colour (CIEDE2000 below 2): there the
    product is lost on its ground. 0 without an outline inside the canvas, None without a set.
    """
    if subject.take.ground is None:
        return None
    times = -(-max(subject.canvas) // LOOK_PX)
    rgb = np.asarray(cv2.blur(block_mean(subject.final.rgb, times), (3, 3)), np.uint8)
    soft = cv2.GaussianBlur(block_mean(subject.placed.alpha, times), (0, 0), 1.5)
    ys, xs = np.nonzero((soft > 0.4) & (soft < 0.6))
    if not ys.size:
        return 0.0
    every = max(1, ys.size // 1500)
    ys, xs = ys[::every], xs[::every]
    dx, dy = cv2.Sobel(soft, cv2.CV_32F, 1, 0)[ys, xs], cv2.Sobel(soft, cv2.CV_32F, 0, 1)[ys, xs]
    offset = np.stack((dy, dx)) / np.maximum(np.hypot(dx, dy), 1e-6) * REACH_PX
    within, beyond = (_at(rgb, np.stack((ys, xs)) + way * offset) for way in (1, -1))
    return float((delta_e_2000(srgb_to_lab(within), srgb_to_lab(beyond)) < LOST).mean())


def shadow_angle(subject: Subject) -> float | None:
    """Degrees between the direction in which the delivered picture's cast shadow falls on the ground and the one that the look's
    light asks for, 0..180, seen from the camera. 0 where too little of a cast shadow is seen to have a direction; None without
    a set.
    """
    if subject.take.ground is None:
        return None
    dark, (x, y, w, h) = _darkness(subject), subject.box
    if not min(w, h):
        return 0.0
    dark = np.where(dark > DARK, dark, 0)
    left, right, base = x / COARSE, (x + w) / COARSE, (y + h) / COARSE
    rows, columns = np.indices(dark.shape, np.float32)
    beside = (columns < left) | (columns > right) | (rows < base - LOW * h / COARSE)
    weight = dark * beside
    if np.count_nonzero(weight) < SEEN * weight.size:
        return 0.0
    across = float((weight * (columns - (left + right) / 2)).sum() / weight.sum())
    wanted, _ = shadow_run(subject.shot.template.light)
    return _swing(across / max((right - left) / 2, 1e-6), wanted)


def _swing(across: float, wanted: float) -> float:
    """Angle between a shadow whose centre lies `across` half widths beside the base and one that runs `wanted` sideways."""
    return abs(math.degrees(math.atan2(across, 1.0) - math.atan2(wanted, 1.0)))


def _darkness(subject: Subject) -> F32:
    """Share of the ground's light that is missing in the delivered picture, by blocks of 8 px off the product; 0 elsewhere."""
    ground = subject.take.ground
    assert ground is not None
    now, then = (small.astype(np.float32).mean(axis=2) for small in (delivered(subject), blocks(ground)))
    dark = np.clip(1 - now / np.maximum(then, 1), 0, 1)
    product = cv2.dilate(block_mean(subject.placed.alpha, COARSE), np.ones((3, 3), np.uint8)) > 0.02
    return np.asarray(np.where(product, 0, dark), np.float32)


def _clear(subject: Subject) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.asarray(block_mean(subject.background, COARSE) == 255, np.bool_)


def _strip(plane: Any, turned: bool) -> Any:
    """A strip along an edge, lying."""
    return np.ascontiguousarray(plane.swapaxes(0, 1) if turned else plane)


def _line(rgb: U8, alpha: F32) -> float:
    """Largest share of a strip's width along which two neighbouring rows differ, in the same direction."""
    taken = alpha > SHOWS
    if taken.any(axis=0).mean() > 0.5:
        return 0.0
    strip = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.int16)
    change, free = strip[2:] - strip[:-2], ~taken[2:]
    return float(max(((change > STEP) & free).mean(axis=1).max(), ((change < -STEP) & free).mean(axis=1).max()))


def _at(rgb: U8, places: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> U8:
    rows = np.clip(np.rint(places[0]), 0, rgb.shape[0] - 1).astype(np.intp)
    columns = np.clip(np.rint(places[1]), 0, rgb.shape[1] - 1).astype(np.intp)
    return np.asarray(rgb[rows, columns], np.uint8)


def casts(template: Template) -> bool:
    """Whether the look asks for a cast shadow."""
    return template.shadow.cast > 0


CHECKS = (
    Check("ground_drift", "ground", "dE76", "low", "the ground's worst block against the set as built", ground_drift),
    Check("frame", "ground", "share", "low", "line along an edge of the canvas", frame),
    Check("white_on_white", "ground", "share", "low", "outline that is lost on the ground", white_on_white),
    Check("shadow_angle", "shadow", "degrees", "low", "shadow's direction against the light", shadow_angle, casts),
    *angles.CHECKS,
    *glass.CHECKS,
)
