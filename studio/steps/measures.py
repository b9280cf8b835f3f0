"""Measures drawn around the product."""

from __future__ import annotations

from typing import Any

from studio.briefs.dimensions import DimensionsBrief, Side
from studio.errors import MissingInput, StepError
from studio.lengths import lengths
from studio.marks import Mark
from studio.product import Product
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.steps.pen import Pen
from studio.take import Take

TICK = 0.018
"""How far an extension line reaches over its dimension line, as a share of the shorter side."""
CLEAR = 0.35
"""Part of the gap that stays free between the product and its extension lines."""
BOX = 0.10
"""Size of the little box that shows which side the depth is, as a share of the shorter side."""
SLANT = (0.42, 0.30)
"""How far the depth runs right and up in it, per unit."""
NAMES: dict[Side, str] = {"width": "Width", "height": "Height", "depth": "Depth"}


class Measures(PixelStep):
    """Draws `take.image`: dimension lines between the product's real edges, with the numbers of the product's data.

    The depth, which a front view does not show, is named beside a little box. Raises MissingInput where a required measure is
    missing, TextOverflow where the composition leaves no room.
    """

    name = "measures"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The brief and the product's dimensions."""
        return {"brief": _brief(shot).model_dump(mode="json"), "dimensions": shot.product.dimensions.model_dump(mode="json")}

    def apply(self, take: Take) -> None:
        """Width below, height at the right, depth in the corner."""
        brief, known = _brief(take.shot), measures(take.shot.product, _brief(take.shot))
        pen = Pen(take, brief.graphics, brief.lettering)
        if "width" in known:
            _across(pen, take, _words(brief, "width", known["width"]))
        if "height" in known:
            _upright(pen, take, _words(brief, "height", known["height"]))
        if "depth" in known:
            _deep(pen, take, _words(brief, "depth", known["depth"]), known)
        pen.done()


def measures(product: Product, brief: DimensionsBrief) -> dict[Side, float]:
    """Millimetres by side, of those that are asked for. Raises MissingInput for a required one that is missing."""
    size = product.dimensions
    sides: dict[Side, float | None] = {"width": size.width_mm, "height": size.height_mm, "depth": size.depth_mm}
    missing = [side for side in brief.required if sides[side] is None]
    if missing:
        names = ", ".join(f"{side}_mm" for side in missing)
        raise MissingInput(f"{product.sku}: a drawing with measures takes {names}: supply the product's dimensions")
    found = {side: value for side in brief.sides if (value := sides[side]) is not None}
    if not found:
        raise MissingInput(f"{product.sku}: a drawing with measures takes one of {', '.join(brief.sides)}: supply its dimensions")
    return found


def _words(brief: DimensionsBrief, side: Side, mm: float) -> str:
    name = brief.words.get(side, NAMES[side] if side == "depth" else "")
    return f"{name} {lengths(mm, brief.units, brief.decimal)}".strip()


def _across(pen: Pen, take: Take, text: str) -> None:
    """The width: a line below the product."""
    x, y, w, h = take.need_placed().box
    row = y + h + pen.gap_px
    for column in (x, x + w):
        pen.line(((column, y + h + pen.gap_px * CLEAR), (column, row + TICK * pen.short / 2)), pen.style.accent, 0.7)
    _dimension(pen, (x, row), (x + w, row), "width")
    block = pen.set(text, (pen.width * 0.8, pen.height - row - pen.gap_px))
    left = min(max(pen.gap_px / 2, x + w / 2 - block.mask.shape[1] / 2), pen.width - pen.gap_px / 2 - block.mask.shape[1])
    pen.write(block, text, (left, row + pen.gap_px * 0.55))


def _upright(pen: Pen, take: Take, text: str) -> None:
    """The height: a line right of the product."""
    x, y, w, h = take.need_placed().box
    column = x + w + pen.gap_px
    for row in (y, y + h):
        pen.line(((x + w + pen.gap_px * CLEAR, row), (column + TICK * pen.short / 2, row)), pen.style.accent, 0.7)
    _dimension(pen, (column, y), (column, y + h), "height")
    block = pen.set(text, (pen.width - column - pen.gap_px * 0.9, pen.height * 0.3), lines=2)
    pen.write(block, text, (column + pen.gap_px * 0.55, y + h / 2 - block.mask.shape[0] / 2))


def _dimension(pen: Pen, start: tuple[float, float], end: tuple[float, float], axis: Side) -> None:
    """A line with a head at each end, the tips exactly at start and end."""
    pen.line((start, end))
    pen.arrow(start, end)
    pen.arrow(end, start)
    left, top = min(start[0], end[0]), min(start[1], end[1])
    box = round(left), round(top), round(abs(end[0] - start[0])), round(abs(end[1] - start[1]))
    pen.note(Mark("measure", box, ends=(start, end), axis="width" if axis == "width" else "height"))


def _deep(pen: Pen, take: Take, text: str, known: dict[Side, float]) -> None:
    """The depth: a little box in proportion, its depth drawn strong, and the number."""
    deep = known["depth"]
    w, h = known.get("width", deep), known.get("height", deep)
    span = max(w + SLANT[0] * deep, h + SLANT[1] * deep)
    scale = BOX * pen.short / span
    right, up = SLANT[0] * deep * scale, SLANT[1] * deep * scale
    left, bottom = pen.gap_px * 1.4, pen.gap_px * 1.4 + (h * scale + up)
    face = [(left, bottom), (left + w * scale, bottom), (left + w * scale, bottom - h * scale), (left, bottom - h * scale)]
    back = [(a + right, b - up) for a, b in face]
    for path in ((*face, face[0]), (face[3], back[3], back[2], face[2]), (back[2], back[1], face[1])):
        pen.line(path, pen.style.accent, 0.8)
    pen.line((face[1], back[1]), width=1.8)
    room = take.need_placed().box[0] - left - pen.gap_px * 0.5
    block = pen.set(text, (room, pen.height * 0.2), lines=3, scale=0.85)
    pen.write(block, text, (left, bottom + pen.gap_px * 0.45))


def _brief(shot: Shot) -> DimensionsBrief:
    brief = shot.template.brief
    if not isinstance(brief, DimensionsBrief):
        raise StepError("measures needs a brief of the kind dimensions")
    return brief
