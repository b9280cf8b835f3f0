"""Checks of the studio `group-shot`: every product of the picture by itself, and how they stand to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property

import cv2
import numpy as np

from studio.grounds import SurfaceGround
from studio.imaging.composite import over
from studio.imaging.groups.neighbours import visible
from studio.imaging.groups.sizing import seen, size_of
from studio.product import Product
from studio.qa.check import Check
from studio.qa.checks.cutout import strays
from studio.qa.checks.detail import sharpness_ratio
from studio.qa.checks.halo import halo
from studio.qa.checks.shadow import shadow_gap
from studio.qa.subject import Subject, above
from studio.standing import Standing
from studio.take import F32, U8, Photo, Placed
from studio.template import Template

NEAR = 3
"""Pixels around whatever stands in front that are not counted to a product."""
LEAST = 16
"""Canvas pixels below which a product is too small to be looked at; `group_smallest` says so."""
SHADED = 0.01
"""Shade of a neighbour from which a product's colours are not its own."""
TOUCHING = 1.5
"""Canvas pixels by which footprints may seem to overlap: placing is by whole pixels."""


class Part(Subject):
    """One product of a group as the checks look at it: its own photo, what it covers of the canvas, what is seen of it."""

    def __init__(self, whole: Subject, item: Standing, behind: U8 | None, free: F32) -> None:
        self.free = np.asarray(cv2.erode(above(free, 0.98), np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8)), np.uint8)
        alpha = np.where((self.free == 0) & (item.alpha > 0.05), np.float32(1), item.alpha)
        x, y, _, _ = item.window
        box = item.box[0] - x, item.box[1] - y, *item.box[2:]
        glance = whole.take.glances.get(item.image.digest, whole.take.glance)
        shade = None if whole.take.shade is None else whole.take.shade[item.rows]
        placed = Placed(item.colours, alpha, item.scale, box)
        take = replace(whole.take, matte=item.matte, placed=placed, ground=behind, shade=None, lit=item.lit, glance=glance)
        super().__init__(take)
        self.item, self.ground_shade = item, shade
        self._rgb = whole.final.rgb[item.rows]

    @cached_property
    def final(self) -> Photo:
        """The delivered picture in the product's window."""
        return Photo(self._rgb, None, "")

    @cached_property
    def inner(self) -> U8:
        """The product without its edge, where nobody stands before it and nobody shades it."""
        mask = cv2.bitwise_and(super().inner, self.free)
        if self.item.shade is not None:
            mask = cv2.bitwise_and(mask, cv2.bitwise_not(above(self.item.shade, SHADED)))
        return np.asarray(mask, np.uint8)


def parts(subject: Subject) -> list[Part]:
    """Every product of the group, from the back to the front; made once for a subject."""
    found = subject.__dict__.get("_parts")
    if found is None:
        found = subject.__dict__["_parts"] = list(_parts(subject))
    return list(found)


def _parts(subject: Subject) -> Iterator[Part]:
    take, group = subject.take, subject.take.layout
    picture = None
    if take.ground is not None:
        nothing = np.zeros(take.ground.shape[:2], np.float32)
        picture = over(take.ground, nothing, take.ground, take.shade, subject.shot.template.shadow.colour)
    for place, item in enumerate(group):
        behind = None if picture is None else picture[item.rows].copy()
        yield Part(subject, item, behind, visible(group, place))
        if picture is not None and behind is not None:
            picture[item.rows] = over(item.colours, item.alpha, behind)


def worst(measure: Callable[[Part], float | None], pick: Callable[[list[float]], float]) -> Callable[[Subject], float | None]:
    """A check of the whole: the worst of its products; None where it can be measured on none of them."""

    def check(subject: Subject) -> float | None:
        seen = [part for part in parts(subject) if min(part.item.alpha.shape) >= LEAST]
        values = [value for part in seen if (value := measure(part)) is not None]
        return pick(values) if values else None

    return check


def drift(part: Part) -> float | None:
    """Mean CIEDE2000 of what is seen of a product in its own light, delivered bytes against the placed product."""
    return float(part.drift.mean()) if part.drift.size else None


def shown(part: Part) -> float:
    """Share of a product's area before which nobody stands."""
    solid = above(part.item.alpha, 0.5)
    return cv2.countNonZero(cv2.bitwise_and(solid, part.free)) / max(1, cv2.countNonZero(solid))


def sharp(part: Part) -> float | None:
    """`sharpness_ratio`; None for a product of which next to nothing is seen in its own light."""
    enough = cv2.countNonZero(part.inner) >= 0.1 * max(1, cv2.countNonZero(part.solid))
    return sharpness_ratio(part) if enough else None


def gap(part: Part) -> float | None:
    """`shadow_gap` in the group's shade, as part of the canvas's height."""
    if part.ground_shade is None or part.matte.cropped[2]:
        return 0.0
    found = shadow_gap(_standing_in(part, part.ground_shade))
    height = part.shot.destination.height
    return None if found is None else found * part.placed.alpha.shape[0] / height


def _standing_in(part: Part, shade: F32) -> Subject:
    return Subject(replace(part.take, shade=shade))


def collisions(subject: Subject) -> float:
    """Pairs of products whose footprints overlap on the ground."""
    group = subject.take.layout
    pairs = ((a, b) for place, a in enumerate(group) for b in group[place + 1 :])
    return float(sum(_overlap(a, b) > TOUCHING for a, b in pairs))


def _overlap(one: Standing, other: Standing) -> float:
    """How deep two footprints reach into each other, canvas pixels on the ground; 0 or less where they do not."""
    across = min(one.box[0] + one.box[2], other.box[0] + other.box[2]) - max(one.box[0], other.box[0])
    away = min(one.front + one.depth, other.front + other.depth) - max(one.front, other.front)
    return min(across, away)


def scale_spread(subject: Subject) -> float:
    """Largest over smallest scale of the delivered products, each from its box on the canvas and its measures, minus 1."""
    products = {p.sku: p for p in (subject.shot.product, *subject.shot.companions)}
    scales = [_scale(item, products[item.sku]) for item in subject.take.layout]
    return max(scales) / min(scales) - 1 if scales else 0.0


def _scale(item: Standing, product: Product) -> float:
    return seen((item.box[2], item.box[3]), size_of(product)).scale


def smallest(subject: Subject) -> float:
    """Longer side of the smallest product over the canvas's shorter side."""
    return min((max(item.box[2:]) for item in subject.take.layout), default=0) / min(subject.canvas)


def beyond(subject: Subject) -> float:
    """Products that stand beyond the far edge of the table."""
    ground, place = subject.shot.template.background, subject.shot.destination.background
    if place != "any" or not isinstance(ground, SurfaceGround) or ground.material == "paper":
        return 0.0
    edge = ground.horizon * subject.canvas[1]
    return float(sum(item.box[1] + item.box[3] <= edge for item in subject.take.layout))


def cropped(subject: Subject) -> float:
    """Products that their photo's edge cuts: they would stand there with a straight cut."""
    return float(sum(any(item.matte.cropped) for item in subject.take.layout))


def unsure(subject: Subject) -> float:
    """The largest uncertainty of any cut-out."""
    return max((item.matte.uncertainty for item in subject.take.layout), default=1.0)


def shaded_share(subject: Subject) -> float:
    """Share of the products' area in a neighbour's shade."""
    group = subject.take.layout
    area = sum(cv2.countNonZero(above(item.alpha, 0.5)) for item in group)
    dark = sum(int(((item.shade > SHADED) & (item.alpha > 0.5)).sum()) for item in group if item.shade is not None)
    return dark / max(1, area)


def misfit(subject: Subject) -> float | None:
    """Factor by which a photo contradicts its product's measures, the worst; noted by the step that arranged them."""
    return subject.take.measurements.get("dimension_misfit")


def stranger(subject: Subject) -> float | None:
    """Factor by which a product's size differs from what is usual in its category in this picture, the worst; noted likewise."""
    return subject.take.measurements.get("dimension_stranger")


def grouped(template: Template) -> bool:
    """Whether the look shows a group."""
    return template.recipe == "group-shot"


CHECKS = (
    Check("group_uncertainty", "cut-out", "0..1", "low", "how unsure the worst cut-out is", unsure, grouped),
    Check("group_strays", "cut-out", "share", "low", "small separate parts of the worst product", worst(strays, max), grouped),
    Check("group_halo", "cut-out", "dE76", "low", "halo of the worst product", worst(halo, max), grouped),
    Check("group_cropped", "cut-out", "products", "low", "products cut by their photo's edge", cropped, grouped),
    Check("dimension_misfit", "scale", "x", "low", "how a photo contradicts its measures", misfit, grouped),
    Check("dimension_stranger", "scale", "x", "low", "how a size differs from its category's", stranger, grouped),
    Check("scale_spread", "scale", "share", "low", "products' scales against each other", scale_spread, grouped),
    Check("group_collisions", "geometry", "pairs", "low", "footprints that overlap", collisions, grouped),
    Check("group_beyond", "geometry", "products", "low", "products beyond the table's far edge", beyond, grouped),
    Check("group_visible", "geometry", "share", "high", "least visible part of any product", worst(shown, min), grouped),
    Check("group_smallest", "geometry", "share", "high", "smallest product against the canvas", smallest, grouped),
    Check("group_delta_e", "colour", "dE00", "low", "mean colour change of the worst product", worst(drift, max), grouped),
    Check("group_sharpness", "detail", "ratio", "high", "sharpness of the softest product", worst(sharp, min), grouped),
    Check("group_shadow_gap", "shadow", "fraction", "low", "room between a product and its shadow", worst(gap, max), grouped),
    Check("group_shaded", "shadow", "share", "range", "products' area in a neighbour's shade", shaded_share, grouped),
)
