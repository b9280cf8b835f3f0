"""The person that a product is shown on: their photo, their body, their face."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np

from studio.body import NOSE, Face, Pose, Wearer
from studio.briefs.on_model import OnModelBrief
from studio.errors import ImageError, MissingInput, PackshotError, StepError
from studio.imaging.codec import Limits, decode
from studio.models.base import Models
from studio.product import ImageRole, ProductImage
from studio.shot import Shot
from studio.steps.base import Step, ask, each
from studio.take import U8, Take

POSE, FACE = "pose", "face"
PRESENT, ALONE, NEAR = 0.4, 0.85, 0.4
"""Presence from which the body's nose counts, score of a face that needs no body, and the noses' gap over the face's width."""


def brief_of(shot: Shot) -> OnModelBrief:
    """The brief. Raises StepError for a look of another studio."""
    brief = shot.template.brief
    if not isinstance(brief, OnModelBrief):
        raise StepError(f"{shot.template.id} has no brief of the studio on-model")
    return brief


def person_of(shot: Shot) -> ProductImage:
    """The photo of the person. Raises MissingInput without one."""
    found = [image for image in shot.images[1:] if image.role == ImageRole.ON_MODEL]
    if not found:
        raise MissingInput(f"{shot.product.sku}: nobody to show it on; give a photo of role on-model")
    return found[0]


def stood_out(shot: Shot) -> tuple[ProductImage, ...]:
    """The person's photo where the person is cut out of it."""
    return (person_of(shot),) if brief_of(shot).ground == "set" else ()


class Meet(Step):
    """Opens the person's photo and finds body and faces in it: fills `take.wearer`. Records `person_presence` and
    `person_faces`."""

    name = "meet"
    version = 2

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()

    def opens(self, shot: Shot) -> tuple[ProductImage, ...]:
        """The person's photo."""
        return (person_of(shot),)

    def models(self, shot: Shot) -> tuple[str, ...]:
        """The two landmark networks."""
        return (POSE, FACE)

    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """Decode each person's photo, ask both networks about it."""
        photos: dict[int, U8] = {}

        def read(take: Take) -> None:
            photos[id(take)] = self._photo(take)

        results: dict[int, Take | PackshotError] = dict(zip(map(id, takes), await each(self.name, read, takes), strict=True))
        ready = [take for take in takes if id(take) in photos]
        items = [photos[id(take)] for take in ready]
        poses, faces = await asyncio.gather(
            ask(self.name, models, POSE, ready, items), ask(self.name, models, FACE, ready, items)
        )
        for take, pose, found in zip(ready, poses, faces, strict=True):
            if isinstance(pose, PackshotError) or isinstance(found, PackshotError):
                results[id(take)] = pose if isinstance(pose, PackshotError) else found
                continue
            seen = tuple(face for face in found if borne_out(face, pose))
            take.wearer = Wearer(photos[id(take)], pose, seen)
            take.measurements |= {"person_presence": pose.presence, "person_faces": float(len(seen))}
        return [results[id(take)] for take in takes]

    def _photo(self, take: Take) -> U8:
        image = person_of(take.shot)
        try:
            return np.ascontiguousarray(decode(take.opened[image.digest], self.limits).rgb)
        except ImageError as error:
            error.message = f"{take.shot.product.sku}, {image.uri}: {error.message}"
            error.args = (error.message,)
            raise


def borne_out(face: Face, pose: Pose) -> bool:
    """Whether a face lies where the body has its head; where no body is seen it must be a very sure one."""
    if pose.presence < PRESENT:
        return face.score > ALONE
    gap = float(np.linalg.norm(face.points[2] - pose.at(NOSE)))
    return gap < NEAR * face.box[2]


def wearer_of(take: Take) -> Wearer:
    """The person. Raises StepError when the recipe forgot `meet`."""
    if take.wearer is None:
        raise StepError("this recipe needs the step 'meet' earlier")
    return take.wearer


def any_reads(shot: Shot, *names: str) -> dict[str, Any]:
    """Some fields of the brief, for a key."""
    return brief_of(shot).model_dump(mode="json", include=set(names))
