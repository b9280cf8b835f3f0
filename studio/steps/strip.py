"""A product in all its colours, side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from studio.briefs.variant_strip import VariantStripBrief
from studio.errors import StepError
from studio.imaging.geometry import box_of, extent_of, without_haze
from studio.imaging.recolour import recoloured
from studio.imaging.resample import REACH, padded, resampled_source
from studio.imaging.shadow import shade_of
from studio.marks import Box
from studio.product import Product
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.steps.others import cut_of
from studio.steps.pen import Pen
from studio.take import F32, Matte, Placed, Take
from studio.template import Recolour

WORDS = 2.2
"""Height of the row of words below each, in letter sizes."""


@dataclass(frozen=True, slots=True)
class Item:
    """One variant: its cut-out, its words, and photo pixels it is high and wide."""

    matte: Matte
    words: str
    box: Box
    mm: tuple[float, float] | None


class Strip(PixelStep):
    """Cut-outs -> `take.placed` (all of them, joined) and `take.shade`: rows of variants on their baselines, at one scale.

    The scale is that of life where every variant's size is known, else the same height for each. Records `strip_items`, and
    `strip_spread`, the largest difference in size between items that should be alike, as a share.
    """

    name = "strip"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The brief, margins, shadow, light, canvas; colours, words and sizes of the variants."""
        template = shot.template
        names = [[p.dimensions.model_dump(mode="json"), _words(_brief(shot), p, "")] for p in members(shot)]
        return {
            "brief": _brief(shot).model_dump(mode="json"),
            "margins": template.composition.margins.model_dump(mode="json"),
            "shadow": template.shadow.model_dump(mode="json", include={"contact", "cast"}),
            "light": template.light.model_dump(mode="json"),
            "canvas": [shot.destination.width, shot.destination.height],
            "variants": names,
            "swatches": [[s.name, s.hex] for s in shot.product.swatches],
        }

    def apply(self, take: Take) -> None:
        """Lay them out and join them."""
        items = _items(take)
        spots, scales = arranged(take, items)
        height, width = take.shot.destination.height, take.shot.destination.width
        rgb, alpha = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.float32)
        light = np.ones((height, width), np.float32)
        template = take.shot.template
        for item, (x, base), scale in zip(items, spots, scales, strict=True):
            own = _put(item, rgb, alpha, (x, base), scale)
            if template.shadow.contact > 0 or template.shadow.cast > 0:
                light *= 1 - shade_of(own, box_of(own > 0.5) or (0, 0, 1, 1), template.shadow, template.light, None)
        first = scales[0]
        origin = spots[0][0] - items[0].box[0] * first, spots[0][1] - (items[0].box[1] + items[0].box[3]) * first
        take.placed = Placed(rgb, alpha, first, box_of(alpha > 0.5) or (0, 0, 0, 0), origin)
        take.shade = np.asarray(1 - light, np.float32)
        sizes = [item.box[3] * scale / (item.mm[1] if item.mm else 1.0) for item, scale in zip(items, scales, strict=True)]
        take.measurements |= {
            "scale": first,
            "upscaled": 0.0,
            "strip_items": float(len(items)),
            "strip_spread": round(max(sizes) / min(sizes) - 1, 6),
        }


class StripWords(PixelStep):
    """Writes each variant's words below it on `take.image`."""

    name = "strip-words"

    def applies(self, shot: Shot) -> bool:
        """Only where the brief has a label."""
        return bool(_brief(shot).label)

    def reads(self, shot: Shot) -> dict[str, Any]:
        """How words are drawn; the words themselves are what `Strip` read."""
        return {"lettering": _brief(shot).lettering.model_dump(mode="json")}

    def apply(self, take: Take) -> None:
        """Centred below each."""
        items, pen = _items(take, pixels=False), _pen(take)
        spots, scales = arranged(take, items)
        gap = _brief(take.shot).gap * pen.short
        for item, (x, base), scale in zip(items, spots, scales, strict=True):
            if not item.words:
                continue
            width = item.box[2] * scale
            block = pen.set(item.words, (width + gap * 0.8, _words_px(take)), lines=2, align="center")
            pen.write(block, item.words, (x + width / 2 - block.mask.shape[1] / 2, base + _words_px(take) * 0.30))
        pen.done()


def _pen(take: Take) -> Pen:
    brief = _brief(take.shot)
    return Pen(take, brief.graphics, brief.lettering)


def members(shot: Shot) -> tuple[Product, ...]:
    """The products of the strip: the variants in the catalogue's order, or the product itself once a swatch."""
    if _brief(shot).source == "swatches":
        return (shot.product,) * len(shot.product.swatches)
    others = {other.sku: other for other in shot.companions}
    return tuple(others.values()) if shot.product.sku in others else (shot.product, *others.values())


def labels_of(shot: Shot) -> tuple[str, ...]:
    """The words below the variants, those that have some."""
    brief = _brief(shot)
    swatches = [swatch.name for swatch in shot.product.swatches] if brief.source == "swatches" else [""] * len(members(shot))
    words = [_words(brief, product, swatch) for product, swatch in zip(members(shot), swatches, strict=True)]
    return tuple(word for word in words if word)


def _items(take: Take, *, pixels: bool = True) -> list[Item]:
    brief, shot = _brief(take.shot), take.shot
    if brief.source == "swatches":
        return _swatches(take, pixels)
    items = []
    for product in members(shot):
        image = product.images[0] if product.sku != shot.product.sku else shot.images[0]
        items.append(_item(cut_of(take, image), product, _words(brief, product, "")))
    return items


def _swatches(take: Take, pixels: bool) -> list[Item]:
    """The one photo in each of the product's colours; the first swatch is the photographed one and stays as it is."""
    brief, product, matte = _brief(take.shot), take.shot.product, take.need_matte()
    source = brief.recolour_from or product.swatches[0].hex
    items = []
    for place, swatch in enumerate(product.swatches[: brief.most]):
        cut = matte
        if place and pixels:
            made = recoloured(matte.foreground, matte.alpha, Recolour(target=swatch.hex, source=source))
            if made.share == 0:
                raise StepError(f"{product.sku}: nothing on the product has the colour {source}: name it in brief.recolour_from")
            cut = replace(matte, foreground=made.rgb)
        items.append(_item(cut, product, _words(brief, product, swatch.name)))
    return items


def _item(matte: Matte, product: Product, words: str) -> Item:
    size = product.dimensions
    mm = (size.width_mm, size.height_mm) if size.width_mm and size.height_mm else None
    return Item(matte, words, extent_of(without_haze(matte.alpha), matte.cropped).solid, mm)


def _words(brief: VariantStripBrief, product: Product, swatch: str) -> str:
    """The label with the attributes it names; empty where one is not known."""
    known = {"sku": product.sku, "title": product.title, **{k.lower(): v for k, v in product.attributes.items()}}
    known |= {"colour": swatch} if swatch else {}
    known.setdefault("colour", known.get("color", ""))
    text = brief.label
    for name, value in known.items():
        text = text.replace(f"{{{name}}}", value)
    return "" if "{" in text else text.strip()


def arranged(take: Take, items: list[Item]) -> tuple[list[tuple[float, float]], list[float]]:
    """Left edge and baseline of each item, canvas pixels, and canvas pixels per photo pixel; as many columns as make them
    largest."""
    sizes = _sizes(items)
    best = max((_grid(take, sizes, columns) for columns in range(1, len(items) + 1)), key=lambda grid: grid[0])
    unit, spots = best
    return spots, [unit * size[1] / item.box[3] for item, size in zip(items, sizes, strict=True)]


def _sizes(items: list[Item]) -> list[tuple[float, float]]:
    """Width and height of each in one unit: millimetres of height where all are known, else heights alike."""
    if all(item.mm for item in items):
        return [(item.box[2] / item.box[3] * item.mm[1], item.mm[1]) for item in items if item.mm]
    return [(item.box[2] / item.box[3], 1.0) for item in items]


def _grid(take: Take, sizes: list[tuple[float, float]], columns: int) -> tuple[float, list[tuple[float, float]]]:
    """Canvas pixels a unit, and every item's left edge and baseline, for so many columns."""
    place, margins = take.shot.destination, take.shot.template.composition.margins
    width, height = place.width * (1 - margins.left - margins.right), place.height * (1 - margins.top - margins.bottom)
    gap, words = _brief(take.shot).gap * min(place.width, place.height), _words_px(take)
    rows = [sizes[k : k + columns] for k in range(0, len(sizes), columns)]
    wide = min((width - gap * (len(row) - 1)) / sum(w for w, _ in row) for row in rows)
    high = (height - gap * (len(rows) - 1) - words * len(rows)) / sum(max(h for _, h in row) for row in rows)
    unit = min(wide, high)
    total = unit * sum(max(h for _, h in row) for row in rows) + gap * (len(rows) - 1) + words * len(rows)
    top = margins.top * place.height + (height - total) / 2
    spots: list[tuple[float, float]] = []
    for row in rows:
        base = top + unit * max(h for _, h in row)
        left = margins.left * place.width + (width - unit * sum(w for w, _ in row) - gap * (len(row) - 1)) / 2
        for w, _ in row:
            spots.append((left, base))
            left += w * unit + gap
        top = base + words + gap
    return unit, spots


def _words_px(take: Take) -> float:
    brief, place = _brief(take.shot), take.shot.destination
    return WORDS * brief.graphics.text * min(place.width, place.height) if brief.label else 0.0


def _put(item: Item, rgb: np.ndarray[Any, np.dtype[np.uint8]], alpha: F32, at: tuple[float, float], scale: float) -> F32:
    """Set one item on the canvas, its solid box at left edge and baseline; returns its own coverage there."""
    clean, (x, y, _, h) = without_haze(item.matte.alpha), item.box
    window = padded(item.box, max(2, round(REACH / min(scale, 1.0))), (clean.shape[1], clean.shape[0]))
    size = max(1, round(window[2] * scale)), max(1, round(window[3] * scale))
    colour, cover = resampled_source(item.matte.foreground, clean, window, size)
    left = round(at[0] - (x - window[0]) * scale)
    top = round(at[1] - (y + h - window[1]) * scale)
    own = np.zeros_like(alpha)
    rows, columns = slice(max(0, top), top + size[1]), slice(max(0, left), left + size[0])
    shown = own[rows, columns].shape
    part = np.s_[max(0, -top) : max(0, -top) + shown[0], max(0, -left) : max(0, -left) + shown[1]]
    own[rows, columns] = cover[part]
    over = own[rows, columns] > alpha[rows, columns]
    rgb[rows, columns][over] = colour[part][over]
    np.maximum(alpha, own, out=alpha)
    return own


def _brief(shot: Shot) -> VariantStripBrief:
    brief = shot.template.brief
    if not isinstance(brief, VariantStripBrief):
        raise StepError("strip needs a brief of the kind variant-strip")
    return brief
