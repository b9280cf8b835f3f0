"""Whether the person is still the same, and wears the same thing: asked of the picture before it is placed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from studio.body import LEFT_SHOULDER, RIGHT_SHOULDER, Face, Pose, Wearer
from studio.errors import PackshotError
from studio.imaging.colour import delta_e_2000, srgb_to_lab
from studio.imaging.geometry import box_of
from studio.imaging.worn.cloth import colour_gap, texture_gap
from studio.models.base import Models
from studio.qa.lettering import distance, plain
from studio.shot import Shot
from studio.steps.base import Step, ask, each
from studio.steps.meet import FACE, POSE, brief_of, wearer_of
from studio.take import F32, U8, Take

READER, WITNESS = "ocr", "embed"
CLEAR, PRESENT = 0.6, 0.5
"""Visibility from which a joint counts as seen, and presence from which there is a body."""
WRISTS_ON = range(15, 23)
"""Rows of wrists and hands."""


class Anatomy(Step):
    """Compares product and person with their photos. Records `worn_delta_e` and `worn_texture` (octaves). Where an engine drew,
    also asks the landmark networks again, the witness of likeness and the reader: `faces_lost`, `face_shift` (share of the
    face's width), `face_delta_e`, `limbs_lost`, `pose_shift` and `hand_shift` (shares of the shoulders' width), `worn_alike`
    (cosine) and `worn_cer` (letters lost; 0 where there are none). Geometry leaves the person's own pixels alone."""

    name = "anatomy"
    version = 2

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Whether a garment was drawn."""
        return {"drawn": brief_of(shot).generates}

    def models(self, shot: Shot) -> tuple[str, ...]:
        """Who is asked."""
        return (POSE, FACE, READER, WITNESS) if brief_of(shot).generates else ()

    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """The person first, then the cloth."""
        failed: dict[int, PackshotError] = {}
        drawn = [take for take in takes if brief_of(take.shot).generates]
        await self._person(drawn, models, failed)
        await self._likeness([take for take in drawn if id(take) not in failed], models, failed)
        await self._lettering([take for take in drawn if id(take) not in failed], models, failed)
        live = [take for take in takes if id(take) not in failed]
        for take, result in zip(live, await each(self.name, _cloth, live), strict=True):
            if isinstance(result, PackshotError):
                failed[id(take)] = result
        return [failed.get(id(take), take) for take in takes]

    async def _person(self, takes: Sequence[Take], models: Models, failed: dict[int, PackshotError]) -> None:
        shown = [take.need_photo().rgb for take in takes]
        poses, faces = await asyncio.gather(
            ask(self.name, models, POSE, takes, shown), ask(self.name, models, FACE, takes, shown)
        )
        for take, rgb, pose, found in zip(takes, shown, poses, faces, strict=True):
            if isinstance(pose, PackshotError) or isinstance(found, PackshotError):
                failed[id(take)] = pose if isinstance(pose, PackshotError) else found
            else:
                take.measurements |= person_changes(wearer_of(take), rgb, pose, tuple(found))

    async def _likeness(self, takes: Sequence[Take], models: Models, failed: dict[int, PackshotError]) -> None:
        first = await ask(self.name, models, WITNESS, takes, [_own(take) for take in takes])
        second = await ask(self.name, models, WITNESS, takes, [_worn(take) for take in takes])
        for take, own, other in zip(takes, first, second, strict=True):
            if isinstance(own, PackshotError) or isinstance(other, PackshotError):
                failed[id(take)] = own if isinstance(own, PackshotError) else other
            else:
                take.measurements["worn_alike"] = float(np.dot(own, other))

    async def _lettering(self, takes: Sequence[Take], models: Models, failed: dict[int, PackshotError]) -> None:
        first = await ask(self.name, models, READER, takes, [_own(take) for take in takes])
        second = await ask(self.name, models, READER, takes, [_worn(take) for take in takes])
        for take, own, other in zip(takes, first, second, strict=True):
            if isinstance(own, PackshotError) or isinstance(other, PackshotError):
                failed[id(take)] = own if isinstance(own, PackshotError) else other
                continue
            wanted, found = (plain("".join(line.text for line in lines if line.score > 0.8)) for lines in (own, other))
            take.measurements["worn_cer"] = min(1.0, distance(wanted, found) / len(wanted)) if wanted else 0.0


def person_changes(wearer: Wearer, now: U8, pose: Pose, faces: tuple[Face, ...]) -> dict[str, float]:
    """What became of a person between two pictures of the same size. Joints and pixels that the product covers do not count."""
    before, worn = wearer.pose, wearer.worn if wearer.worn is not None else np.zeros(now.shape[:2], np.float32)
    wide = max(float(np.linalg.norm(before.at(LEFT_SHOULDER) - before.at(RIGHT_SHOULDER))), 1.0)
    clear = [row for row in range(len(before.points)) if before.points[row, 2] > CLEAR and not _covered(before.at(row), worn)]
    both = [row for row in clear if pose.points[row, 2] > CLEAR]
    shift = np.linalg.norm(before.points[:, :2] - pose.points[:, :2], axis=1) / wide
    told = dict.fromkeys(("limbs_lost", "pose_shift", "hand_shift", "face_shift", "face_delta_e"), 0.0)
    told["faces_lost"] = float(max(0, len(wearer.faces) - len(faces)))
    if before.presence > PRESENT:
        told |= {"limbs_lost": float(len(clear) - len(both)), "pose_shift": float(np.median(shift[both])) if both else 1.0}
        told["hand_shift"] = float(max((shift[row] for row in both if row in WRISTS_ON), default=0.0))
    if wearer.faces and faces:
        old, new = wearer.faces[0], faces[0]
        told["face_shift"] = float(np.linalg.norm(old.points - new.points, axis=1).mean() / max(old.box[2], 1.0))
    return told | _face_colour(wearer, now, worn)


def _face_colour(wearer: Wearer, now: U8, worn: F32) -> dict[str, float]:
    """Mean CIEDE2000 of the face where nothing is worn on it."""
    if not wearer.faces:
        return {}
    x, y, w, h = (round(value) for value in wearer.faces[0].box)
    window = slice(max(y, 0), max(y + h, 1)), slice(max(x, 0), max(x + w, 1))
    free = worn[window] < 0.02
    if not free.any():
        return {}
    gap = delta_e_2000(srgb_to_lab(wearer.photo[window][free]), srgb_to_lab(now[window][free]))
    return {"face_delta_e": float(gap.mean())}


def _covered(point: F32, worn: F32) -> bool:
    x, y = round(float(point[0])), round(float(point[1]))
    height, width = worn.shape
    return not (0 <= x < width and 0 <= y < height) or bool(worn[y, x] > 0.02)


def _cloth(take: Take) -> None:
    own, wearer = take.others[take.shot.images[0].digest], wearer_of(take)
    assert wearer.worn is not None
    now = take.need_photo().rgb
    found = {
        "worn_delta_e": colour_gap(own.foreground, own.alpha, now, wearer.worn),
        "worn_texture": texture_gap(own.foreground, own.alpha, now, wearer.worn),
    }
    take.measurements |= {name: value for name, value in found.items() if not math.isnan(value)}


def _own(take: Take) -> U8:
    """The product's photo, cropped to it."""
    cut = take.others[take.shot.images[0].digest]
    return _cropped(cut.foreground, cut.alpha)


def _worn(take: Take) -> U8:
    """The picture, cropped to where the product lies."""
    worn = wearer_of(take).worn
    assert worn is not None
    return _cropped(take.need_photo().rgb, worn)


def _cropped(rgb: U8, mask: F32) -> U8:
    x, y, w, h = box_of(mask > 0.5) or (0, 0, rgb.shape[1], rgb.shape[0])
    part = np.ascontiguousarray(rgb[y : y + h, x : x + w])
    scale = 960 / max(part.shape[:2])
    if scale >= 1:
        return part
    size = max(1, round(w * scale)), max(1, round(h * scale))
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
