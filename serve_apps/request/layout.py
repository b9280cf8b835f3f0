"""Layout edits: lengths in fractions, percent and pixels become margins of a composition, sizes become destinations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serve_apps.request.edits import LayoutEdit, Length, Sides
from serve_apps.request.refused import BadEdit
from studio.destination import Destination
from studio.template import Composition

SIDES = ("top", "right", "bottom", "left")
MOST = 0.95
"""Of a canvas side that margins and padding may take together."""


def sized(destinations: tuple[Destination, ...], edit: LayoutEdit | None) -> tuple[Destination, ...]:
    """Destinations with another canvas. Their own limits on size still hold."""
    if edit is None or edit.output_size is None:
        return destinations
    size = {"width": edit.output_size.width, "height": edit.output_size.height}
    return tuple(place.model_copy(update=size) for place in destinations)


def composed(rules: Composition, destinations: Sequence[Destination], edit: LayoutEdit) -> dict[str, Any]:
    """Changed fields of the composition. Raises BadEdit for pixels where destinations differ in size, or for no room left."""
    names = {"reference_box", "scaling", "align_x", "align_y", "snap_cropped_sides", "baseline"}
    fields = edit.model_dump(exclude_none=True, include=names)
    if edit.align_x is not None or edit.align_y is not None or edit.baseline is not None:
        fields["focal_point"] = None
    if edit.align_y is not None:
        fields["baseline"] = None
    if edit.target_fill is not None:
        if fields.get("scaling", rules.scaling) == "fill":
            raise BadEdit("layout.target_fill", "scaling 'fill' covers the room inside the margins")
        fields["fill"] = edit.target_fill
    if edit.margin is not None or edit.padding is not None:
        fields["margins"] = _margins(rules, destinations, edit)
        if edit.padding is not None and edit.target_fill is None:
            fields["fill"] = 1.0
    return fields


def _margins(rules: Composition, destinations: Sequence[Destination], edit: LayoutEdit) -> dict[str, float]:
    margins: dict[str, float] = rules.margins.model_dump()
    for side, length in _each(edit.margin):
        margins[side] = _fraction("margin", side, length, destinations)
    for side, length in _each(edit.padding):
        margins[side] += _fraction("padding", side, length, destinations)
    for near, far in (("left", "right"), ("top", "bottom")):
        if margins[near] + margins[far] > MOST:
            field = "padding" if edit.padding is not None else "margin"
            raise BadEdit(f"layout.{field}", f"{near} and {far} leave no room for the product")
    return margins


def _each(value: Length | Sides | None) -> list[tuple[str, Length]]:
    if value is None:
        return []
    if isinstance(value, Sides):
        return [(side, length) for side in SIDES if (length := getattr(value, side)) is not None]
    return [(side, value) for side in SIDES]


def _fraction(field: str, side: str, length: Length, destinations: Sequence[Destination]) -> float:
    """A length as a fraction of the canvas side that it is measured along."""
    if not isinstance(length, str):
        return float(length)
    if length.endswith("%"):
        share = float(length[:-1]) / 100
    else:
        along = {place.width if side in ("left", "right") else place.height for place in destinations}
        if len(along) > 1:
            raise BadEdit(f"layout.{field}", "pixels need one output size: give output_size, or write a percentage")
        share = float(length[:-2]) / along.pop()
    if share > 0.49:
        raise BadEdit(f"layout.{field}", f"{length} is more than 49 % of the canvas")
    return round(share, 6)
