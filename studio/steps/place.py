"""The product on the canvas: composition rules, one resize, whole-pixel placing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.errors import PackshotError
from studio.imaging.faithful import faithful
from studio.imaging.geometry import Box, Extent, box_of, extent_of, framed, offset_of, scale_of, scaled, without_haze
from studio.imaging.resample import REACH, extended, padded, resampled_source
from studio.keys import facts
from studio.models.base import Models
from studio.shot import Shot
from studio.steps.angles import shared_scale
from studio.steps.base import Step, ask, each
from studio.take import F32, U8, Placed, Take

LATER = ("scaling", "reference_box", "same_scale", "same_scale_by")
"""Fields of a composition that did not always exist."""
READER = "ocr"
"""The model that tells whether goods carry lettering."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be placed (alpha float32 (H, W) 0..1), how large, and which part of the photo holds it."""

    alpha: F32
    extent: Extent
    scale: float
    crop: Box


class Place(Step):
    """`take.matte` -> `take.placed`; records `scale` (canvas px per photo px), `upscaled` (1 when a model was used) and, where
    a reader was asked, `unlettered` (1 when it found no lettering, so that the stronger model was used).

    Raises NoProductFound for an empty cut-out. Pixel lock: inside the product the placed colours equal `resampled_source` of
    the cut-out, or of the model's enlargement of it.
    """

    name = "place"
    version = 2

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Composition, enlargement and canvas size."""
        return {
            "composition": facts(shot.template.composition, later=LATER),
            "upscale": facts(shot.template.upscale, later=("unlettered",)),
            "canvas": [shot.destination.width, shot.destination.height],
        }

    def models(self, shot: Shot) -> tuple[str, ...]:
        """The enlarging model; where goods without lettering have their own, that one and the reader that tells them apart."""
        upscale = shot.template.upscale
        return (upscale.model, upscale.unlettered, READER) if upscale.unlettered else (upscale.model,)

    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """Plan every take; one call a model for those that need it; resize and place each in a thread."""
        results: list[Take | PackshotError] = list(takes)
        plans: dict[int, Plan] = {}
        for index, take in enumerate(takes):
            try:
                plans[index] = await asyncio.to_thread(planned, take)
            except PackshotError as error:
                results[index] = error
        enlarged = await self._enlarge(takes, plans, models)
        ready: dict[int, tuple[Plan, U8 | None]] = {}
        for index, value in enlarged.items():
            if isinstance(value, PackshotError):
                results[index] = value
            else:
                ready[id(takes[index])] = plans[index], value
        live = [index for index, take in enumerate(takes) if id(take) in ready]
        placed = await each(self.name, lambda take: put(take, *ready[id(take)]), [takes[i] for i in live])
        for index, result in zip(live, placed, strict=True):
            results[index] = result
        return results

    async def _enlarge(self, takes: Sequence[Take], plans: dict[int, Plan], models: Models) -> dict[int, Any]:
        """By index: the model's enlargement of the crop, None where none is needed, or the model's error."""
        answers: dict[int, Any] = dict.fromkeys(plans)
        small = [index for index, plan in plans.items() if plan.scale >= takes[index].shot.template.upscale.above]
        crops = {index: await asyncio.to_thread(_crop, takes[index], plans[index]) for index in small}
        bare = await self._unlettered(takes, crops, models)
        wanted: dict[str, list[int]] = {}
        for index in small:
            upscale = takes[index].shot.template.upscale
            wanted.setdefault(upscale.unlettered if bare.get(index) else upscale.model, []).append(index)
        for model, indices in wanted.items():
            values = await ask(self.name, models, model, [takes[i] for i in indices], [crops[i] for i in indices])
            for index, value in zip(indices, values, strict=True):
                answers[index] = value
                if not isinstance(value, PackshotError):
                    answers[index] = await asyncio.to_thread(faithful, value, crops[index])
        return answers

    async def _unlettered(self, takes: Sequence[Take], crops: dict[int, U8], models: Models) -> dict[int, bool]:
        """By index, where the template has a model for goods without lettering: whether a reader found none on the product.
        A reader that fails has not found none."""
        asked = [index for index in crops if takes[index].shot.template.upscale.unlettered]
        lines = await ask(self.name, models, READER, [takes[i] for i in asked], [crops[i] for i in asked])
        bare = {index: not isinstance(found, PackshotError) and not len(found) for index, found in zip(asked, lines, strict=True)}
        for index, is_bare in bare.items():
            takes[index].measurements["unlettered"] = float(is_bare)
        return bare


def planned(take: Take) -> Plan:
    """Measure the cut-out and decide the scale. Raises NoProductFound."""
    matte, shot = take.need_matte(), take.shot
    alpha = without_haze(matte.alpha)
    product = extent_of(alpha, matte.cropped)
    whole = shot.template.composition.reference_box == "photo"
    extent = framed(product, (alpha.shape[1], alpha.shape[0])) if whole else product
    if shot.template.composition.same_scale:
        scale = shared_scale(take)
    else:
        scale = scale_of(extent, (shot.destination.width, shot.destination.height), shot.template.composition)
    room = max(2, int(np.ceil(REACH / min(scale, 1.0))))
    return Plan(alpha, extent, scale, padded(product.soft, room, (alpha.shape[1], alpha.shape[0])))


def put(take: Take, plan: Plan, enlarged: U8 | None) -> None:
    """Resize the crop once and set it on an empty canvas."""
    matte, shot = take.need_matte(), take.shot
    canvas = shot.destination.width, shot.destination.height
    _, _, w, h = plan.crop
    size = max(1, round(w * plan.scale)), max(1, round(h * plan.scale))
    rgb, alpha = resampled_source(matte.foreground, plan.alpha, plan.crop, size)
    if enlarged is not None:
        whole = (0, 0, enlarged.shape[1], enlarged.shape[0])
        rgb, _ = resampled_source(enlarged, np.ones(enlarged.shape[:2], np.float32), whole, size)
    rules = shot.template.composition
    solid = box_of(alpha > 0.5) or (0, 0, *size)
    if rules.reference_box == "photo":
        solid = scaled(plan.extent.solid, plan.crop, plan.scale)
    dx, dy = offset_of(solid, plan.extent, canvas, rules)
    canvas_rgb = np.zeros((canvas[1], canvas[0], 3), np.uint8)
    canvas_alpha = np.zeros((canvas[1], canvas[0]), np.float32)
    to, source = _overlap((dx, dy), size, canvas)
    canvas_rgb[to], canvas_alpha[to] = rgb[source], alpha[source]
    origin = dx - plan.crop[0] * plan.scale, dy - plan.crop[1] * plan.scale
    take.placed = Placed(canvas_rgb, canvas_alpha, plan.scale, box_of(canvas_alpha > 0.5) or (0, 0, 0, 0), origin)
    take.measurements["scale"] = plan.scale
    take.measurements["upscaled"] = float(enlarged is not None)


def _crop(take: Take, plan: Plan) -> U8:
    """What the model enlarges: the product, continued over its edge, so that nothing of the old ground is learned."""
    x, y, w, h = plan.crop
    return extended(take.need_matte().foreground[y : y + h, x : x + w], plan.alpha[y : y + h, x : x + w], 2 * REACH)


Window = tuple[slice, slice]


def _overlap(offset: tuple[int, int], size: tuple[int, int], canvas: tuple[int, int]) -> tuple[Window, Window]:
    """Windows (rows, columns) of the canvas and of the resized crop that lie on each other."""
    (dx, dy), (w, h), (width, height) = offset, size, canvas
    left, top = max(0, dx), max(0, dy)
    right, bottom = max(left, min(width, dx + w)), max(top, min(height, dy + h))
    return (slice(top, bottom), slice(left, right)), (slice(top - dy, bottom - dy), slice(left - dx, right - dx))
