"""Where the product stands and how large it is."""

from __future__ import annotations

from functools import partial

import cv2

from studio.qa.check import Check
from studio.qa.subject import Subject, above, bounds
from studio.template import Composition


def fill(subject: Subject) -> float:
    """Larger side of the product's box over the canvas side: max(w / W, h / H)."""
    (_, _, w, h), (canvas_w, canvas_h) = subject.box, subject.canvas
    return max(w / canvas_w, h / canvas_h)


def fill_area(subject: Subject) -> float:
    """Share of the canvas that is product."""
    return cv2.countNonZero(subject.solid) / subject.solid.size


def centring(subject: Subject, axis: int) -> float:
    """Distance of the box's centre from where the template wants it, as a fraction of the canvas side."""
    composition, side = subject.shot.template.composition, subject.canvas[axis]
    start, length = _reference(subject, composition, axis)
    top, right, bottom, left = subject.matte.cropped
    cropped = (left, right) if axis == 0 else (top, bottom)
    wanted = intended_centre(composition, axis, length / side, cropped)
    return abs((start + length / 2) / side - wanted)


def _reference(subject: Subject, composition: Composition, axis: int) -> tuple[float, float]:
    """Start and length on an axis of what the composition places, in canvas pixels, also where it runs over the canvas."""
    if composition.reference_box == "product" and composition.scaling == "fit":
        return subject.box[axis], subject.box[axis + 2]
    height, width = subject.matte.alpha.shape
    box = (0, 0, width, height) if composition.reference_box == "photo" else bounds(above(subject.matte.alpha, 0.5))
    return subject.placed.origin[axis] + box[axis] * subject.placed.scale, box[axis + 2] * subject.placed.scale


def intended_centre(composition: Composition, axis: int, length: float, cropped: tuple[bool, bool]) -> float:
    """Where a box of this length belongs on an axis (0: x, 1: y), everything as fractions of the canvas side. Sides that
    the photo crops (near, far) are flush where the template snaps them.
    """
    margins = composition.margins
    near, far = (margins.left, 1 - margins.right) if axis == 0 else (margins.top, 1 - margins.bottom)
    if composition.snap_cropped_sides and any(cropped):
        return 0.5 if all(cropped) else (length / 2 if cropped[0] else 1 - length / 2)
    low, high = near + length / 2, far - length / 2
    align = composition.align_x if axis == 0 else composition.align_y
    if low > high:
        if composition.scaling == "fit":
            return (near + far) / 2
        align = "bottom" if axis == 1 and composition.baseline is not None else align
        return {"left": low, "top": low, "right": high, "bottom": high}.get(align, (near + far) / 2)
    wanted = {"left": low, "top": low, "right": high, "bottom": high}.get(align, (near + far) / 2)
    if composition.focal_point is not None:
        wanted = composition.focal_point[axis]
    elif axis == 1 and composition.baseline is not None:
        wanted = composition.baseline - length / 2
    return min(max(wanted, low), high)


def touching_edges(subject: Subject) -> float:
    """Number of canvas edges with product on them, not counting sides where the photo itself cuts the product; 0 where the
    template wants the canvas filled.
    """
    if subject.shot.template.composition.scaling == "fill":
        return 0.0
    solid = subject.solid
    edges = (solid[0], solid[:, -1], solid[-1], solid[:, 0])
    return float(sum(bool(edge.any()) and not cut for edge, cut in zip(edges, subject.matte.cropped, strict=True)))


def enlargement(subject: Subject) -> float:
    """Canvas pixels per photo pixel: above 1 the product is shown larger than it was photographed."""
    return subject.placed.scale


CHECKS = (
    Check("touching_edges", "geometry", "edges", "low", "canvas edges the product runs into", touching_edges),
    Check("fill", "geometry", "fraction", "range", "larger side of the product over the canvas", fill),
    Check("fill_area", "geometry", "fraction", "range", "share of the canvas that is product", fill_area),
    Check("centring_x", "geometry", "fraction", "low", "sideways distance from the intended place", partial(centring, axis=0)),
    Check("centring_y", "geometry", "fraction", "low", "vertical distance from the intended place", partial(centring, axis=1)),
    Check("enlargement", "geometry", "x", "low", "canvas pixels per photo pixel", enlargement),
)
