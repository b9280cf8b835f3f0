"""A poster's page: the finished picture, and the set without the product, while both are written on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from studio.briefs.ad_poster import AdPosterBrief
from studio.errors import StepError
from studio.posters.dress import Dress, Stage, Veil, Wish, dressed, fill_of, free_spot, lay_logo, shape
from studio.posters.layout import Box, Edge, Item, Plan, grown
from studio.take import F32, U8
from studio.typesetting.errors import TextOverflow
from studio.typesetting.paint import ink
from studio.typesetting.placed import PlacedText

VISIBLE = 0.02
BADGE_STEP, BADGE_ROOM = 0.006, 0.018
"""Between the places that are tried for a badge, and around words, as shares of the short side."""


@dataclass(frozen=True, slots=True)
class Group:
    """Parts that stand together: what each wears, the veil that they all stand on, and the buttons among them."""

    items: tuple[Item, ...]
    dresses: tuple[Dress, ...]
    veil: Veil | None
    buttons: tuple[Item, ...]


def grouped(plan: Plan, edge: Edge, image: U8, brief: AdPosterBrief, stage: Stage | None) -> Group | None:
    """The parts at an edge, each in its first colour that can be read, all on one veil where one needs it; None without parts."""
    there = [item for item in plan.items if item.edge == edge and item.block is not None]
    items = tuple(item for item in there if item.role != "cta")
    if not there:
        return None
    wishes = [_wish(item, brief) for item in items]
    dresses, veil = dressed(image, wishes, brief.contrast, edge=edge, stage=stage) if wishes else ([], None)
    return Group(items, tuple(dresses), veil, tuple(item for item in there if item.role == "cta"))


def placed(item: Item) -> PlacedText:
    """A part's text where it stands, without colour."""
    if item.block is None:
        raise StepError(f"{item.role} has no text")
    return PlacedText(item.role, item.text, item.block.mask, item.ink_at, item.block.size_px, item.block.boxes)


class Page:
    """`image` and `ground`, uint8 (H, W, 3), are changed in place."""

    def __init__(self, image: U8, ground: U8, brief: AdPosterBrief) -> None:
        self.image, self.ground, self.brief = image, ground, brief
        self.words: list[PlacedText] = []

    def text(self, group: Group) -> None:
        """Ink a group, and its buttons."""
        for item, dress in zip(group.items, group.dresses, strict=True):
            self._ink(item, dress, group.veil.strength if group.veil is not None else 0.0)
        for item in group.buttons:
            self._shape(item.box)
            self._on_accent(item)

    def badge(self, plan: Plan, product: F32, focus: Box | None) -> None:
        """A disc where it covers neither product (alpha float32 (H, W)) nor words nor focus. Raises TextOverflow."""
        item = plan.badge
        if item is None or item.block is None:
            return
        boxes = [*(grown(other.box, round(BADGE_ROOM * plan.short)) for other in plan.items), *((focus,) if focus else ())]
        spot = free_spot(
            (product > VISIBLE).astype(np.float32), boxes, plan.safe, item.box[2], max(1, round(BADGE_STEP * plan.short))
        )
        if spot is None:
            raise TextOverflow(f"badge: no free room of {item.box[2]} px beside product and words; shorten it or lower the fill")
        side, (high, wide) = item.box[2], item.block.mask.shape
        self._shape((*spot, side, side))
        self._on_accent(replace(item, box=(spot[0] + (side - wide) // 2, spot[1] + (side - high) // 2, wide, high)))

    def logo(self, item: Item, signs: Sequence[tuple[U8, F32]]) -> float:
        """The sign in the version that can be seen there; its contrast. Raises LowContrast."""
        rgb = signs[0][0]
        box = (*item.box[:3], round(item.box[2] * rgb.shape[0] / rgb.shape[1]))
        lay_logo(self.ground, signs, box)
        return lay_logo(self.image, signs, box)

    def _shape(self, box: Box) -> None:
        """A pill or a disc of the accent colour, or of one near it that carries words."""
        brief = self.brief
        fill = fill_of(brief.accent, (*brief.palette, brief.ink), (brief.paper, brief.ink, *brief.palette), brief.contrast)
        for picture in (self.image, self.ground):
            shape(picture, box, fill, box[3] / 2)

    def _on_accent(self, item: Item) -> None:
        text, brief = placed(item), self.brief
        wish = Wish(text.mask, text.at, (brief.paper, brief.ink, *brief.palette))
        ((dress,), _) = dressed(self.image, [wish], brief.contrast)
        self._ink(item, dress)

    def _ink(self, item: Item, dress: Dress, veil: float = 0.0) -> None:
        text = placed(item)
        if item.role == "was":
            text = replace(text, mask=_struck(text.mask))
        for picture in (self.image, self.ground):
            ink(picture, text.mask, text.at, dress.colour)
        self.words.append(replace(text, colour=dress.colour, contrast=dress.contrast, veil=veil))


def _wish(item: Item, brief: AdPosterBrief) -> Wish:
    text = placed(item)
    first = (brief.accent,) if item.role == "price" else ()
    return Wish(text.mask, text.at, (*first, brief.ink, *brief.palette, brief.paper))


def _struck(mask: F32) -> F32:
    """The text with a line through its middle."""
    height = mask.shape[0]
    thick = max(1, round(height * 0.075))
    top = round(height * 0.52) - thick // 2
    struck = mask.copy()
    struck[top : top + thick] = 1.0
    return struck
