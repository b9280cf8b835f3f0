"""Checks of the studio `mockup`: whether the print is large enough, seen, whole, and in its place in the delivered picture."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from studio.imaging.colour import u8_to_linear
from studio.qa.check import Check
from studio.qa.subject import Subject
from studio.take import F32
from studio.template import Template

DARKEST = 0.02
"""Linear light added before logarithms are taken: differences in near black count little."""
FULL = 0.9
"""Cover from which a pixel of the plan is ink alone."""
SMOOTH = 6.0
"""Pixels of the plan up to which a difference counts as the design's; what is smoother may be the blank's shading."""
FLAT = 0.02
"""Spread of the design below which nothing could be recognised."""
LEAST = 400
CANVAS = 2048
"""Inked pixels of the plan that a comparison needs."""


def mockup(template: Template) -> bool:
    """Whether the look prints on a blank."""
    return template.recipe == "mockup"


def noted(name: str) -> Callable[[Subject], float | None]:
    """A check that reads what the step `print` measured."""

    def read(subject: Subject) -> float | None:
        return subject.take.measurements.get(name)

    return read


def print_likeness(subject: Subject) -> float | None:
    """Correlation -1..1 of the delivered print with the design that should be there, brightness differences of the blank taken
    out of both; None for a design without any detail."""
    pair = _compared(subject)
    if pair is None:
        return None
    wanted, found, ink = pair
    a, b = wanted[ink], found[ink]
    spread = float(np.sqrt((a * a).mean() * (b * b).mean()))
    return float((a * b).mean() / spread) if spread > 0 else 0.0


def print_shift(subject: Subject) -> float | None:
    """How far the print lies from where it should, in pixels of the canvas, at most 2048, by phase correlation; None as above."""
    pair = _compared(subject)
    if pair is None:
        return None
    wanted, found, ink = pair
    planes = [np.ascontiguousarray(np.where(ink, plane.sum(axis=2), 0)).astype(np.float32) for plane in (wanted, found)]
    (dx, dy), _ = cv2.phaseCorrelate(*planes)
    return float(np.hypot(dx, dy)) * _step(subject) * subject.placed.scale * min(1.0, CANVAS / max(subject.canvas))


def _compared(subject: Subject) -> tuple[F32, F32, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]] | None:
    """The design and the delivered picture at the plan's geometry, logarithmic, without what is smooth; and where ink is."""
    plan = subject.take.printed
    if plan is None:
        return None
    size, step = (plan.shape[1], plan.shape[0]), _step(subject)
    small = cv2.resize(subject.final.rgb, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
    scale, (left, top) = subject.placed.scale, subject.placed.origin
    shift = [offset / step + 0.5 * scale - 0.5 for offset in (left, top)]
    move = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    seen = cv2.warpAffine(small, move, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones(small.shape[:2], np.uint8), move, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    ink = (plan[..., 3] > FULL * 255) & (inside > 0)
    if int(ink.sum()) < LEAST:
        return None
    weight = ink.astype(np.float32)
    wanted, found = (_detail(np.asarray(picture, np.uint8), weight) for picture in (plan[..., :3], seen))
    return (wanted, found, ink) if float(wanted[ink].std()) > FLAT else None


def _detail(levels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], weight: F32) -> F32:
    plane = np.log(u8_to_linear(levels) + DARKEST)
    total = np.maximum(cv2.GaussianBlur(weight, (0, 0), SMOOTH), 1e-3)[..., None]
    smooth = cv2.GaussianBlur(plane * weight[..., None], (0, 0), SMOOTH) / total
    return np.asarray((plane - smooth) * weight[..., None], np.float32)


def _step(subject: Subject) -> float:
    plan = subject.take.printed
    return subject.matte.alpha.shape[1] / plan.shape[1] if plan is not None else 1.0


CHECKS: tuple[Check, ...] = (
    Check("print_dpi", "print", "dpi", "high", "artwork pixels per inch of print", noted("print_dpi"), mockup),
    Check("print_coverage", "print", "share", "range", "part of the print area that is inked", noted("print_coverage"), mockup),
    Check("print_cropped", "print", "share", "low", "part of the artwork cut beyond the bleed", noted("print_cropped"), mockup),
    Check(
        "print_visible",
        "print",
        "share",
        "high",
        "part of the ink that can be told from the blank",
        noted("print_visible"),
        mockup,
    ),
    Check("blank_scale", "print", "times", "low", "enlargement of the blank's photo", noted("blank_scale"), mockup),
    Check("print_likeness", "print", "r", "high", "delivered print against the design", print_likeness, mockup),
    Check("print_shift", "print", "px", "low", "distance of the delivered print from its place", print_shift, mockup),
)
