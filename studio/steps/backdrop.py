"""An empty set from a generator, shared by every SKU of a look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from studio.errors import PackshotError, StepError, TemplateError
from studio.imaging.codec import decode
from studio.imaging.sweep import cover
from studio.keys import digest_of
from studio.models.base import Models
from studio.models.diffusion.brief import Brief, Painted
from studio.models.presets import Mode, Preset, preset
from studio.shot import Shot
from studio.steps.base import Step, ask, each
from studio.steps.scene import ground_of
from studio.steps.wording import Words, empty_set
from studio.take import U8, Take

REFERENCE_PX = 512
"""Longer side of the picture whose look is followed; adapters see 224 to 384."""


class Backdrop(Step):
    """Fills `take.ground` with a generated empty set. The brief holds the look's words, a seed and a trained size, and nothing
    of the product, so that the store answers all but the first SKU of a look and aspect ratio.

    Where memory allows no picture at all, the set stays procedural and `scene_out_of_memory` says so.
    """

    name = "backdrop"

    def applies(self, shot: Shot) -> bool:
        """Looks whose empty sets are generated, at destinations that take a set."""
        return generates(shot) and shot.template.scene.mode == "backdrop"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Words, seed, size, preset and the look to follow."""
        return facts_of(shot, empty_set(shot.template, suited(shot)), _seed(shot))

    def models(self, shot: Shot) -> tuple[str, ...]:
        """The generator."""
        return (shot.template.scene.model,)

    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """Ask for each take's set; equal ones are made once."""
        chosen = [take for take in takes if self.applies(take.shot)]
        briefs: dict[int, Brief] = {}
        ready = await each(self.name, lambda take: briefs.update({id(take): _brief(take)}), chosen)
        results = {id(take): result for take, result in zip(chosen, ready, strict=True)}
        painted = await paint(self.name, models, [take for take in ready if isinstance(take, Take)], briefs, results)
        results |= await laid(self.name, painted, _cover)
        return [results.get(id(take), take) for take in takes]


def generates(shot: Shot) -> bool:
    """Whether a generator makes the set: the look asks for one, and the destination insists on no ground of its own."""
    engine, ground = shot.template.scene.engine, ground_of(shot)
    return engine == "diffusers" and shot.destination.background == "any" and ground.kind != "transparent"


def suited(shot: Shot) -> Preset:
    """The generator's preset. Raises TemplateError for a model that is none, or that lacks the mode."""
    scene = shot.template.scene
    chosen = preset(scene.model)
    if scene.mode not in chosen.modes:
        raise TemplateError(
            f"template {shot.template.key}: {scene.model} has no mode {scene.mode!r}, but {', '.join(chosen.modes)}"
        )
    return chosen


def facts_of(shot: Shot, words: Words, seed: int) -> dict[str, Any]:
    """What a generated set hangs on, for keys."""
    scene, place, chosen = shot.template.scene, shot.destination, suited(shot)
    facts: dict[str, Any] = {
        "words": [words.positive, words.negative],
        "seed": seed,
        "bucket": list(chosen.bucket(place.width, place.height)),
        "canvas": [place.width, place.height],
        "preset": chosen.facts,
    }
    if scene.reference_digest:
        facts["reference"] = [scene.reference_digest, scene.influence]
    return facts


async def paint(
    step: str, models: Models, takes: Sequence[Take], briefs: dict[int, Brief], results: dict[int, Take | PackshotError]
) -> list[tuple[Take, Painted]]:
    """Ask each take's generator for its brief; errors go into `results`. What memory did not allow is told on the take."""
    painted = []
    for name in sorted({take.shot.template.scene.model for take in takes}):
        asked = [take for take in takes if take.shot.template.scene.model == name]
        answers = await ask(step, models, name, asked, [briefs[id(take)] for take in asked])
        for take, answer in zip(asked, answers, strict=True):
            if isinstance(answer, PackshotError):
                results[id(take)] = answer
                continue
            tell(take, answer)
            if answer.rgb is not None:
                painted.append((take, answer))
    return painted


def tell(take: Take, answer: Painted) -> None:
    """Which engine made the set, and what it gave up: `scene_rungs` counts the rungs, one measurement each names them."""
    if answer.rgb is None:
        take.measurements["scene_out_of_memory"] = 1.0
    else:
        take.engine = f"diffusers:{take.shot.template.scene.model}"
    take.measurements["scene_rungs"] = float(len(answer.rungs))
    for rung in answer.rungs:
        words, _, number = rung.rpartition(" ") if rung.startswith("batch ") else (rung, "", "1")
        take.measurements[f"scene_rung_{words.replace(' ', '_')}"] = float(number)


async def laid(step: str, painted: Sequence[tuple[Take, Painted]], lay: Any) -> dict[int, Take | PackshotError]:
    """`lay(take, picture)` for every picture, each in a thread; results by take."""
    pictures = {id(take): answer.rgb for take, answer in painted}
    done = await each(step, lambda take: lay(take, pictures[id(take)]), [take for take, _ in painted])
    return {id(take): result for (take, _), result in zip(painted, done, strict=True)}


def reference_of(take: Take) -> U8 | None:
    """The picture whose look is followed, uint8 (h, w, 3). Raises StepError when its bytes were not brought along."""
    scene = take.shot.template.scene
    if not scene.reference_digest:
        return None
    if scene.reference_digest not in take.assets:
        raise StepError(f"the bytes of {scene.reference} were not brought along")
    picture = decode(take.assets[scene.reference_digest]).rgb
    scale = min(1.0, REFERENCE_PX / max(picture.shape[:2]))
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _brief(take: Take) -> Brief:
    shot, chosen = take.shot, suited(take.shot)
    mode: Mode = "backdrop"
    words, reference = empty_set(shot.template, chosen), reference_of(take)
    return Brief(
        words.positive,
        chosen.bucket(shot.destination.width, shot.destination.height),
        _seed(shot),
        mode,
        words.negative,
        reference=reference,
        influence=shot.template.scene.influence if reference is not None else 0.0,
    )


def _seed(shot: Shot) -> int:
    """The look's own seed, or one that follows from its name."""
    seed = shot.template.scene.seed
    return int(digest_of(["set", shot.template.id])[:8], 16) if seed is None else seed


def _cover(take: Take, picture: U8) -> None:
    place = take.shot.destination
    take.ground = cover(picture, (place.width, place.height))
