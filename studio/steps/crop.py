"""A detail of the product at the photo's own pixels."""

from __future__ import annotations

import re
from typing import Any

from studio.briefs.detail_crop import DetailCropBrief
from studio.errors import MissingInput, StepError
from studio.imaging.codec import decode
from studio.imaging.drawings.saliency import salience, windows
from studio.imaging.geometry import Box, box_of, extent_of, without_haze
from studio.imaging.resample import resampled_source
from studio.product import ProductImage
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.take import F32, Placed, Take


class Crop(PixelStep):
    """`take.matte` -> `take.placed`: the part of the product that stands out most and is sharp, `detail-2` the second such part.

    One canvas pixel is one photo pixel, or less: nothing is enlarged. Raises MissingInput for a photo whose product has too few
    pixels for that, and where the product has fewer details than are asked for. Records `crop_share`, the part of the
    product's longer side that is shown.
    """

    name = "crop"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The brief, the canvas, and which of the details this is."""
        brief = _brief(shot)
        canvas = [shot.destination.width, shot.destination.height]
        return {"brief": brief.model_dump(mode="json"), "canvas": canvas, "rank": rank_of(shot.slot)}

    def opens(self, shot: Shot) -> tuple[ProductImage, ...]:
        """The photo itself, where what was around the product stays."""
        return shot.images[:1] if _brief(shot).surroundings == "photo" else ()

    def apply(self, take: Take) -> None:
        """Find the window and cut it out."""
        matte, shot = take.need_matte(), take.shot
        canvas = shot.destination.width, shot.destination.height
        alpha = without_haze(matte.alpha)
        product = extent_of(alpha, matte.cropped).solid
        size = window_size(take, product, canvas)
        window = _window(take, alpha, product, size)
        scale = canvas[0] / size[0]
        rgb, cover = resampled_source(matte.foreground, alpha, window, canvas)
        if _brief(shot).surroundings == "photo":
            photo = decode(take.opened[shot.images[0].digest]).rgb
            rgb, _ = resampled_source(photo, alpha * 0 + 1, window, canvas)
            take.ground = rgb
        origin = -window[0] * scale, -window[1] * scale
        take.placed = Placed(rgb, cover, scale, box_of(cover > 0.5) or (0, 0, 0, 0), origin)
        take.measurements |= {
            "scale": scale,
            "upscaled": 0.0,
            "crop_share": round(max(size) / max(product[2:]), 6),
            "crop_left": float(window[0]),
            "crop_top": float(window[1]),
        }


def rank_of(slot: str) -> int:
    """Which detail a slot is for: `03-detail-2` is the second, `03-detail` the first."""
    found = re.search(r"-(\d+)$", slot)
    return int(found[1]) if found else 1


def window_size(take: Take, product: Box, canvas: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the window in photo pixels, the canvas's shape and at least its size. Raises MissingInput."""
    brief, longer = _brief(take.shot), max(product[2:])
    wanted, needed = brief.share * longer, max(canvas)
    if needed > brief.widest * longer:
        raise MissingInput(
            f"{take.shot.product.sku}: {take.shot.images[0].uri}: the product is {longer} px long, a detail of {canvas[0]} x "
            f"{canvas[1]} px without enlargement takes {round(needed / brief.widest)} px or more: supply a larger photo"
        )
    factor = max(1.0, wanted / needed)
    return round(canvas[0] * factor), round(canvas[1] * factor)


def _window(take: Take, alpha: F32, product: Box, size: tuple[int, int]) -> Box:
    brief, rank = _brief(take.shot), rank_of(take.shot.slot)
    height, width = alpha.shape
    found = salience(take.need_matte().foreground, alpha)
    chosen = windows(found, size, max(rank, brief.count), cover=brief.cover) if size[0] <= width and size[1] <= height else []
    if len(chosen) < rank:
        raise MissingInput(
            f"{take.shot.product.sku}: {take.shot.images[0].uri}: only {len(chosen)} details of {size[0]} x {size[1]} px that "
            f"are {brief.cover:.0%} product, {rank} are wanted: supply a larger photo, or ask for fewer"
        )
    return chosen[rank - 1]


def _brief(shot: Shot) -> DetailCropBrief:
    brief = shot.template.brief
    if not isinstance(brief, DetailCropBrief):
        raise StepError("crop needs a brief of the kind detail-crop")
    return brief
