"""Features named beside the product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studio.briefs.callouts import CalloutsBrief, Feature
from studio.errors import MissingInput, StepError
from studio.imaging.drawings.drawing import Point, crossing
from studio.imaging.drawings.saliency import points, salience
from studio.marks import Mark
from studio.product import Product
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.steps.pen import Anchor, Pen
from studio.take import Take
from studio.typesetting.errors import TextOverflow
from studio.typesetting.text import Block

APART = 0.16
"""Least distance of two points that are shown, as a share of the product's longer side."""
EDGE = 0.035
"""Room between a label and the canvas's edge, as a share of the shorter side."""
LEAD = 0.012
"""Room between a label and its line."""
SPACE = 0.05
"""Least room between two labels of a column."""
DOT = 0.0075
SWAPS = 24


@dataclass(slots=True)
class Label:
    """A feature's words, its point on the canvas (None: the whole product) and where its middle stands."""

    text: str
    point: Point | None
    block: Block | None = None
    middle: float = 0.0


class Labels(PixelStep):
    """Draws `take.image`: each feature the product's data has, in a column left or right of it, with a line to the part it is
    about: where the look says, or a part that stands out. Lines never cross.

    Raises MissingInput for too few features, TextOverflow where the composition leaves no room.
    """

    name = "labels"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The brief and the words that follow from the product's attributes."""
        return {
            "brief": _brief(shot).model_dump(mode="json"),
            "attributes": [[words, feature.at] for feature, words in said(shot.product, _brief(shot))],
        }

    def apply(self, take: Take) -> None:
        """Choose points, share the labels out to two columns, draw."""
        brief = _brief(take.shot)
        pen, features = Pen(take, brief.graphics, brief.lettering), said(take.shot.product, brief)
        columns = tuple(zip(_columns(_labels(take, features), take), ("left", "right"), strict=True))
        sizes = [_set(pen, take, column, side, brief.lines, 1.0) for column, side in columns]
        for column, side in columns:
            _set(pen, take, column, side, brief.lines, min(sizes) / (pen.style.text * pen.short))
            _spread(pen, take, column)
            for label in _uncrossed(pen, take, column, side):
                _draw(pen, take, label, side)
        pen.done()


def said(product: Product, brief: CalloutsBrief) -> list[tuple[Feature, str]]:
    """Features that the product's data has, with their words, at most `brief.most`. Raises MissingInput for too few."""
    known = {name.lower(): value.strip() for name, value in product.attributes.items() if value.strip()}
    spoken = [
        (_placed(feature, known), feature.text.replace("{value}", known[feature.attribute.lower()]))
        for feature in brief.features
        if feature.attribute.lower() in known
    ]
    if len(spoken) < brief.least:
        missing = ", ".join(feature.attribute for feature in brief.features if feature.attribute.lower() not in known)
        raise MissingInput(f"{product.sku}: {brief.least} features are wanted, {len(spoken)} are known: supply {missing}")
    return spoken[: brief.most]


def _placed(feature: Feature, known: dict[str, str]) -> Feature:
    """The feature with the place that the product's data states for it. Raises MissingInput for one that cannot be read."""
    text = known.get(f"{feature.attribute.lower()}_at", "")
    if feature.point != "data" or feature.at is not None or not text:
        return feature
    try:
        x, y = (float(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise MissingInput(
            f"{feature.attribute}_at is {text!r}: two fractions of the product's box are wanted, as 0.5 0.1"
        ) from None
    return feature.model_copy(update={"at": (min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0))})


def _labels(take: Take, features: Sequence[tuple[Feature, str]]) -> list[Label]:
    placed = take.need_placed()
    x, y, w, h = placed.box
    free = [feature for feature, _ in features if feature.at is None and feature.point == "salient"]
    fixed = [(x + feature.at[0] * w, y + feature.at[1] * h) for feature, _ in features if feature.at is not None]
    spare = _salient(take, len(free), fixed)
    labels = []
    for feature, text in features:
        point = (x + feature.at[0] * w, y + feature.at[1] * h) if feature.at is not None else None
        if point is None and feature.point == "salient":
            point = spare.pop(0) if spare else None
        labels.append(Label(text, point))
    return labels


def _salient(take: Take, count: int, taken: Sequence[Point]) -> list[Point]:
    """The most salient points of the placed product that keep their distance from those already taken."""
    placed = take.need_placed()
    x, y, w, h = placed.box
    window = slice(y, y + h), slice(x, x + w)
    apart = APART * max(w, h)
    found = points(salience(placed.rgb[window], placed.alpha[window]), count + len(taken) * 2, apart)
    there = [(x + px, y + py) for px, py in found]
    far = [p for p in there if all((p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 > apart**2 for q in taken)]
    return far[:count]


def _columns(labels: list[Label], take: Take) -> tuple[list[Label], list[Label]]:
    """Left and right, as even as can be: the points furthest left go left; labels without a point fill up."""
    shown = sorted((label for label in labels if label.point), key=lambda label: label.point or (0.0, 0.0))
    bare = [label for label in labels if label.point is None]
    half = (len(labels) + 1) // 2 if len(shown) > 1 else len(labels) // 2
    left, right = shown[: min(half, (len(shown) + 1) // 2)], shown[min(half, (len(shown) + 1) // 2) :]
    for label in bare:
        (left if len(left) < len(right) else right).append(label)
    _, y, _, h = take.need_placed().box

    def height(label: Label) -> float:
        return label.point[1] if label.point else y + h

    return sorted(left, key=height), sorted(right, key=height)


def _set(pen: Pen, take: Take, column: Sequence[Label], side: str, lines: int, scale: float) -> float:
    """Set the words of a column and return the size of its smallest, in pixels. Raises TextOverflow."""
    room = _room(pen, take, side)
    for label in column:
        aligned: Anchor = "right" if side == "left" else "left"
        label.block = pen.set(label.text, (room, pen.height * 0.3), lines=lines, align=aligned, scale=scale)
    return min((label.block.size_px for label in column if label.block), default=pen.style.text * pen.short)


def _spread(pen: Pen, take: Take, column: Sequence[Label]) -> None:
    """A height for each label, in their order: none over another, none over the canvas's edge. Raises TextOverflow."""
    heights = [label.block.mask.shape[0] for label in column if label.block]
    space, edge = SPACE * pen.short, EDGE * pen.short
    if sum(heights) + space * (len(column) - 1) > pen.height - 2 * edge:
        raise TextOverflow(f"{len(column)} labels do not fit beside the product")
    _, y, _, h = take.need_placed().box
    wanted = [label.point[1] if label.point else y + h * 0.5 for label in column]
    even = [y + h * (k + 0.5) / len(column) for k in range(len(column))]
    top = edge
    for label, height, own, fair in zip(column, heights, wanted, even, strict=True):
        label.middle = max((own + fair) / 2, top + height / 2)
        top = label.middle + height / 2 + space
    bottom = pen.height - edge
    for label, height in zip(reversed(column), reversed(heights), strict=True):
        label.middle = min(label.middle, bottom - height / 2)
        bottom = label.middle - height / 2 - space


def _room(pen: Pen, take: Take, side: str) -> float:
    x, _, w, _ = take.need_placed().box
    free = x if side == "left" else pen.width - x - w
    return float(free - EDGE * pen.short - pen.gap_px)


def _uncrossed(pen: Pen, take: Take, column: list[Label], side: str) -> list[Label]:
    """Change the order of labels whose lines cross, until none do."""
    for _ in range(SWAPS):
        pairs = ((i, j) for j in range(len(column)) for i in range(j) if _cross(pen, column[i], column[j], side))
        pair = next(pairs, None)
        if pair is None:
            break
        i, j = pair
        column[i], column[j] = column[j], column[i]
        _spread(pen, take, column)
    return column


def _cross(pen: Pen, one: Label, other: Label, side: str) -> bool:
    if one.point is None or other.point is None:
        return False
    return crossing((_start(pen, one, side), one.point), (_start(pen, other, side), other.point))


def _start(pen: Pen, label: Label, side: str) -> Point:
    assert label.block is not None
    width = label.block.mask.shape[1]
    edge = EDGE * pen.short + width + LEAD * pen.short
    return (edge if side == "left" else pen.width - edge), label.middle


def _draw(pen: Pen, take: Take, label: Label, side: str) -> None:
    assert label.block is not None
    height, width = label.block.mask.shape
    left = EDGE * pen.short if side == "left" else pen.width - EDGE * pen.short - width
    pen.write(label.block, label.text, (left, label.middle - height / 2))
    if label.point is None:
        return
    start = _start(pen, label, side)
    pen.line((start, label.point), pen.style.light, 2.2, 0.75)
    pen.line((start, label.point), pen.style.colour, 0.8)
    pen.dot(label.point, DOT * pen.short * 1.45, pen.style.light)
    pen.dot(label.point, DOT * pen.short, pen.style.colour)
    x, y = (min(a, b) for a, b in zip(start, label.point, strict=True))
    size = abs(start[0] - label.point[0]), abs(start[1] - label.point[1])
    pen.note(Mark("leader", (round(x), round(y), round(size[0]), round(size[1])), label.text, ends=(start, label.point)))


def _brief(shot: Shot) -> CalloutsBrief:
    brief = shot.template.brief
    if not isinstance(brief, CalloutsBrief):
        raise StepError("labels needs a brief of the kind callouts")
    return brief
