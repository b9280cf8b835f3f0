"""The artwork on the blank, at the size at which the picture will show it."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from PIL import Image

from studio.briefs.mockup import MockupBrief
from studio.errors import MissingInput, PackshotError, StepError
from studio.imaging.codec import decode
from studio.imaging.geometry import extent_of, framed, scale_of, without_haze
from studio.imaging.glance import glance
from studio.imaging.matte_bytes import pack, unpack
from studio.imaging.prints.ink import dyed
from studio.imaging.resample import extended, resized_coverage
from studio.keys import facts
from studio.models.base import Models
from studio.product import ProductImage
from studio.shot import Shot
from studio.steps.artwork import brief_of
from studio.steps.base import CachedStep, each
from studio.steps.press import Press, asset, grey
from studio.take import F32, U8, Matte, Take

SIZES = (0.2, 3.0)
"""How much smaller or larger than its photo a blank is printed."""
SURE = 0.97
"""Alpha from which a pixel's colour is the blank's alone."""
REACH = 6
"""Pixels that a blank's soft edge is wide at most."""


class PrintStep(CachedStep):
    """`take.photo` (the artwork) and the blank -> `take.matte`: the printed blank, so sized that `place` need not enlarge it.

    Records `print_dpi`, `print_coverage`, `print_cropped`, `print_visible` and `blank_scale`. Raises MissingInput for an artwork
    too small for its print, naming the pixels that are needed.
    """

    name = "print"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The brief, the colour asked for, and what decides the size."""
        return {
            "brief": brief_of(shot).model_dump(mode="json"),
            "colour": colour_of(shot),
            "composition": facts(shot.template.composition, later=("scaling", "reference_box")),
            "canvas": [shot.destination.width, shot.destination.height],
            "own": keeps_photo(shot),
        }

    def opens(self, shot: Shot) -> tuple[ProductImage, ...]:
        """The product's further artworks."""
        return shot.images[1:]

    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """Every take in a thread."""
        return await each(self.name, printed, takes)

    def dump(self, take: Take) -> bytes:
        """Measurements, the glance, the plan of the print and the printed blank, losslessly."""
        if take.printed is None:
            raise StepError("this recipe needs the step 'print' earlier")
        names = ("print_dpi", "print_coverage", "print_cropped", "print_visible", "blank_scale")
        head = json.dumps({name: take.measurements[name] for name in names}).encode()
        plan = cv2.imencode(".png", take.printed)[1].tobytes()
        return b"".join(struct.pack("<I", len(part)) + part for part in (head, take.glance, plan)) + pack(take.need_matte())

    def load(self, take: Take, data: bytes) -> None:
        """The same back; neither artwork nor blank is opened."""
        parts = []
        for _ in range(3):
            (length,) = struct.unpack_from("<I", data)
            parts.append(data[4 : 4 + length])
            data = data[4 + length :]
        take.measurements |= json.loads(parts[0]) | {"uncertainty": 0.0}
        take.glance = parts[1]
        take.printed = np.asarray(cv2.imdecode(np.frombuffer(parts[2], np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)
        take.matte = unpack(data)


def keeps_photo(shot: Shot) -> bool:
    """Whether the blank stays in its own photo: asked for, and the destination has no rule about grounds."""
    return brief_of(shot).ground == "own" and shot.destination.background == "any"


def colour_of(shot: Shot) -> str | None:
    """The colour that the blank is given, if any. Raises MissingInput for a product without the swatch that is asked for."""
    wanted = brief_of(shot).colour
    if wanted != "swatch":
        return wanted
    if not shot.product.swatches:
        raise MissingInput(f"{shot.product.sku}: {shot.template.id} dyes the blank; add the product's colour as a swatch")
    return shot.product.swatches[0].hex


def printed(take: Take) -> None:
    """Print one take."""
    shot, brief = take.shot, brief_of(take.shot)
    photo, alpha = _blank(take, brief)
    size = _size(shot, photo, alpha)
    bare = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS))
    cover = None if alpha is None else resized_coverage(alpha, size)
    colour, material = colour_of(shot), brief.blank.base
    if colour is not None and cover is not None:
        bare, material = dyed(bare, cover, material, colour), colour
    press = Press(take, bare, (photo.shape[1], photo.shape[0]), material)
    for surface in brief.surfaces:
        press.put(surface)
    take.printed = press.plan()
    take.measurements |= press.measured() | {"uncertainty": 0.0, "blank_scale": round(size[0] / photo.shape[1], 6)}
    take.matte = _matte(press.image, press.seen if cover is None else cover, whole=keeps_photo(shot))
    take.glance = glance(press.image)


def _blank(take: Take, brief: MockupBrief) -> tuple[U8, F32 | None]:
    photo = decode(asset(take, brief.blank.photo))
    if brief.blank.alpha is None:
        return photo.rgb, photo.alpha
    alpha = grey(asset(take, brief.blank.alpha))
    if alpha.shape != photo.rgb.shape[:2]:
        raise StepError(f"{brief.blank.alpha.path} is not as large as {brief.blank.photo.path}")
    return photo.rgb, alpha


def _size(shot: Shot, photo: U8, alpha: F32 | None) -> tuple[int, int]:
    """Width and height at which the blank is printed: what the canvas will show."""
    height, width = photo.shape[:2]
    canvas, rules = (shot.destination.width, shot.destination.height), shot.template.composition
    if keeps_photo(shot):
        scale = max(canvas[0] / width, canvas[1] / height)
        return max(canvas[0], round(width * scale)), max(canvas[1], round(height * scale))
    if alpha is None:
        raise StepError(f"template {shot.template.id}: the blank has no alpha, so it can only keep its own ground")
    cut = Matte(alpha, photo, 0.0, "alpha")
    product = extent_of(without_haze(alpha), cut.cropped)
    extent = framed(product, (width, height)) if rules.reference_box == "photo" else product
    scale = min(max(scale_of(extent, canvas, rules), SIZES[0]), SIZES[1])
    return round(width * scale), round(height * scale)


def _matte(rgb: U8, alpha: F32, *, whole: bool) -> Matte:
    """The printed blank as a cut-out; its edge is freed of the old ground unless that stays (`whole`)."""
    levels = np.rint(np.clip(alpha, 0, 1) * 255).astype(np.float32) / np.float32(255)
    if whole:
        return Matte(levels, rgb, 0.0, "alpha")
    clean = np.zeros_like(rgb)
    x, y, width, height = cv2.boundingRect((levels > 0).astype(np.uint8))
    part = slice(y, y + height), slice(x, x + width)
    own = extended(rgb[part], (levels[part] >= SURE).astype(np.float32), REACH)
    clean[part] = np.where((levels[part] >= 1)[..., None], rgb[part], own)
    clean[levels == 0] = 0
    return Matte(levels, clean, 0.0, "alpha")
