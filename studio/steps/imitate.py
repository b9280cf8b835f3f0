"""A reference photo read, and the look narrowed to it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Any

import cv2
import numpy as np

from studio.briefs.lookalike import LookalikeBrief
from studio.errors import MissingInput, PackshotError, StepError
from studio.grounds import SurfaceGround
from studio.imaging.codec import decode
from studio.imaging.reference.grade import graded_product, graded_set
from studio.imaging.reference.imitation import narrowed, words
from studio.imaging.reference.read_picture import read_picture
from studio.imaging.relight import drift
from studio.imaging.views import frame, item
from studio.keys import digest_of, facts
from studio.models.base import Models
from studio.product import ImageRole, ProductImage
from studio.reading import Reading
from studio.shot import Shot
from studio.steps.base import PixelStep, Step, ask
from studio.steps.cutout import meaningful
from studio.steps.scene import ground_of
from studio.take import F32, Take
from studio.template import Template

KEPT = 64
"""Readings kept in memory: a catalogue's SKUs share their reference."""


class Imitate(Step):
    """Fills `take.reading` from the reference and narrows `take.shot.template` to it: light, ground, composition, shadow.

    A model tells the reference's subject from its set, once for each reference. A generated set is shown the reference itself.
    Raises MissingInput for a product without a reference, ImageError for one that cannot be read.
    """

    name = "imitate"

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], Reading] = OrderedDict()

    def opens(self, shot: Shot) -> tuple[ProductImage, ...]:
        """The product's own reference; none where the template brings it."""
        return tuple(image for image in shot.images[1:] if image.role is ImageRole.REFERENCE)[:1]

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The brief with the digest of its reference, and what of the look is kept where the reference says nothing."""
        template, brief = shot.template, brief_of(shot.template)
        return {
            "brief": facts(brief, later=(), exclude=("reference",)),
            "reference": brief.reference.digest if brief.reference is not None else "",
            "ground": facts(template.background, later=(), exclude=("path",)),
            "light": facts(template.light, later=("ratio",)),
            "composition": facts(template.composition, later=("scaling", "reference_box")),
            "relight": facts(template.relight, later=()),
            "cutout": template.cutout.model,
        }

    def models(self, shot: Shot) -> tuple[str, ...]:
        """The matting model."""
        return (shot.template.cutout.model,)

    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """Read each reference that is not known yet, then narrow every look."""
        results: list[Take | PackshotError] = []
        for take in takes:
            try:
                digest, data = reference_of(take)
                reading = await self._reading(take, models, digest, data)
            except PackshotError as error:
                results.append(error)
                continue
            _follow(take, reading, digest, data)
            results.append(take)
        return results

    async def _reading(self, take: Take, models: Models, digest: str, data: bytes) -> Reading:
        model = take.shot.template.cutout.model
        key = digest, digest_of(models.card(model).key)
        if key not in self._known:
            photo = await asyncio.to_thread(decode, data)
            if meaningful(photo):
                assert photo.alpha is not None
                seen: F32 = photo.alpha
            else:
                side = models.card(model).input_px
                (answer,) = await ask(self.name, models, model, [take], [item(photo.rgb, frame(photo.rgb), side)])
                if isinstance(answer, PackshotError):
                    raise answer
                seen = np.asarray(cv2.resize(np.asarray(answer, np.float32), photo.size), np.float32)
            self._known[key] = await asyncio.to_thread(partial(read_picture, photo.rgb, seen))
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return self._known[key]


class GradeSet(PixelStep):
    """Pulls `take.ground` to the reference's colours and light; the product is not touched. A set that a destination insists on
    (white) and a generated one stay as they are."""

    name = "grade-set"

    def applies(self, shot: Shot) -> bool:
        """Where a set of ours is to be graded."""
        wanted = brief_of(shot.template).grade > 0 and shot.template.scene.engine == "procedural"
        return wanted and shot.destination.background == "any"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The look's name, on which the grain hangs; `imitate` read the rest."""
        return {"seed": shot.template.id}

    def apply(self, take: Take) -> None:
        """Grade it. Raises StepError without `imitate`."""
        template, brief = take.shot.template, brief_of(take.shot.template)
        if take.ground is None or not {"palette", "contrast"} & set(brief.follow):
            return
        ground = ground_of(take.shot)
        horizon = ground.horizon if isinstance(ground, SurfaceGround) else None
        seed = int(digest_of(["grade", template.id])[:8], 16)
        take.ground = graded_set(take.ground, read(take), horizon, brief.grade, seed)


class GradeProduct(PixelStep):
    """Lets the product follow the reference's light colour and contrast, bounded; records `graded_delta_e`, the mean CIEDE2000
    that it added."""

    name = "grade-product"

    def applies(self, shot: Shot) -> bool:
        """Only where the brief lets the product's own pixels change."""
        return brief_of(shot.template).grade_product > 0

    def apply(self, take: Take) -> None:
        """Change the colours; alpha stays."""
        placed, template = take.need_placed(), take.shot.template
        before = placed.rgb if take.lit is None else take.lit
        contrast = float(np.sqrt(read(take).contrast / 45.0)) if read(take).contrast > 0 else 1.0
        take.lit = graded_product(before, placed.alpha, template.light, contrast, brief_of(template).grade_product)
        take.measurements["graded_delta_e"] = round(drift(before, take.lit, placed.alpha)[0], 6)


def brief_of(template: Template) -> LookalikeBrief:
    """The brief; a template without one gets the defaults."""
    return template.brief if isinstance(template.brief, LookalikeBrief) else LookalikeBrief()


def read(take: Take) -> Reading:
    """What was read off the reference. Raises StepError when the recipe forgot `imitate`."""
    if take.reading is None:
        raise StepError("this recipe needs the step 'imitate' earlier")
    return take.reading


def reference_of(take: Take) -> tuple[str, bytes]:
    """Digest and bytes of the reference. Raises MissingInput for none, StepError when its bytes were not brought along."""
    brief = brief_of(take.shot.template)
    own = next((image for image in take.shot.images[1:] if image.role is ImageRole.REFERENCE), None)
    digest = own.digest if own is not None else brief.reference.digest if brief.reference is not None else ""
    if not digest:
        raise MissingInput(missing(take.shot.product.sku))
    data = take.opened.get(digest) or take.assets.get(digest)
    if data is None:
        raise StepError("the bytes of the reference were not brought along")
    return digest, data


def missing(sku: str) -> str:
    """What to supply."""
    return f"{sku}: a lookalike needs something to imitate: supply a photo with the role `reference`, or `brief.reference`"


def _follow(take: Take, reading: Reading, digest: str, data: bytes) -> None:
    template = take.shot.template
    look = narrowed(template, brief_of(template), reading)
    if template.scene.engine == "diffusers":
        take.assets = {**take.assets, digest: data}
        scene = look.scene.model_copy(update={"reference": "reference", "reference_digest": digest})
        prompt = look.prompt.model_copy(update={"positive": (*look.prompt.positive, *words(reading))})
        look = look.model_copy(update={"scene": scene, "prompt": prompt})
    take.reading = reading
    take.shot = take.shot.model_copy(update={"template": look})
