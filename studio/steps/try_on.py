"""A garment on a person, drawn by a generative engine that is shown both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from studio.body import Wearer
from studio.errors import MissingInput, PackshotError, StepError, TemplateError
from studio.imaging import matte
from studio.imaging.bucket import Fit
from studio.imaging.composite import over
from studio.imaging.geometry import box_of
from studio.imaging.resample import padded
from studio.imaging.views import View, frame, item
from studio.imaging.worn.cloth import drawn, room_for
from studio.models.base import Models
from studio.models.diffusion.brief import Brief, Painted
from studio.models.presets import Preset, preset
from studio.shot import Shot
from studio.steps.base import Step, ask, each
from studio.steps.meet import any_reads, brief_of, person_of, wearer_of
from studio.steps.wear import put_on
from studio.take import F32, U8, Matte, Take

WHITE = 255
PARTS = {"upper": "top", "lower": "trousers or skirt", "dress": "dress"}
PRESENCE = 0.4
"""Presence of a person from which their landmarks say where a garment may go."""


class TryOn(Step):
    """Shows person and garment to the engine of the brief, and takes over what it drew where the garment may lie; face, hands and
    ground keep the photo's own pixels. Fills `take.matte`, `take.wearer.worn` and `take.engine`.

    Records `try_on_spill`, the share of the rest of the picture that the engine changed (and that was thrown away), and
    `try_on_area`, the share of the picture that it drew. Raises ModelNotConfigured where the engine's weights were not given, and
    MissingInput where no body is seen.
    """

    name = "try-on"
    version = 2

    def applies(self, shot: Shot) -> bool:
        """Garments."""
        return brief_of(shot).generates

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Item, ground, seed and words of the brief; what the engine's preset says."""
        chosen = _engine(shot)
        told = any_reads(shot, "item", "ground", "seed", "instruction")
        return {"try_on": told, "preset": chosen.facts, "attributes": {"title": shot.product.title}, "words": _words(shot)}

    def models(self, shot: Shot) -> tuple[str, ...]:
        """The engine; and the matting model, which looks at the dressed person where they leave their ground."""
        brief = brief_of(shot)
        return (brief.engine, shot.template.cutout.model) if brief.ground == "set" else (brief.engine,)

    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """Ask the engine, take over the garment, cut the dressed person out."""
        chosen = [take for take in takes if self.applies(take.shot)]
        briefs: dict[int, Brief] = {}
        results: dict[int, Take | PackshotError] = {}
        ready = await each(self.name, lambda take: briefs.update({id(take): _brief(take)}), chosen)
        results |= {id(take): result for take, result in zip(chosen, ready, strict=True)}
        pictures = await self._painted([take for take in ready if isinstance(take, Take)], briefs, models, results)
        shapes = await self._outlined(pictures, models, results)
        live = [take for take in chosen if id(take) in shapes]
        done = await each(self.name, lambda take: put_on(take, *pictures[id(take)][1:], shapes[id(take)]), live)
        results |= {id(take): result for take, result in zip(live, done, strict=True)}
        return [results.get(id(take), take) for take in takes]

    async def _painted(
        self, takes: Sequence[Take], briefs: dict[int, Brief], models: Models, results: dict[int, Take | PackshotError]
    ) -> dict[int, tuple[Take, U8, F32]]:
        """By take: the person in the garment, and where it lies."""
        answers: dict[int, Painted] = {}
        for engine in sorted({brief_of(take.shot).engine for take in takes}):
            asked = [take for take in takes if brief_of(take.shot).engine == engine]
            seen = await ask(self.name, models, engine, asked, [briefs[id(take)] for take in asked])
            for take, answer in zip(asked, seen, strict=True):
                if isinstance(answer, PackshotError):
                    results[id(take)] = answer
                else:
                    answers[id(take)] = answer
        made: dict[int, tuple[Take, U8, F32]] = {}

        def take_over(take: Take) -> None:
            made[id(take)] = (take, *_taken_over(take, answers[id(take)]))

        ready = [take for take in takes if id(take) in answers]
        results |= {id(t): r for t, r in zip(ready, await each(self.name, take_over, ready), strict=True)}
        return made

    async def _outlined(
        self, pictures: dict[int, tuple[Take, U8, F32]], models: Models, results: dict[int, Take | PackshotError]
    ) -> dict[int, Matte | None]:
        """By take: the dressed person cut out, as the look cuts out; None where the photo keeps its ground."""
        found: dict[int, Matte | None] = {
            key: None for key, (take, *_) in pictures.items() if brief_of(take.shot).ground == "own"
        }
        standing = [(take, rgb) for key, (take, rgb, _) in pictures.items() if key not in found]
        for name in sorted({take.shot.template.cutout.model for take, _ in standing}):
            asked = [(take, rgb) for take, rgb in standing if take.shot.template.cutout.model == name]
            side = models.card(name).input_px
            items = [item(rgb, frame(rgb), side) for _, rgb in asked]
            seen = await ask(self.name, models, name, [take for take, _ in asked], items)
            for (take, rgb), answer in zip(asked, seen, strict=True):
                if isinstance(answer, PackshotError):
                    results[id(take)] = answer
                    continue
                fields = take.shot.template.cutout
                view = View(answer, frame(rgb))
                found[id(take)] = matte.cut(rgb, [view], refiner=fields.refiner, decontaminate=fields.decontaminate, source=name)
        return found


def _engine(shot: Shot) -> Preset:
    """The engine's preset. Raises TemplateError for one that edits no pictures."""
    name = brief_of(shot).engine
    chosen = preset(name)
    if "edit" not in chosen.modes:
        raise TemplateError(f"template {shot.template.key}: brief.engine {name} edits no pictures")
    return chosen


def _words(shot: Shot) -> str:
    brief = brief_of(shot)
    part = PARTS.get(brief.item, brief.item)
    return brief.instruction or (
        f"Dress the person of picture 1 in the {part} of picture 2. Keep its cut, colour, print and texture as in picture 2."
        " Keep the person's face, hair, skin, hands, pose and the background of picture 1 unchanged."
    )


def _brief(take: Take) -> Brief:
    wearer, shot = wearer_of(take), take.shot
    if wearer.pose.presence < PRESENCE:
        raise MissingInput(f"{shot.product.sku}: {person_of(shot).uri} shows no body; give a photo that shows one")
    fit = _fit(wearer, shot)
    return Brief(
        _words(shot), fit.bucket, brief_of(shot).seed, "edit", image=fit.into(wearer.photo), reference=_garment(take, fit.bucket)
    )


def _fit(wearer: Wearer, shot: Shot) -> Fit:
    height, width = wearer.photo.shape[:2]
    return Fit((width, height), _engine(shot).bucket(width, height))


def _garment(take: Take, bucket: tuple[int, int]) -> U8:
    """The garment alone on white, as large as the engine sees."""
    cut = take.need_matte()
    size = cut.alpha.shape[1], cut.alpha.shape[0]
    x, y, w, h = padded(box_of(cut.alpha > 0.5) or (0, 0, *size), round(0.04 * max(size)), size)
    alone = over(cut.foreground, cut.alpha, np.full(cut.foreground.shape, WHITE, np.uint8))
    return Fit((w, h), bucket).into(np.ascontiguousarray(alone[y : y + h, x : x + w]))


def _taken_over(take: Take, answer: Painted) -> tuple[U8, F32]:
    """The photo with what was drawn where the garment may lie. Raises StepError where nothing was drawn there."""
    if answer.rgb is None:
        raise StepError(f"{brief_of(take.shot).engine} had memory for no picture at all")
    wearer = wearer_of(take)
    picture = _fit(wearer, take.shot).back(answer.rgb)
    room = room_for(brief_of(take.shot).item, wearer.pose, wearer.photo.shape)
    worn, spill = drawn(wearer.photo, picture, room)
    take.measurements |= {"try_on_spill": spill, "try_on_area": float(worn.mean())}
    if not worn.any():
        raise StepError(f"{brief_of(take.shot).engine} drew nothing where the garment goes")
    wearer.worn, take.engine = worn, brief_of(take.shot).engine
    return over(picture, room, wearer.photo), worn
