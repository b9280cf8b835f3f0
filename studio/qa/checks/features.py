"""Where the product stands and how ground and shadow look: nothing of it is good or bad, a set of pictures has it in common."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.imaging.colour import srgb_to_lab
from studio.qa.check import Check
from studio.qa.checks.shadow import shadow_direction
from studio.qa.subject import COARSE, SAMPLES, Subject, sample
from studio.qa.thumb import block_mean
from studio.take import F32
from studio.template import Template

SEEN = 0.02
"""Shade from which a shadow is seen."""


def centroid(subject: Subject, axis: int) -> float | None:
    """Centre of the product's area on an axis (0: x, 1: y), as a fraction of the canvas side."""
    weights = subject.coarse.alpha.sum(axis=axis, dtype=np.float64)
    total = float(weights.sum())
    return float((weights * (np.arange(weights.size) + 0.5)).sum() / total / weights.size) if total else None


def baseline(subject: Subject) -> float:
    """Height of the product's lowest point, 0 top .. 1 bottom."""
    return (subject.box[1] + subject.box[3]) / subject.canvas[1]


def lightness_shift(subject: Subject) -> float | None:
    """Median L* of the delivered product minus that of the placed one, L*."""
    ys, xs = sample(subject.inner, SAMPLES)
    if not ys.size:
        return None
    now, then = (np.median(srgb_to_lab(rgb[ys, xs])[:, 0]) for rgb in (subject.final.rgb, subject.placed.rgb))
    return float(now - then)


def product_lightness(subject: Subject) -> float | None:
    """Median L* of the delivered product."""
    ys, xs = sample(subject.inner, SAMPLES)
    return float(np.median(srgb_to_lab(subject.final.rgb[ys, xs])[:, 0])) if ys.size else None


def ground(subject: Subject, channel: int) -> float | None:
    """Mean L*, a* or b* of the ground where neither product nor shadow shows; None without a ground."""
    colours = _ground(subject)
    return None if colours is None else float(colours[:, channel].mean())


def ground_spread(subject: Subject) -> float | None:
    """How uneven the ground is: root mean square distance in Lab from its mean colour."""
    colours = _ground(subject)
    return None if colours is None else float(np.sqrt(((colours - colours.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _ground(subject: Subject) -> NDArray[np.floating] | None:
    if subject.take.ground is None:
        return None
    ys, xs = sample(subject.background, SAMPLES)
    return srgb_to_lab(subject.final.rgb[ys, xs]) if ys.size else None


def shadow_density(subject: Subject) -> float | None:
    """Shade, 0..1, where the shadow is densest, which is at the product's foot; 0 without one, None without a ground."""
    shade = subject.take.shade
    if shade is None or subject.take.ground is None:
        return None
    return float(shade.max())


def shadow_softness(subject: Subject) -> float | None:
    """Width of the shadow's slopes as a fraction of the canvas height: all of its shade over all of its steps."""
    seen = _seen(subject)
    if seen is None or not (seen >= SEEN).any():
        return None
    steps = np.hypot(cv2.Sobel(seen, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(seen, cv2.CV_32F, 0, 1, scale=1 / 8))
    return float(seen.sum() / max(float(steps.sum()), 1e-6) / seen.shape[0])


def throws(template: Template) -> bool:
    """Whether the look has a shadow that falls somewhere."""
    return template.shadow.cast > 0


def _seen(subject: Subject) -> F32 | None:
    """The shade that the product does not hide, float32 (h, w) 0..1 at an eighth of the canvas; None without a ground."""
    shade = subject.take.shade
    if shade is None or subject.take.ground is None:
        return None
    return np.asarray(block_mean(shade, COARSE) * (1.0 - subject.coarse.alpha), np.float32)


CHECKS = (
    Check("centroid_x", "geometry", "fraction", "range", "centre of the product's area from the left", lambda s: centroid(s, 0)),
    Check("centroid_y", "geometry", "fraction", "range", "centre of the product's area from the top", lambda s: centroid(s, 1)),
    Check("baseline", "geometry", "fraction", "range", "height of the product's lowest point", baseline),
    Check("lightness_shift", "colour", "L*", "range", "product lighter or darker than it was placed", lightness_shift),
    Check("product_lightness", "colour", "L*", "range", "median lightness of the product", product_lightness),
    Check("ground_l", "ground", "L*", "range", "lightness of the ground", lambda s: ground(s, 0)),
    Check("ground_a", "ground", "a*", "range", "green or red of the ground", lambda s: ground(s, 1)),
    Check("ground_b", "ground", "b*", "range", "blue or yellow of the ground", lambda s: ground(s, 2)),
    Check("ground_spread", "ground", "dE76", "range", "how uneven the ground is", ground_spread),
    Check("shadow_density", "shadow", "0..1", "range", "how dark the shadow gets", shadow_density),
    Check("shadow_direction", "shadow", "degrees", "range", "where the shadow falls", shadow_direction, throws),
    Check("shadow_softness", "shadow", "fraction", "range", "width of the shadow's slopes", shadow_softness),
)
