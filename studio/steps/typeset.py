"""Words on a poster: where they stand (before the product is placed), their ink (on the finished set), and reading them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from studio.briefs.ad_poster import AdPosterBrief
from studio.errors import PackshotError, StepError
from studio.imaging.codec import decode
from studio.imaging.geometry import SOLID, box_of
from studio.imaging.pdf import picture_of
from studio.models.base import Models
from studio.models.ocr_items import Places
from studio.posters.copywriting import words_of
from studio.posters.dress import Stage
from studio.posters.layout import Box, Desk, Edge, Plan, focus_box, planned
from studio.posters.page import Page, grouped, placed
from studio.shot import Shot
from studio.steps.base import PixelStep, Step, ask, each
from studio.steps.compose import Compose
from studio.take import F32, U8, Take
from studio.template import Margins
from studio.typesetting.cases import case_of
from studio.typesetting.placed import PlacedText

READER = "ocr"
READ = ("headline", "price")
EDGES: tuple[Edge, ...] = ("top", "left", "right", "bottom")


def brief_of(shot: Shot) -> AdPosterBrief:
    """The poster's brief. Raises StepError for another look."""
    brief = shot.template.brief
    if not isinstance(brief, AdPosterBrief):
        raise StepError(f"{shot.template.id} has no brief of kind ad-poster")
    return brief


def told(shot: Shot) -> dict[str, Any]:
    """All that decides the words and their places: the brief with its fonts, the words themselves, canvas and safe area."""
    brief, where = brief_of(shot), shot.destination
    return {
        "brief": brief.model_dump(mode="json", exclude={"words", "variants", "optional", "read_back", "currency"}),
        "attributes": words_of(brief, shot.product),
        "canvas": [where.width, where.height, where.safe_area.model_dump()],
    }


class Frame(PixelStep):
    """Fits the words, and narrows the look's composition to the room that they leave.

    Fills `take.words` with text without colour. Raises MissingInput, MissingGlyph, TextOverflow, WeightsMissing.
    """

    name = "frame"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Words, fonts, layout, canvas, and how much of its room the product takes."""
        return told(shot) | {"fill": shot.template.composition.fill}

    def apply(self, take: Take) -> None:
        """Plan the poster."""
        plan = plan_of(take)
        take.words = tuple(placed(item) for item in plan.items if item.block is not None)
        look, canvas = take.shot.template, (take.shot.destination.width, take.shot.destination.height)
        (x, y, width, height), fill = plan.product, look.composition.fill
        aside = (1 - fill) / 2 * width
        margins = Margins(
            left=(x + aside) / canvas[0],
            right=1 - (x + width - aside) / canvas[0],
            top=(y + (1 - fill) * height) / canvas[1],
            bottom=1 - (y + height) / canvas[1],
        )
        told_so = {
            "margins": margins,
            "fill": 1.0,
            "align_x": "center",
            "align_y": "bottom",
            "baseline": None,
            "focal_point": None,
        }
        composition = look.composition.model_copy(update=told_so)
        take.shot = take.shot.model_copy(update={"template": look.model_copy(update={"composition": composition})})


class Typeset(PixelStep):
    """Inks the words, the logo and the badge on `take.image`; every word has the brief's contrast on its real ground.

    Raises LowContrast where no colour or veil gives it, TextOverflow where the badge finds no room.
    """

    name = "typeset"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """As `Frame`."""
        return told(shot)

    def apply(self, take: Take) -> None:
        """Veil the set where no colour can be read without, then lay everything over it."""
        image, ground = take.need_image(), take.ground
        if ground is None:
            raise StepError("words need a ground: give the poster a background")
        plan, brief = plan_of(take), brief_of(take.shot)
        stage = Stage(ground, take.shade, take.shot.template.shadow.colour) if brief.scrim else None
        groups = [group for edge in EDGES if (group := grouped(plan, edge, image, brief, stage)) is not None]
        if any(group.veil is not None for group in groups):
            take.ground = ground.copy()
            for group in groups:
                if group.veil is not None:
                    group.veil.lay(take.ground)
            Compose().apply(take)
        page = Page(take.need_image().copy(), ground.copy() if take.ground is None else take.ground.copy(), brief)
        if (item := next((one for one in plan.items if one.role == "logo"), None)) is not None:
            take.measurements["logo_contrast"] = page.logo(item, signs_of(take))
        page.badge(plan, take.need_placed().alpha, focus_box(brief, (image.shape[1], image.shape[0])))
        for group in groups:
            page.text(group)
        take.image, take.ground, take.words = page.image, page.ground, tuple(page.words)


class ReadBack(Step):
    """A reader looks at headline and price in the finished picture: fills their `read` in `take.words`."""

    name = "readback"

    def applies(self, shot: Shot) -> bool:
        """Where the brief asks for it and the words are in letters that the reader knows."""
        words = words_of(brief_of(shot), shot.product).items() if brief_of(shot).reads_back else ()
        return any(readable(text) for role, text in words if role in READ)

    def models(self, shot: Shot) -> tuple[str, ...]:
        """The reader."""
        return (READER,)

    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """One call for all takes: every line of headline and price as the delivered file shows it."""
        chosen = [take for take in takes if self.applies(take.shot)]
        items: dict[int, Places] = {}
        ready = await each(self.name, lambda take: items.update({id(take): _pages(take)}), chosen)
        results: dict[int, Take | PackshotError] = {id(take): result for take, result in zip(chosen, ready, strict=True)}
        live = [take for take in chosen if id(take) in items]
        answers = await ask(self.name, models, READER, live, [items[id(take)] for take in live])
        for take, answer in zip(live, answers, strict=True):
            if isinstance(answer, PackshotError):
                results[id(take)] = answer
            else:
                take.words = _read(take.words, [found[0] for found in answer])
        return [results.get(id(take), take) for take in takes]


def readable(text: str) -> bool:
    """Whether every letter is Latin, Chinese or Japanese: what the reader was trained on."""
    import unicodedata

    known = ("LATIN", "CJK", "HIRAGANA", "KATAKANA", "FULLWIDTH")
    return all(unicodedata.name(c, "").startswith(known) for c in text if c.isalpha())


def plan_of(take: Take) -> Plan:
    """The poster's layout; the same for the same shot, wherever it is asked for."""
    shot, brief = take.shot, brief_of(take.shot)
    canvas = shot.destination.width, shot.destination.height
    logo = None if brief.logo is None else _sign(take, brief.logo.digest)[1].shape[::-1]
    box = box_of(take.need_matte().alpha > SOLID) or (0, 0, 1, 1)
    case = case_of(brief.lettering, take.assets)
    desk = Desk(words_of(brief, shot.product), brief, case, canvas, logo, box[2] / box[3])
    return planned(desk, shot.destination)


def signs_of(take: Take) -> list[tuple[U8, F32]]:
    """The logo's versions, decoded."""
    brief = brief_of(take.shot)
    return [_sign(take, file.digest) for file in (brief.logo, brief.logo_on_dark) if file is not None]


def _sign(take: Take, digest: str) -> tuple[U8, F32]:
    if digest not in take.assets:
        raise StepError("the bytes of the poster's logo are not there")
    photo = decode(take.assets[digest])
    return photo.rgb, np.ones(photo.rgb.shape[:2], np.float32) if photo.alpha is None else photo.alpha


def _wanted(words: Sequence[PlacedText]) -> list[PlacedText]:
    return [word for word in words if word.role in READ and readable(word.text)]


def _pages(take: Take) -> Places:
    quads = [_quad(word, line) for word in _wanted(take.words) for line in word.lines]
    return Places(decode(picture_of(take.encoded)).rgb, np.array(quads, np.float32).reshape(-1, 4, 2), search=False)


def _quad(word: PlacedText, line: Box) -> list[tuple[float, float]]:
    pad = max(2.0, 0.12 * line[3])
    x, y = word.at[0] + line[0] - pad, word.at[1] + line[1] - pad
    right, bottom = x + line[2] + 2 * pad, y + line[3] + 2 * pad
    return [(x, y), (right, y), (right, bottom), (x, bottom)]


def _read(words: Sequence[PlacedText], lines: Sequence[str]) -> tuple[PlacedText, ...]:
    left = list(lines)

    def read(word: PlacedText) -> PlacedText:
        mine = [left.pop(0) for _ in word.lines]
        return replace(word, read=" ".join(mine))

    return tuple(read(word) if word.role in READ and readable(word.text) else word for word in words)
