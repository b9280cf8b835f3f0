"""A set painted around each product."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from studio.errors import PackshotError
from studio.imaging.bucket import Fit
from studio.imaging.composite import over
from studio.imaging.control import shape_of
from studio.imaging.outgrowth import cleared, outgrowth
from studio.imaging.views import frame, item
from studio.keys import digest_of
from studio.models.base import Models
from studio.models.diffusion.brief import Brief, Painted
from studio.shot import Shot
from studio.steps.backdrop import facts_of, generates, laid, paint, reference_of, suited
from studio.steps.base import Step, ask, each
from studio.steps.wording import Words, with_product
from studio.take import U8, Take

COPY_PX = 3
"""How far a generator's copy of the product's edge is smeared, in pixels of its own picture."""
GREY = 200
"""Level of the ground on which a product is shown to a generator where no set was built."""


class Generate(Step):
    """Fills `take.ground` with the set that a generator painted around the placed product, and the measurement `outgrowth`: area
    that it added to the product over the product's own, seen by the cut-out's model. `Compose` lays the product over it.

    Where memory allows no picture at all, the procedural set stays and `scene_out_of_memory` says so.
    """

    name = "generate"

    def applies(self, shot: Shot) -> bool:
        """Looks whose sets are painted around each product, at destinations that take a set."""
        return generates(shot) and shot.template.scene.mode != "backdrop"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Words (`attributes`, since the product's are among them), seed, size, preset, mode, what a ControlNet is shown."""
        scene, told = shot.template.scene, facts_of(shot, _words(shot), _seed(shot))
        return told | {"attributes": told.pop("words"), "mode": scene.mode, "control": scene.control}

    def models(self, shot: Shot) -> tuple[str, ...]:
        """The generator, and the matting model that looks for growth."""
        return (shot.template.scene.model, shot.template.cutout.model)

    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """Show the product to the generator, lay its picture under the product, look whether the product grew."""
        chosen = [take for take in takes if self.applies(take.shot)]
        briefs: dict[int, Brief] = {}
        ready = await each(self.name, lambda take: briefs.update({id(take): _brief(take)}), chosen)
        results = {id(take): result for take, result in zip(chosen, ready, strict=True)}
        painted = await paint(self.name, models, [take for take in ready if isinstance(take, Take)], briefs, results)
        for take in chosen:
            take.measurements["outgrowth"] = 0.0
        results |= await self._grown(painted, models)
        results |= await laid(self.name, [(take, answer) for take, answer in painted if results[id(take)] is take], _lay)
        return [results.get(id(take), take) for take in takes]

    async def _grown(self, painted: Sequence[tuple[Take, Painted]], models: Models) -> dict[int, Take | PackshotError]:
        """Ask each take's matting model about its generated picture; results by take."""
        results: dict[int, Take | PackshotError] = {id(take): take for take, _ in painted}
        for name in sorted({take.shot.template.cutout.model for take, _ in painted}):
            asked = [(take, answer.rgb) for take, answer in painted if take.shot.template.cutout.model == name]
            side = models.card(name).input_px
            pictures = [_fit(take.shot).back(rgb) for take, rgb in asked if rgb is not None]
            items = [item(picture, frame(picture), side) for picture in pictures]
            for (take, _), seen in zip(asked, await ask(self.name, models, name, [t for t, _ in asked], items), strict=True):
                if isinstance(seen, PackshotError):
                    results[id(take)] = seen
                else:
                    take.measurements["outgrowth"] = outgrowth(seen, take.need_placed().alpha)
        return results


def _brief(take: Take) -> Brief:
    shot, placed = take.shot, take.need_placed()
    scene, fit, words, reference = shot.template.scene, _fit(shot), _words(shot), reference_of(take)
    ground = np.full(placed.rgb.shape, GREY, np.uint8) if take.ground is None else take.ground
    product = placed.rgb if take.lit is None else take.lit
    shape = None if scene.control == "none" else fit.into(shape_of(scene.control, placed.rgb, placed.alpha))
    return Brief(
        words.positive,
        fit.bucket,
        _seed(shot),
        scene.mode,
        words.negative,
        image=fit.into(over(product, placed.alpha, ground)),
        mask=fit.mask(placed.alpha) if scene.mode == "inpaint" else None,
        reference=reference,
        influence=scene.influence if reference is not None else 0.0,
        control=scene.control,
        shape=shape,
    )


def _words(shot: Shot) -> Words:
    return with_product(shot.product, shot.template, suited(shot))


def _fit(shot: Shot) -> Fit:
    place = shot.destination
    return Fit((place.width, place.height), suited(shot).bucket(place.width, place.height))


def _seed(shot: Shot) -> int:
    """The look's own seed, or one that follows from its name and the photo."""
    seed = shot.template.scene.seed
    return int(digest_of(["set", shot.template.id, shot.images[0].digest])[:8], 16) if seed is None else seed


def _lay(take: Take, picture: U8) -> None:
    fit = _fit(take.shot)
    reach = max(1, math.ceil(COPY_PX * fit.canvas[0] / fit.box[2]))
    take.ground = cleared(fit.back(picture), take.need_placed().alpha, reach)
