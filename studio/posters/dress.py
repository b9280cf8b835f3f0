"""Colours of words on their real ground, veils under them, shapes behind them, the logo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from studio.imaging.colour import hex_to_rgb, linear_to_u8, u8_to_linear
from studio.imaging.composite import over
from studio.posters.layout import Box, Edge
from studio.take import F32, U8
from studio.typesetting.errors import LowContrast
from studio.typesetting.paint import Colour, contrast, ink, luminance, ratio

VEILS = (0.35, 0.5, 0.65, 0.8)
LOGO_CONTRAST = 3.0
"""WCAG 2.2, 1.4.11: graphics."""
WHOLE = 0.5
FADE = 0.24
"""How far a veil fades out, as a share of the short side."""


@dataclass(frozen=True, slots=True, eq=False)
class Veil:
    """Something soft between ground and words. `part` of the canvas; `weight` float32 (h, w) 0..1."""

    part: Box
    weight: F32
    colour: Colour
    strength: float

    def lay(self, ground: U8) -> None:
        """Into the ground, in place, in linear light."""
        area = ground[self.rows]
        light, colour = u8_to_linear(area), u8_to_linear(np.array(self.colour, np.uint8))
        area[...] = linear_to_u8(light + (colour - light) * self.weight[..., None])

    @property
    def rows(self) -> tuple[slice, slice]:
        """The part as an index."""
        x, y, width, height = self.part
        return slice(y, y + height), slice(x, x + width)


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """The set without the product: `ground` uint8 (H, W, 3), `shade` float32 (H, W) 0..1 on it, and the shadow's colour."""

    ground: U8
    shade: F32 | None
    shadow: str

    def under(self, veil: Veil) -> U8:
        """The veil's part of the set with the veil on it, under the shadow."""
        part = self.ground[veil.rows].copy()
        Veil((0, 0, part.shape[1], part.shape[0]), veil.weight, veil.colour, veil.strength).lay(part)
        shade = None if self.shade is None else self.shade[veil.rows]
        return over(part, np.zeros(part.shape[:2], np.float32), part, shade, self.shadow)


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """Ink float32 (h, w) 0..1 at (x, y), and the colours (#rrggbb) that it may have, the dearest first."""

    mask: F32
    at: tuple[int, int]
    colours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dress:
    """The colour that one part gets, and its contrast."""

    colour: Colour
    contrast: float


def dressed(
    image: U8, wishes: Sequence[Wish], least: float, *, edge: Edge = "top", stage: Stage | None = None
) -> tuple[list[Dress], Veil | None]:
    """For each wish its first colour with enough contrast on the picture; where one has none, all of them on the weakest veil
    from `edge` that helps, laid on the `stage` (None: no veils). Raises LowContrast.
    """
    plain = [_dress(image, wish, least) for wish in wishes]
    found = [dress for dress in plain if dress is not None]
    if len(found) == len(wishes):
        return found, None
    for strength in VEILS if stage is not None else ():
        for colour in _ends(wishes):
            veil = _veil(edge, wishes, strength, colour, image.shape[:2])
            tried, (x, y) = stage.under(veil) if stage is not None else image, veil.part[:2]
            shifted = (Wish(wish.mask, (wish.at[0] - x, wish.at[1] - y), wish.colours) for wish in wishes)
            on_veil = [dress for wish in shifted if (dress := _dress(tried, wish, least)) is not None]
            if len(on_veil) == len(wishes):
                return on_veil, veil
    hardest = wishes[plain.index(None)]
    best = max(contrast(image, hardest.mask, hex_to_rgb(colour), hardest.at) for colour in hardest.colours)
    raise LowContrast(f"no colour of {', '.join(hardest.colours)} has a contrast of {least:g}:1 there (best {best:.1f}:1)")


def _dress(image: U8, wish: Wish, least: float) -> Dress | None:
    for colour in map(hex_to_rgb, wish.colours):
        found = contrast(image, wish.mask, colour, wish.at)
        if found >= least:
            return Dress(colour, found)
    return None


def _veil(edge: Edge, wishes: Sequence[Wish], strength: float, colour: Colour, canvas: tuple[int, ...]) -> Veil:
    """Full from the canvas edge to the far end of the words, then fading out."""
    height, width = canvas
    ends = {
        "top": max(wish.at[1] + wish.mask.shape[0] for wish in wishes),
        "bottom": height - min(wish.at[1] for wish in wishes),
        "left": max(wish.at[0] + wish.mask.shape[1] for wish in wishes),
        "right": width - min(wish.at[0] for wish in wishes),
    }
    side = height if edge in {"top", "bottom"} else width
    full = ends[edge] + round(0.01 * min(height, width))
    reach = min(side, full + round(FADE * min(height, width)))
    ramp = np.clip((reach - np.arange(reach, dtype=np.float32) - 0.5) / max(1, reach - full), 0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp) * np.float32(strength)
    part: Box = {
        "top": (0, 0, width, reach),
        "bottom": (0, height - reach, width, reach),
        "left": (0, 0, reach, height),
        "right": (width - reach, 0, reach, height),
    }[edge]
    line = ramp if edge in {"top", "left"} else ramp[::-1]
    weight = np.broadcast_to(line[:, None] if edge in {"top", "bottom"} else line[None], part[:1:-1])
    return Veil(part, np.asarray(weight, np.float32), colour, strength)


def fill_of(accent: str, others: Sequence[str], words: Sequence[str], least: float) -> str:
    """The colour of a shape that words stand on: the accent, or the colour nearest to it in lightness on which one of the words'
    colours can be read. Raises LowContrast."""
    own = luminance(hex_to_rgb(accent))
    for colour in (accent, *sorted(others, key=lambda one: abs(luminance(hex_to_rgb(one)) - own))):
        ground = luminance(hex_to_rgb(colour))
        if max(ratio(ground, luminance(hex_to_rgb(word))) for word in words) >= least:
            return colour
    raise LowContrast(f"no shape in {', '.join((accent, *others))} carries words with a contrast of {least:g}:1")


def shape(image: U8, box: Box, colour: str, radius: float) -> None:
    """A filled box with round corners, its edge smooth, in place. A radius of half its height makes a pill or a disc."""
    ink(image, rounded(box[3], box[2], radius), (box[0], box[1]), hex_to_rgb(colour))


def rounded(height: int, width: int, radius: float) -> F32:
    """Coverage float32 (height, width) of a box with round corners, from its distance field."""
    ys = np.abs(np.arange(height, dtype=np.float32) + 0.5 - height / 2)[:, None] - (height / 2 - radius)
    xs = np.abs(np.arange(width, dtype=np.float32) + 0.5 - width / 2)[None] - (width / 2 - radius)
    outside = np.hypot(np.maximum(xs, 0), np.maximum(ys, 0)) + np.minimum(np.maximum(xs, ys), 0) - radius
    return np.asarray(np.clip(0.5 - outside, 0, 1), np.float32)


def lay_logo(image: U8, signs: Sequence[tuple[U8, F32]], box: Box) -> float:
    """The first of the logo's versions (rgb uint8 (h, w, 3), alpha float32) that can be seen there, in place; its contrast.

    Raises LowContrast where none has 3:1: a logo is never recoloured.
    """
    found = 0.0
    for rgb, alpha in signs:
        small = cv2.resize(np.dstack([u8_to_linear(rgb) * alpha[..., None], alpha]), box[2:], interpolation=cv2.INTER_AREA)
        cover = np.clip(small[..., 3], 0, 1)
        red, green, blue = np.median(rgb[alpha > WHOLE], axis=0).astype(int) if (alpha > WHOLE).any() else (0, 0, 0)
        found = max(found, contrast(image, cover, (int(red), int(green), int(blue)), box[:2]))
        if found >= LOGO_CONTRAST:
            area = image[box[1] : box[1] + box[3], box[0] : box[0] + box[2]]
            area[...] = linear_to_u8(u8_to_linear(area) * (1 - cover[..., None]) + small[..., :3])
            return found
    raise LowContrast(f"the logo has a contrast of {found:.1f}:1 there, it needs {LOGO_CONTRAST:g}:1; give it a version for it")


def free_spot(taken: F32, boxes: Sequence[Box], zone: Box, side: int, step: int) -> tuple[int, int] | None:
    """Where in the zone a square of `side` pixels touches neither `taken` (float32 (H, W), above 0) nor the boxes: the upper
    corners first, then the lower ones, then anywhere. None when nowhere."""
    x, y, width, height = zone
    if side > min(width, height):
        return None
    used = (taken[y : y + height, x : x + width] > 0).astype(np.int32)
    for bx, by, bw, bh in boxes:
        used[max(0, by - y) : max(0, by + bh - y), max(0, bx - x) : max(0, bx + bw - x)] = 1
    sums = cv2.integral(used.astype(np.uint8))
    ys, xs = np.arange(0, height - side + 1, step), np.arange(0, width - side + 1, step)
    count = (
        sums[ys[:, None] + side, xs + side] - sums[ys[:, None], xs + side] - sums[ys[:, None] + side, xs] + sums[ys[:, None], xs]
    )
    rows, columns = np.nonzero(count == 0)
    if not rows.size:
        return None
    right, low = xs[columns] / max(1, width - side), ys[rows] / max(1, height - side)
    far = np.minimum(1 - right + 0.35 * low, right + 0.35 * low + 0.05)
    best = int(np.argmin(far))
    return x + int(xs[columns[best]]), y + int(ys[rows[best]])


def _ends(wishes: Sequence[Wish]) -> list[Colour]:
    ordered = sorted((hex_to_rgb(colour) for wish in wishes for colour in wish.colours), key=sum)
    return [ordered[-1], ordered[0]]
