"""Photo to cut-out: what the network saw, refined at full resolution."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from studio.errors import PackshotError
from studio.imaging import matte
from studio.imaging.glance import glance
from studio.imaging.matte_bytes import pack, unpack
from studio.imaging.views import View, closer, frame, item
from studio.keys import facts
from studio.models.base import Models
from studio.shot import Shot
from studio.steps.base import CachedStep, ask, each
from studio.take import U8, Matte, Photo, Take

GLASS, SOLID = 0.98, 0.5
MIN_GLASS, MIN_SOLID = 0.005, 0.02
"""An alpha channel means something when this share of the pixels lies below GLASS, and this share above SOLID."""


class CutoutStep(CachedStep):
    """`take.photo` -> `take.matte`, and the measurement `uncertainty`. A photo with a meaningful alpha keeps it and calls no
    model; an empty cut-out is NoProductFound. The second attempt at a shot uses the other refiner.
    """

    name = "cutout"
    version = 2

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Every cut-out field of the template."""
        return {"cutout": facts(shot.template.cutout, later=("roi",))}

    def models(self, shot: Shot) -> tuple[str, ...]:
        """The matting model, which a photo with its own alpha does not call after all."""
        return (shot.template.cutout.model,)

    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """Look, look closer where the object is small, refine."""
        results: dict[int, Take | PackshotError] = {}
        views: dict[int, list[View]] = {id(take): [] for take in takes}
        for name in sorted({take.shot.template.cutout.model for take in takes}):
            chosen = [take for take in takes if take.shot.template.cutout.model == name and not keeps_alpha(take)]
            side = models.card(name).input_px
            results |= await self._look(name, side, chosen, models, views, first=True)
            again = [take for take in chosen if id(take) not in results and _wants_closer(take, views[id(take)])]
            results |= await self._look(name, side, again, models, views, first=False)
        rest = [take for take in takes if id(take) not in results]
        done = await each(self.name, partial(_refine, views), rest)
        results |= {id(take): result for take, result in zip(rest, done, strict=True)}
        return [results[id(take)] for take in takes]

    async def _look(
        self, model: str, side: int, takes: Sequence[Take], models: Models, views: dict[int, list[View]], *, first: bool
    ) -> dict[int, Take | PackshotError]:
        """Ask the model about each take's frame, or about the box of its small object; failures by take."""
        items: dict[int, Any] = {}

        def prepare(take: Take) -> None:
            rgb = _seen(take)
            box = frame(rgb) if first else closer(views[id(take)][0])
            assert box is not None
            items[id(take)] = (item(rgb, box, side), box)

        prepared = await each(self.name, prepare, takes)
        failed: dict[int, Take | PackshotError] = {
            id(take): result for take, result in zip(takes, prepared, strict=True) if isinstance(result, PackshotError)
        }
        ready = [take for take in takes if id(take) not in failed]
        answers = await ask(self.name, models, model, ready, [items[id(take)][0] for take in ready])
        for take, answer in zip(ready, answers, strict=True):
            if isinstance(answer, PackshotError):
                failed[id(take)] = answer
            else:
                views[id(take)].append(View(answer, items[id(take)][1]))
        return failed

    def dump(self, take: Take) -> bytes:
        """The cut-out, losslessly, and the glance at the photo."""
        return struct.pack("<I", len(take.glance)) + take.glance + pack(take.need_matte())

    def load(self, take: Take, data: bytes) -> None:
        """The same pixels back; the photo is not needed."""
        (length,) = struct.unpack_from("<I", data)
        take.glance = data[4 : 4 + length]
        _put(take, unpack(data[4 + length :]))


def _refine(views: dict[int, list[View]], take: Take) -> None:
    photo, fields = take.need_photo(), take.shot.template.cutout
    take.glance = glance(photo.rgb)
    seen = views[id(take)]
    if seen:
        found = matte.cut(_seen(take), seen, refiner=fields.refiner, decontaminate=fields.decontaminate, source=fields.model)
        _put(take, found if fields.roi is None else matte.framed(found, matte.window(fields.roi, photo.size), photo.size))
    else:
        assert photo.alpha is not None
        alpha = photo.alpha if fields.roi is None else matte.only(photo.alpha, matte.window(fields.roi, photo.size))
        _put(take, matte.kept(photo.rgb, alpha))


def _seen(take: Take) -> U8:
    """The part of the photo in which the product is looked for."""
    photo, roi = take.need_photo(), take.shot.template.cutout.roi
    if roi is None:
        return photo.rgb
    left, top, right, bottom = matte.window(roi, photo.size)
    return np.ascontiguousarray(photo.rgb[top:bottom, left:right])


def _put(take: Take, cut: Matte) -> None:
    take.matte = cut
    take.measurements["uncertainty"] = cut.uncertainty


def _wants_closer(take: Take, views: Sequence[View]) -> bool:
    return take.shot.template.cutout.second_pass and closer(views[0]) is not None


def keeps_alpha(take: Take) -> bool:
    """Whether the photo's own alpha channel is the cut-out."""
    if take.photo is None or take.photo.alpha is None or take.shot.template.cutout.keep_alpha == "never":
        return False
    return meaningful(take.photo)


def meaningful(photo: Photo) -> bool:
    """Whether the photo has an alpha channel that separates something."""
    alpha = photo.alpha
    return alpha is not None and float((alpha < GLASS).mean()) > MIN_GLASS and float((alpha > SOLID).mean()) > MIN_SOLID
