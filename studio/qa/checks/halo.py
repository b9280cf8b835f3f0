"""Whether the old ground's colour shines around the product."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.imaging.colour import linear_to_u8, srgb_to_lab, u8_to_linear
from studio.qa.check import Check
from studio.qa.subject import Index, Subject, sample
from studio.qa.thumb import spread
from studio.take import U8

PIXELS = 8_000
"""Edge pixels looked at."""
APART = 5.0
"""Distance in Lab between product and old ground below which a halo could not be seen."""
REACH = 3
"""Radius in coarse pixels within which the product's own colour is looked up."""


def halo(subject: Subject) -> float | None:
    """Mean distance in Lab by which soft edge pixels lean from product over new ground towards the old ground's colour.

    0 for a photo with its own alpha channel, whose old ground nobody knows; None without a soft edge.
    """
    if subject.matte.source == "alpha":
        return 0.0
    edge = cv2.inRange(subject.placed.alpha, 0.05, 0.95)
    if not cv2.countNonZero(edge) or not min(*subject.box[2:], *subject.source_box[2:]):
        return None
    ys, xs = sample(np.asarray(edge, np.uint8), PIXELS)
    own, known = _own_colour(subject, ys, xs)
    old = srgb_to_lab(_old_ground(subject, ys, xs))
    seen = srgb_to_lab(subject.final.rgb[ys, xs])
    expected = srgb_to_lab(_over_ground(subject, own, ys, xs))
    away = old - srgb_to_lab(own)
    apart = np.linalg.norm(away, axis=1)
    lean = np.einsum("ij,ij->i", seen - expected, away) / np.maximum(apart, 1e-6)
    counted = np.clip(lean, 0.0, apart)[known & (apart > APART)]
    return float(counted.sum() / max(1, int(known.sum())))


def _own_colour(subject: Subject, ys: Index, xs: Index) -> tuple[U8, NDArray[np.bool_]]:
    """Colour of the opaque product nearest to each edge pixel, uint8 (n, 3), and whether there is any."""
    coarse = subject.coarse
    mean, weight = spread(coarse.rgb.astype(np.float32), (coarse.alpha > 0.98).astype(np.float32), REACH)
    height, width = coarse.alpha.shape
    at = np.minimum(ys // coarse.factor, height - 1), np.minimum(xs // coarse.factor, width - 1)
    return np.asarray(np.rint(mean[at]), np.uint8), weight[at] > 0.01


def _old_ground(subject: Subject, ys: Index, xs: Index) -> U8:
    """Colour of the photo's ground nearest to where each edge pixel came from, uint8 (n, 3)."""
    thumb, (x, y, w, h), (sx, sy, sw, sh) = subject.thumb, subject.box, subject.source_box
    outside = (thumb.alpha < 0.02).astype(np.float32)
    mean, _ = spread(thumb.rgb.astype(np.float32), outside, max(thumb.alpha.shape) // 40)
    rows = ((ys - y) * (sh / h) + sy) / thumb.factor
    columns = ((xs - x) * (sw / w) + sx) / thumb.factor
    rows = np.clip(rows, 0, thumb.alpha.shape[0] - 1).astype(np.intp)
    columns = np.clip(columns, 0, thumb.alpha.shape[1] - 1).astype(np.intp)
    return np.asarray(np.rint(mean[rows, columns]), np.uint8)


def _over_ground(subject: Subject, own: U8, ys: Index, xs: Index) -> U8:
    """Product over the new, shaded ground in linear light, uint8 (n, 3)."""
    if subject.take.ground is None:
        return own
    alpha = subject.placed.alpha[ys, xs][:, None]
    ground = u8_to_linear(subject.take.ground[ys, xs])
    if subject.take.shade is not None:
        ground = ground * (1.0 - subject.take.shade[ys, xs][:, None])
    return linear_to_u8(alpha * u8_to_linear(own) + (1.0 - alpha) * ground)


CHECKS = (Check("halo", "cut-out", "dE76", "low", "how far edges lean towards the old ground's colour", halo),)
