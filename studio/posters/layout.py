"""Where words stand and which room the product keeps: rules by the shape of the canvas, sizes by the words themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from studio.briefs.ad_poster import AdPosterBrief, Role
from studio.destination import Destination
from studio.errors import StepError
from studio.typesetting.bidi import Direction, direction_of
from studio.typesetting.cases import Case
from studio.typesetting.errors import TextOverflow
from studio.typesetting.text import Block, fit

Box = tuple[int, int, int, int]
"""x, y, width, height in canvas pixels."""
Part = Role | Literal["logo"]
Side = Literal["start", "center"]
EDGE = 0.05
"""Free edge of every poster as a share of the short side, beside what the channel covers."""
GAP = 0.022
"""Between rows, as a share of the short side."""
ROOMIER: Mapping[str, float] = {"sub": 1.3, "price": 1.7, "cta": 1.5, "legal": 1.5}
"""Parts with more room before them, in gaps."""
STANDS_OFF = 1.8
"""Between the product and the words under it, in gaps: its shadow lies there."""
TALLEST = 1.35
"""Heights are shares of the canvas height, but of no more than this times its width."""
Edge = Literal["top", "bottom", "left", "right"]
RTL_LANGUAGES = frozenset({"ar", "fa", "he", "ur", "yi", "ps", "sd"})
SQUARE = (0.9, 1.15)
"""Canvases of these shapes, width over height, take either of two layouts."""
LEAST_PRODUCT = 0.25
"""Of the canvas height (beside a column: width) that the product's zone has at least."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one part is set: share of the canvas height it may take, its sizes as shares of the short side, its lines, its size at
    most as a share of the headline's, and its weight."""

    height: float
    largest: float
    least: float
    lines: int = 1
    under: float = 2.0
    strong: bool = False


RULES: Mapping[Part, Rule] = {
    "headline": Rule(0.20, 0.125, 0.042, 3, strong=True),
    "sub": Rule(0.11, 0.046, 0.024, 3, under=0.55),
    "price": Rule(0.10, 0.088, 0.036, under=1.15, strong=True),
    "was": Rule(0.06, 0.05, 0.022, under=0.6),
    "cta": Rule(0.06, 0.036, 0.021, under=0.5, strong=True),
    "badge": Rule(0.10, 0.052, 0.024, 2, strong=True),
    "legal": Rule(0.05, 0.018, 0.0145, 3, under=0.4),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One part, fitted: its box on the canvas, and the text that stands in the middle of it."""

    role: Part
    box: Box
    block: Block | None = None
    padding: tuple[int, int] = (0, 0)
    text: str = ""
    edge: Edge = "top"
    """Where a veil under it would come from."""

    @property
    def ink_at(self) -> tuple[int, int]:
        """Upper left corner of the text's ink."""
        return self.box[0] + self.padding[0], self.box[1] + self.padding[1]


@dataclass(frozen=True, slots=True)
class Plan:
    """Fitted parts, the product's zone, and what is inside the edges; `badge` has no place before the product has one."""

    items: tuple[Item, ...]
    product: Box
    safe: Box
    badge: Item | None
    short: int


@dataclass(frozen=True, slots=True)
class Desk:
    """What every rule needs to know: words, fonts, sizes, direction."""

    words: Mapping[Role, str]
    brief: AdPosterBrief
    case: Case
    canvas: tuple[int, int]
    logo: tuple[int, int] | None
    """Width and height of the logo's own pixels."""
    aspect: float = 1.0
    """Width over height of the product."""

    @property
    def short(self) -> int:
        """The short side in pixels."""
        return min(self.canvas)

    @property
    def way(self) -> Direction:
        """To which side the poster reads: that of its locale, else of its headline."""
        if self.brief.locale.replace("-", "_").split("_")[0] in RTL_LANGUAGES:
            return "rtl"
        return direction_of(next(iter(self.words.values()), ""))

    def set(self, role: Role, room: int, align: Side, headline: float | None = None, share: float = 1.0) -> Block:
        """One part at its best size in `room` pixels of width. Raises TextOverflow naming the part."""
        rule, language = RULES[role], self.brief.locale.replace("_", "-")
        largest = rule.largest * self.short
        if headline is not None:
            largest = min(largest, max(rule.under * headline, rule.least * self.short))
        try:
            return fit(
                self.words[role],
                self.case.strong if rule.strong else self.case.plain,
                (max(room, 1), round(rule.height * share * min(self.canvas[1], TALLEST * self.canvas[0]))),
                max_px=largest,
                min_px=rule.least * self.short,
                lines=rule.lines,
                align="center" if align == "center" else "left" if self.way == "ltr" else "right",
                leading=1.08 if rule.strong else 1.25,
                direction=direction_of(self.words[role], self.way),
                language=language,
            )
        except TextOverflow as error:
            raise TextOverflow(f"{role}: {error.message}; shorten the words or give them a larger canvas") from error


def planned(desk: Desk, destination: Destination) -> Plan:
    """The poster's layout. Raises TextOverflow where words have no room, StepError where the focus can not be kept free."""
    safe = safe_box(destination)
    kind = desk.brief.layout if desk.brief.layout != "auto" else _auto(desk, safe)
    tried = [_LAYOUTS[kind](desk, safe, desk.brief.mirrored)]
    if desk.brief.focus is not None:
        tried = [_LAYOUTS[name](desk, safe, mirrored) for name, mirrored in _order(kind, desk.brief.mirrored)]
    focus = focus_box(desk.brief, desk.canvas)
    free = [plan for plan in tried if focus is None or not _covers(plan, focus, desk.aspect)]
    if not free:
        raise StepError("no layout keeps words and product off the set's focus; make the focus smaller or say less")
    return free[0]


def _auto(desk: Desk, safe: Box) -> str:
    """By the shape of the canvas; on one that is nearly square, whichever shows the product larger."""
    shape = desk.canvas[0] / desk.canvas[1]
    if not SQUARE[0] <= shape <= SQUARE[1]:
        return "side" if shape > 1 else "stack"
    shown = {}
    for kind in ("stack", "side"):
        try:
            zone = _LAYOUTS[kind](desk, safe, desk.brief.mirrored).product
        except TextOverflow:
            continue
        shown[kind] = min(zone[2], zone[3] * desk.aspect)
    return max(shown, key=lambda kind: shown[kind] + (kind == "stack"), default="stack")


def safe_box(destination: Destination) -> Box:
    """The canvas inside the channel's covered edges and the poster's own."""
    width, height = destination.width, destination.height
    edge, area = EDGE * min(width, height), destination.safe_area
    left, top = round(max(area.left * width, edge)), round(max(area.top * height, edge))
    right, bottom = round(width - max(area.right * width, edge)), round(height - max(area.bottom * height, edge))
    return left, top, right - left, bottom - top


def focus_box(brief: AdPosterBrief, canvas: tuple[int, int]) -> Box | None:
    """The part of the set that nothing covers."""
    if brief.focus is None:
        return None
    x, y, w, h = brief.focus
    return round(x * canvas[0]), round(y * canvas[1]), round(w * canvas[0]), round(h * canvas[1])


def grown(box: Box, by: int) -> Box:
    """A box with room around it."""
    return box[0] - by, box[1] - by, box[2] + 2 * by, box[3] + 2 * by


def overlap(a: Box, b: Box) -> int:
    """Pixels that two boxes share."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height)


def _order(kind: str, mirrored: bool) -> list[tuple[str, bool]]:
    both = [(kind, mirrored), (kind, not mirrored)]
    return both + [(name, flip) for name in _LAYOUTS for flip in (False, True) if name != kind]


def _covers(plan: Plan, focus: Box, aspect: float) -> bool:
    x, y, width, height = plan.product
    wide, high = round(min(width, height * aspect)), round(min(height, width / aspect))
    product = (x + (width - wide) // 2, y + height - high, wide, high)
    return any(overlap(box, focus) for box in (product, *(item.box for item in plan.items)))


def _stack(desk: Desk, safe: Box, mirrored: bool) -> Plan:
    """Logo, headline and second line above; price, button and small print below; all in the middle."""
    head, top = _rows(desk, safe[2], "center", ("logo", "headline", "sub"))
    foot, low = _rows(desk, safe[2], "center", ("price", "cta", "legal"), _size(head))
    gap, under = _gap(desk), round(STANDS_OFF * _gap(desk))
    x, y, width, height = safe
    zone = (x, y + top + gap * bool(top), width, height - top - low - gap * bool(top) - under * bool(low))
    _enough(zone[3], min(desk.canvas[1], TALLEST * desk.canvas[0]))
    items = _moved(head, x, y) + _moved(foot, x, y + height - low, "bottom")
    return Plan(items, zone, safe, _badge(desk), desk.short)


def _low(desk: Desk, safe: Box, mirrored: bool) -> Plan:
    """The product above, all words under it."""
    block, high = _rows(desk, safe[2], "center", ("headline", "sub", "price", "cta", "legal"))
    logo, top = _rows(desk, safe[2], "center", ("logo",))
    gap, under = _gap(desk), round(STANDS_OFF * _gap(desk))
    x, y, width, height = safe
    zone = (x, y + top + gap * bool(top), width, height - high - top - gap * bool(top) - under)
    _enough(zone[3], min(desk.canvas[1], TALLEST * desk.canvas[0]))
    return Plan(_moved(logo, x, y) + _moved(block, x, y + height - high, "bottom"), zone, safe, _badge(desk), desk.short)


def _side(desk: Desk, safe: Box, mirrored: bool) -> Plan:
    """A column of words on the side where reading starts (or the other), the product on the rest."""
    x, y, width, height = safe
    column = round(width * 0.46)
    at_left = (desk.way == "ltr") != mirrored
    words, high = _rows(desk, column, "start", ("headline", "sub", "price", "cta"), share=1.6)
    logo, top = _rows(desk, column, "start", ("logo",))
    legal, low = _rows(desk, column, "start", ("legal",), _size(words), share=2.0)
    gap = _gap(desk)
    if high + top + low + gap * 2 > height:
        raise TextOverflow("the column's words are higher than the canvas; shorten them")
    left = x if at_left else x + width - column
    middle = y + top + max(gap, (height - top - low - high) // 2)
    edge: Edge = "left" if at_left else "right"
    items = _moved(logo, left, y, edge) + _moved(words, left, middle, edge) + _moved(legal, left, y + height - low, edge)
    room = width - column - 2 * gap
    _enough(room, desk.canvas[0])
    return Plan(items, (x + width - room if at_left else x, y, room, height), safe, _badge(desk), desk.short)


def _rows(
    desk: Desk, room: int, align: Side, parts: tuple[Part, ...], headline: float | None = None, share: float = 1.0
) -> tuple[list[Item], int]:
    """Parts one under another in a column, from (0, 0), and how high they are."""
    items: list[Item] = []
    at, gap, size = 0, _gap(desk), headline
    for part in parts:
        row = _row(desk, part, room, align, size, share)
        if not row:
            continue
        size = _size(row) or size
        at += round(gap * ROOMIER.get(part, 1.0)) if items else 0
        wide = max(item.box[0] + item.box[2] for item in row)
        shift = {"center": (room - wide) // 2, "start": 0 if desk.way == "ltr" else room - wide}[align]
        items += _moved(row, shift, at)
        at += max(item.box[3] for item in row)
    return items, at


def _row(desk: Desk, part: Part, room: int, align: Side, headline: float | None, share: float) -> list[Item]:
    if part == "logo":
        return _logo(desk, room)
    if part not in desk.words:
        return []
    if part == "price":
        return _prices(desk, room, headline)
    padding = (round(0.034 * desk.short), round(0.02 * desk.short)) if part == "cta" else (0, 0)
    block = desk.set(part, room - 2 * padding[0], align, headline, share)
    return [_item(desk, part, block, padding)]


def _prices(desk: Desk, room: int, headline: float | None) -> list[Item]:
    """The price, and beside it, on the same foot, the former one."""
    if "was" not in desk.words:
        return [_item(desk, "price", desk.set("price", room, "start", headline))]
    price = _item(desk, "price", desk.set("price", round(room * 0.62), "start", headline))
    size = price.block.size_px if price.block else None
    was = _item(desk, "was", desk.set("was", room - price.box[2] - _gap(desk), "start", size))
    first, second = (price, was) if desk.way == "ltr" else (was, price)
    high = max(price.box[3], was.box[3])
    beside = first.box[2] + _gap(desk)
    return [*_moved([first], 0, high - first.box[3]), *_moved([second], beside, high - second.box[3])]


def _logo(desk: Desk, room: int) -> list[Item]:
    if desk.logo is None:
        return []
    brief, (own_width, own_height) = desk.brief, desk.logo
    height = max(0.065 * desk.short, brief.logo_least_px * own_height / own_width)
    scale = min(height / own_height, 0.6 * room / own_width)
    width = round(own_width * scale)
    if width < brief.logo_least_px:
        raise TextOverflow(f"the logo would be {width} px wide, it needs {brief.logo_least_px}")
    high = round(own_height * scale)
    clear = round(brief.logo_clear * high)
    return [Item("logo", (0, 0, width, high + clear))]


def _badge(desk: Desk) -> Item | None:
    """A round badge, as large as its words need; at (0, 0)."""
    if "badge" not in desk.words:
        return None
    room = round(0.17 * desk.short)
    block = desk.set("badge", room, "center", share=1.0)
    side = round((block.mask.shape[0] ** 2 + block.mask.shape[1] ** 2) ** 0.5 * 1.12 + 0.02 * desk.short)
    return Item("badge", (0, 0, side, side), block, text=desk.words["badge"])


def _item(desk: Desk, role: Role, block: Block, padding: tuple[int, int] = (0, 0)) -> Item:
    high, wide = block.mask.shape
    return Item(role, (0, 0, wide + 2 * padding[0], high + 2 * padding[1]), block, padding, desk.words[role])


def _moved(items: Sequence[Item], x: int, y: int, edge: Edge = "top") -> tuple[Item, ...]:
    return tuple(replace(item, box=(item.box[0] + x, item.box[1] + y, *item.box[2:]), edge=edge) for item in items)


def _size(items: list[Item]) -> float | None:
    return next((item.block.size_px for item in items if item.role == "headline" and item.block is not None), None)


def _gap(desk: Desk) -> int:
    return round(GAP * desk.short)


def _enough(room: int, side: float) -> None:
    if room < LEAST_PRODUCT * side:
        raise TextOverflow(f"the words leave the product {max(room, 0)} of {side:.0f} px; shorten them")


_LAYOUTS: Mapping[str, Callable[[Desk, Box, bool], Plan]] = {"stack": _stack, "side": _side, "low": _low}
