"""Whether there is a product, and whether its outline can be trusted."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.colour import delta_e_2000, srgb_to_lab
from studio.qa.check import Check
from studio.qa.checks.contents import pieces
from studio.qa.subject import Subject, above
from studio.take import F32, U8

LEAST_AREA = 0.001
"""Smallest share of the canvas that counts as a product."""
REACH = 0.008
"""Distance from the outline, as a fraction of the photo's long side, at which inside and outside are compared."""
OWN_ALPHA = 100.0
"""Edge contrast of a photo that brought its own alpha channel: the outline is known."""
STRAY_PART = 0.3
"""A separate part below this share of the largest one is a stray; a cap beside its lipstick is larger."""
CUT_PART = 0.6
"""The same for a part that the photo's edge cuts: a bowl beside the product; a hair dryer beside its bag is larger."""
LINK = 0.15
"""Cover of an 8 px block from which it still links two parts: a pole of 1 to 2 px."""
HAZE_REACH = 0.03
"""Distance from the solid product, as a fraction of the short side, from which a thin matte is haze and not hair."""


def product_found(subject: Subject) -> float:
    """1 when the solid product covers at least a thousandth of the canvas."""
    return float(cv2.countNonZero(subject.solid) >= LEAST_AREA * subject.solid.size)


def uncertainty(subject: Subject) -> float:
    """How unsure the cut-out is of itself, 0 .. 1."""
    return subject.matte.uncertainty


def edge_contrast(subject: Subject) -> float | None:
    """Median CIEDE2000 between product and ground across the outline in the photo: low is white on white, where any
    outline is a guess.
    """
    if subject.matte.source == "alpha":
        return OWN_ALPHA
    view = subject.thumb
    soft = cv2.GaussianBlur(view.alpha, (0, 0), 2.0)
    outline = cv2.bitwise_and(above(soft, 0.4), cv2.bitwise_not(above(soft, 0.6)))
    ys, xs = np.nonzero(outline)
    if not ys.size:
        return None
    step = max(1, ys.size // 2000)
    ys, xs = ys[::step], xs[::step]
    dx, dy = cv2.Sobel(soft, cv2.CV_32F, 1, 0)[ys, xs], cv2.Sobel(soft, cv2.CV_32F, 0, 1)[ys, xs]
    length = np.maximum(np.hypot(dx, dy), 1e-6)
    offset = np.stack((dy / length, dx / length)) * max(3.0, REACH * max(soft.shape))
    places = np.stack((ys, xs)).astype(np.float32)
    rgb = np.asarray(cv2.blur(view.rgb, (3, 3)), np.uint8)
    inside, outside = srgb_to_lab(_at(rgb, places + offset)), srgb_to_lab(_at(rgb, places - offset))
    return float(np.median(delta_e_2000(inside, outside)))


def haze(subject: Subject) -> float:
    """Share of the canvas with a thin matte (alpha 0.02 .. 0.5) far away from the solid product: left-over ground.
    0 for a photo that brought its own alpha channel: what is soft there was meant, often a baked shadow.
    """
    if subject.matte.source == "alpha":
        return 0.0
    size = tuple(max(1, side // 4) for side in subject.canvas)
    alpha = cv2.resize(subject.placed.alpha, size, interpolation=cv2.INTER_AREA)
    radius = max(1, round(min(size) * HAZE_REACH))
    near = cv2.dilate(above(alpha, 0.5), np.ones((2 * radius + 1, 2 * radius + 1), np.uint8))
    return float(cv2.countNonZero(cv2.bitwise_and(above(alpha, 0.02), cv2.bitwise_not(near))) / alpha.size)


def strays(subject: Subject) -> float:
    """Share of the product's area in separate parts that came along from the old scene: far smaller than the largest part, or
    smaller and cut by the photo's edge. As many of the largest as the product's attribute `pieces` says are its own. 0 for a
    photo that brought its own alpha channel.
    """
    if subject.matte.source == "alpha":
        return 0.0
    areas = _linked(subject.coarse.alpha)
    if areas.size < 2:
        return 0.0
    further = areas[max(1, pieces(subject) or 1) :]
    small = float(further[further < STRAY_PART * areas[0]].sum() / areas.sum())
    return max(small, 0.0 if pieces(subject) else _cut_off(subject))


def _linked(alpha: F32) -> F32:
    """Areas of the solid in separate parts, the largest first; a thin pole or wire links parts."""
    count, labels = cv2.connectedComponents(above(alpha, LINK), connectivity=8)
    sizes = np.bincount(labels[alpha > 0.5], minlength=count)[1:]
    return np.asarray(np.sort(sizes[sizes > 0])[::-1], np.float32)


def _cut_off(subject: Subject) -> float:
    """Share of the cut-out's area, in the photo, in parts clearly smaller than the largest that the photo's edge cuts. A photo
    that is meant to fill its canvas has such parts of its own.
    """
    if subject.shot.template.composition.scaling == "fill":
        return 0.0
    solid = above(subject.thumb.alpha, 0.5)
    _, _, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    x, y, w, h, areas = stats[1:].astype(np.float64).T
    if areas.size < 2:
        return 0.0
    cut = (x <= 0) | (y <= 0) | (x + w >= solid.shape[1]) | (y + h >= solid.shape[0])
    return float(areas[cut & (areas < CUT_PART * areas.max())].sum() / areas.sum())


def _at(rgb: U8, places: F32) -> U8:
    rows = np.clip(np.rint(places[0]), 0, rgb.shape[0] - 1).astype(np.intp)
    columns = np.clip(np.rint(places[1]), 0, rgb.shape[1] - 1).astype(np.intp)
    return np.asarray(rgb[rows, columns], np.uint8)


CHECKS = (
    Check("product_found", "cut-out", "0/1", "high", "there is a product", product_found),
    Check("uncertainty", "cut-out", "0..1", "low", "how unsure the cut-out is", uncertainty),
    Check("edge_contrast", "cut-out", "dE00", "high", "product against ground across the outline in the photo", edge_contrast),
    Check("strays", "cut-out", "share", "low", "separate parts of the old scene: small, or cut by the photo's edge", strays),
    Check("haze", "cut-out", "share", "low", "left-over ground far from the product", haze),
)
