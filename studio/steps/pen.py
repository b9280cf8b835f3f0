"""`Pen`: draws on a finished picture and on its ground alike, and keeps account of what it drew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from studio.briefs.graphics import Graphics
from studio.briefs.lettering import Lettering
from studio.errors import StepError
from studio.imaging.drawings.drawing import Point, Shape, area, disc, head, stroke
from studio.marks import Box, Mark
from studio.take import U8, Take
from studio.typesetting.cases import case_of
from studio.typesetting.errors import LowContrast
from studio.typesetting.fonts import Fonts
from studio.typesetting.paint import contrast, ink, rgb
from studio.typesetting.text import Block, fit

READABLE = 4.5
"""WCAG 2.2, 1.4.3: least contrast of text."""
Anchor = Literal["left", "center", "right"]


class Pen:
    """Words and lines for one take. Raises StepError for a picture without a ground, which nothing can be written on."""

    def __init__(self, take: Take, style: Graphics, lettering: Lettering) -> None:
        image = take.need_image()
        if image.shape[2] == 4 or take.ground is None:
            raise StepError("a drawing needs a ground: this destination or look is transparent")
        self.image: U8 = image.copy()
        self.ground: U8 = take.ground.copy()
        self.style, self._take, self._lettering = style, take, lettering
        self.height, self.width = image.shape[:2]
        self.short = min(self.height, self.width)
        self.stroke_px = max(1.0, style.line * self.short)
        self.gap_px = style.gap * self.short
        self._fonts: Fonts | None = None

    @property
    def fonts(self) -> Fonts:
        """The chain of the look. Raises WeightsMissing when its bytes were not brought along."""
        if self._fonts is None:
            self._fonts = case_of(self._lettering, self._take.assets).plain
        return self._fonts

    def done(self) -> None:
        """Hand the picture back."""
        self._take.image, self._take.ground = self.image, self.ground

    def line(self, points: Sequence[Point], colour: str | None = None, width: float = 1.0, opacity: float = 1.0) -> None:
        """A line, `width` times as thick as the look's."""
        self.put(stroke(points, self.stroke_px * width), colour or self.style.colour, opacity)

    def arrow(self, tip: Point, back: Point) -> None:
        """An arrow head."""
        self.put(head(tip, back, self.stroke_px * 6.5), self.style.colour)

    def dot(self, centre: Point, radius: float, colour: str) -> None:
        """A filled circle, radius in pixels."""
        self.put(disc(centre, radius), colour)

    def fill(self, outlines: Sequence[NDArray[np.floating]], colour: str) -> None:
        """A filled shape."""
        self.put(area(outlines), colour)

    def put(self, shape: Shape, colour: str, opacity: float = 1.0) -> None:
        """Ink a shape on picture and ground. What reaches over the edge is cut off there."""
        mask, (x, y) = shape
        left, top = max(0, -x), max(0, -y)
        right, bottom = min(mask.shape[1], self.width - x), min(mask.shape[0], self.height - y)
        if right <= left or bottom <= top:
            return
        part = mask[top:bottom, left:right]
        for picture in (self.image, self.ground):
            ink(picture, part, (x + left, y + top), rgb(colour), opacity=opacity)

    def set(self, text: str, room: tuple[float, float], *, lines: int = 1, align: Anchor = "left", scale: float = 1.0) -> Block:
        """Words as large as the look wants and the room (width, height) allows. Raises TextOverflow and MissingGlyph."""
        wanted, least = self.style.text * self.short * scale, self.style.least * self.short
        box = max(1, int(room[0])), max(1, int(room[1]))
        return fit(text, self.fonts, box, max_px=max(wanted, least), min_px=least, lines=lines, align=align)

    def write(self, block: Block, text: str, at: tuple[float, float]) -> Mark:
        """Ink set words with their upper left corner at a point, and note them. Raises LowContrast."""
        place = round(at[0]), round(at[1])
        colour, found = self._readable(block, place)
        for picture in (self.image, self.ground):
            ink(picture, block.mask, place, rgb(colour))
        box: Box = (*place, block.mask.shape[1], block.mask.shape[0])
        mark = Mark("text", box, text=text, size_px=block.size_px, contrast=found)
        self.note(mark)
        return mark

    def note(self, mark: Mark) -> None:
        """Keep account of something drawn."""
        self._take.drawn.append(mark)

    def _readable(self, block: Block, at: tuple[int, int]) -> tuple[str, float]:
        """The look's colour, or its light one where that cannot be read."""
        tried = {c: contrast(self.image, block.mask, rgb(c), at) for c in (self.style.colour, self.style.light)}
        colour = next((c for c, found in tried.items() if found >= READABLE), None)
        if colour is None:
            raise LowContrast(
                f"neither {' nor '.join(tried)} can be read here: contrast {max(tried.values()):.1f} : 1, wanted 4.5"
            )
        return colour, tried[colour]
