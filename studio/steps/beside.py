"""A product beside something of known size, at one scale."""

from __future__ import annotations

from typing import Any

from studio.briefs.in_hand import InHandBrief
from studio.errors import MissingInput, StepError
from studio.imaging.drawings.familiar import Figure, figure, nearest
from studio.imaging.drawings.view import view_of
from studio.imaging.geometry import Box, extent_of, without_haze
from studio.lengths import area, lengths
from studio.marks import Mark
from studio.product import Product
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.steps.pen import Pen
from studio.take import Take
from studio.template import Margins

WORDS = 3.0
"""Height of the row of words below the two, in letter sizes."""


class Beside(PixelStep):
    """Narrows the look for the steps after it: product and figure side by side on one baseline, as large as the margins allow.

    One millimetre is equally many pixels on both. Raises MissingInput where neither width nor height is known.
    """

    name = "beside"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The brief, the product's dimensions, margins and canvas."""
        return {
            "brief": _brief(shot).model_dump(mode="json"),
            "dimensions": shot.product.dimensions.model_dump(mode="json"),
            "margins": shot.template.composition.margins.model_dump(mode="json"),
            "canvas": [shot.destination.width, shot.destination.height],
        }

    def apply(self, take: Take) -> None:
        """Work out the product's place; `Place` puts it there."""
        width, height = take.shot.destination.width, take.shot.destination.height
        box, scale, (left, base) = _plan(take)
        w, h = box[2] * scale, box[3] * scale
        fill = scale / min(width / box[2], height / box[3])
        rules = take.shot.template.composition.model_copy(
            update={
                "fill": fill,
                "margins": Margins(top=0, right=0, bottom=0, left=0),
                "baseline": None,
                "focal_point": ((left + w / 2) / width, (base - h / 2) / height),
                "snap_cropped_sides": False,
            }
        )
        take.shot = take.shot.model_copy(update={"template": take.shot.template.model_copy(update={"composition": rules})})


class Compare(PixelStep):
    """Draws the figure and the names on `take.image`."""

    name = "compare"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The brief, the product's dimensions, and the margins that the layout began with."""
        size = shot.product.dimensions.model_dump(mode="json")
        return {"brief": _brief(shot).model_dump(mode="json"), "dimensions": size}

    def apply(self, take: Take) -> None:
        """The figure at the product's own scale, as it was placed."""
        brief, product = _brief(take.shot), take.shot.product
        pen, placed = Pen(take, brief.graphics, brief.lettering), take.need_placed()
        thing = chosen(product, brief)
        x, y, w, h = placed.box
        scale = _px_per_mm(product, (w, h))
        gap = brief.gap * pen.short
        left = x + w + gap if brief.side == "right" else x - gap - thing.width_mm * scale
        top = y + h - thing.height_mm * scale
        _figure(pen, thing, (left, top), scale, brief)
        if brief.label:
            own = area([mm for mm in _size(product) if mm], brief.units[0], brief.decimal)
            named = f"{brief.words.get(thing.name, thing.title)}\n{lengths(thing.shown_mm, brief.units, brief.decimal)}"
            _name(pen, own, (x, w), y + h, (x - gap / 2, x + w + gap / 2))
            _name(pen, named, (left, thing.width_mm * scale), y + h, (left - gap / 2, left + thing.width_mm * scale + gap / 2))
        pen.done()


def chosen(product: Product, brief: InHandBrief) -> Figure:
    """The figure that the brief names, or the one nearest in size. Raises MissingInput."""
    longest = max((mm for mm in _size(product) if mm), default=None)
    if longest is None:
        raise MissingInput(f"{product.sku}: a comparison of sizes takes width_mm or height_mm: supply the product's dimensions")
    return figure(nearest(longest) if brief.figure == "auto" else brief.figure)


def _size(product: Product) -> tuple[float | None, float | None]:
    return product.dimensions.width_mm, product.dimensions.height_mm


def _px_per_mm(product: Product, box: tuple[float, float]) -> float:
    """Pixels a millimetre, by the view that explains the box. Raises MissingInput."""
    view = view_of(box, product.dimensions)
    if view is None:
        raise MissingInput(f"{product.sku}: a comparison of sizes takes width_mm or height_mm: supply the product's dimensions")
    return view.px_per_mm


def _plan(take: Take) -> tuple[Box, float, tuple[float, float]]:
    """The product's solid box in the photo, canvas pixels a photo pixel, and its left edge and baseline on the canvas."""
    brief, place, matte = _brief(take.shot), take.shot.destination, take.need_matte()
    margins = take.shot.template.composition.margins
    box = extent_of(without_haze(matte.alpha), matte.cropped).solid
    thing, each = chosen(take.shot.product, brief), _px_per_mm(take.shot.product, (float(box[2]), float(box[3])))
    short = min(place.width, place.height)
    gap, words = brief.gap * short, WORDS * brief.graphics.text * short if brief.label else 0.0
    wide, high = thing.width_mm * each, thing.height_mm * each
    room = place.width * (1 - margins.left - margins.right), place.height * (1 - margins.top - margins.bottom) - words
    scale = min((room[0] - gap) / (box[2] + wide), room[1] / max(box[3], high))
    total = (box[2] + wide) * scale + gap
    left = margins.left * place.width + (room[0] - total) / 2
    if brief.side == "left":
        left += wide * scale + gap
    base = margins.top * place.height + (room[1] + max(box[3], high) * scale) / 2
    return box, scale, (left, base)


def _figure(pen: Pen, thing: Figure, at: tuple[float, float], scale: float, brief: InHandBrief) -> None:
    outline = thing.outline * scale + at
    size = (thing.width_mm * scale, thing.height_mm * scale)
    pen.fill([outline], brief.colour)
    for line in thing.inner:
        pen.line([(float(a), float(b)) for a, b in line * scale + at], brief.outline)
    box = round(at[0]), round(at[1]), round(size[0]), round(size[1])
    pen.note(Mark("figure", box, text=thing.title, width_mm=thing.width_mm, height_mm=thing.height_mm))


def _name(pen: Pen, text: str, across: tuple[float, float], base: float, room: tuple[float, float]) -> None:
    """Words centred below something, no wider than their room or, where that is narrow, than a fifth of the canvas."""
    middle = across[0] + across[1] / 2
    width = max(room[1] - room[0], pen.width * 0.2)
    block = pen.set(text, (width, pen.height - base - pen.gap_px), lines=3, align="center", scale=0.9)
    left = min(max(pen.gap_px / 2, middle - block.mask.shape[1] / 2), pen.width - pen.gap_px / 2 - block.mask.shape[1])
    pen.write(block, text.replace("\n", " "), (left, base + pen.gap_px))


def _brief(shot: Shot) -> InHandBrief:
    brief = shot.template.brief
    if not isinstance(brief, InHandBrief):
        raise StepError("beside needs a brief of the kind in-hand")
    return brief
