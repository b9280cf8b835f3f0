"""Checks of the product page's studios: details, measures, features, strips, comparisons of size."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np

from studio.imaging.colour import delta_e_2000, srgb_to_lab
from studio.imaging.drawings.drawing import crossing
from studio.imaging.drawings.saliency import salience
from studio.imaging.drawings.view import view_of
from studio.marks import Box, Mark
from studio.qa.check import Check
from studio.qa.subject import SAMPLES, Subject, sample
from studio.template import Template

DRAWN = frozenset({"dimensions", "callouts", "variant-strip", "in-hand"})
SEEN = 3.0
"""CIEDE2000 from which a pixel of the product no longer looks as it was placed."""


def label_contrast(subject: Subject) -> float | None:
    """Least WCAG contrast of the words against the ground they stand on; None without words."""
    return min((mark.contrast for mark in _texts(subject)), default=None)


def label_size(subject: Subject) -> float | None:
    """Size of the smallest letters as a share of the canvas's shorter side; None without words."""
    return min((mark.size_px / min(subject.canvas) for mark in _texts(subject)), default=None)


def label_overlap(subject: Subject) -> float:
    """Pixels of words that lie on the product or on other words."""
    texts = [mark.box for mark in _texts(subject)]
    on_product = sum(float((subject.placed.alpha[y : y + h, x : x + w] > 0.5).sum()) for x, y, w, h in texts)
    return on_product + sum(_shared(a, b) for a, b in combinations(texts, 2))


def line_error(subject: Subject) -> float | None:
    """Largest distance in pixels from the end of a dimension line to the product's edge in that direction; None without lines."""
    x, y, w, h = subject.box
    edges = {"width": ((x, x + w), 0), "height": ((y, y + h), 1)}
    errors = [
        abs(sorted(point[edges[mark.axis][1]] for point in mark.ends)[k] - edges[mark.axis][0][k])
        for mark in _kind(subject, "measure")
        if mark.ends and mark.axis
        for k in (0, 1)
    ]
    return max(errors, default=None)


def proportion_error(subject: Subject) -> float:
    """Share by which width over height of the product's box differs from its data's, from wherever a product photo is taken; 0
    where the data says only one."""
    _, _, w, h = subject.box
    view = view_of((w, h), subject.shot.product.dimensions) if min(w, h) else None
    return view.error if view else 0.0


def leader_crossings(subject: Subject) -> float:
    """Pairs of lines to parts of the product that cross."""
    leaders = [mark.ends for mark in _kind(subject, "leader") if mark.ends]
    return float(sum(crossing(a, b) for a, b in combinations(leaders, 2)))


def leaders_off(subject: Subject) -> float:
    """Lines that do not end on the product."""
    alpha = subject.placed.alpha
    height, width = alpha.shape
    ends = [mark.ends[1] for mark in _kind(subject, "leader") if mark.ends]
    spots = [(min(max(int(y), 0), height - 1), min(max(int(x), 0), width - 1)) for x, y in ends]
    return float(sum(alpha[spot] < 0.5 for spot in spots))


def drawn_over(subject: Subject) -> float:
    """Share of the product that does not look as it was placed (CIEDE2000 of 3 and more): ink on it, or damage."""
    ys, xs = sample(subject.inner, SAMPLES)
    drift = delta_e_2000(srgb_to_lab(subject.final.rgb[ys, xs]), srgb_to_lab(subject.placed.rgb[ys, xs]))
    return float((drift >= SEEN).mean())


def scale_error(subject: Subject) -> float | None:
    """Largest difference, as a share, between pixels a millimetre of the figure and of the product as it was photographed."""
    _, _, w, h = subject.box
    view = view_of((w, h), subject.shot.product.dimensions) if min(w, h) else None
    figures = [(px, mm) for mark in _kind(subject, "figure") for px, mm in _sides(mark)]
    if view is None or not figures:
        return None
    return max(abs((px / mm) / view.px_per_mm - 1) for px, mm in figures)


def crop_cover(subject: Subject) -> float:
    """Share of a detail that is product."""
    return float((subject.placed.alpha > 0.5).mean())


def crop_detail(subject: Subject) -> float:
    """Mean salience, 0..1, of what a detail shows over that of the product as a whole: above 1 it was worth a look."""
    matte, placed = subject.matte, subject.placed
    found = salience(matte.foreground, matte.alpha)
    left, top = (round(-origin / placed.scale / found.times) for origin in placed.origin)
    width, height = (max(1, round(side / placed.scale / found.times)) for side in subject.canvas)
    shown = found.map[max(0, top) : top + height, max(0, left) : left + width]
    whole = float(found.map[found.cover > 0.5].mean()) if (found.cover > 0.5).any() else 0.0
    return float(shown.mean()) / whole if whole else 0.0


def strip_gap(subject: Subject) -> float:
    """Least free room between two neighbours of a strip, as a share of the canvas's width; 0 where items touch."""
    solid = subject.solid
    rows = np.flatnonzero(solid.any(axis=1))
    if not rows.size:
        return 0.0
    bands = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    gaps = []
    for band in bands:
        columns = np.flatnonzero(solid[band[0] : band[-1] + 1].any(axis=0))
        gaps += [int(b - a - 1) for a, b in pairwise(columns) if b - a > 1]
    missing = subject.take.measurements.get("strip_items", 1.0) - len(bands) - len(gaps)
    return 0.0 if missing > 0 or not gaps else min(gaps) / subject.canvas[0]


def _texts(subject: Subject) -> list[Mark]:
    return _kind(subject, "text")


def _kind(subject: Subject, kind: str) -> list[Mark]:
    return [mark for mark in subject.take.drawn if mark.kind == kind]


def _sides(mark: Mark) -> tuple[tuple[int, float], tuple[int, float]]:
    return (mark.box[2], mark.width_mm), (mark.box[3], mark.height_mm)


def _shared(a: Box, b: Box) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return float(max(0, width) * max(0, height))


def drawn(template: Template) -> bool:
    """Looks with words beside the product."""
    return template.recipe in DRAWN


def measured(template: Template) -> bool:
    """Drawings with measures."""
    return template.recipe == "dimensions"


def sized(template: Template) -> bool:
    """Looks that show a size."""
    return template.recipe in {"dimensions", "in-hand"}


def called(template: Template) -> bool:
    """Features with lines."""
    return template.recipe == "callouts"


def compared(template: Template) -> bool:
    """Comparisons of size."""
    return template.recipe == "in-hand"


def cropped(template: Template) -> bool:
    """Details."""
    return template.recipe == "detail-crop"


def lined_up(template: Template) -> bool:
    """Strips of variants."""
    return template.recipe == "variant-strip"


CHECKS: tuple[Check, ...] = (
    Check("proportion_error", "geometry", "share", "low", "proportions against the product's data", proportion_error, sized),
    Check("line_error", "geometry", "px", "low", "end of a dimension line to the product's edge", line_error, measured),
    Check("scale_error", "geometry", "share", "low", "scale of the figure against the product's", scale_error, compared),
    Check("leaders_off", "geometry", "lines", "low", "lines that do not end on the product", leaders_off, called),
    Check("leader_crossings", "geometry", "pairs", "low", "lines that cross", leader_crossings, called),
    Check("drawn_over", "colour", "share", "low", "product that does not look as it was placed", drawn_over, drawn),
    Check("label_contrast", "text", ":1", "high", "least contrast of the words (WCAG)", label_contrast, drawn),
    Check("label_size", "text", "share", "high", "smallest letters over the shorter side", label_size, drawn),
    Check("label_overlap", "geometry", "px2", "low", "words on the product or on each other", label_overlap, drawn),
    Check("crop_cover", "geometry", "share", "high", "part of a detail that is product", crop_cover, cropped),
    Check("crop_detail", "detail", "x", "high", "salience of a detail over the whole product's", crop_detail, cropped),
    Check("strip_gap", "geometry", "share", "high", "least room between neighbours of a strip", strip_gap, lined_up),
)
