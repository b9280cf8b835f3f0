"""One picture from its kept cut-out by the real steps, with or without a defect on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

import cv2
import numpy as np
import torch

from benchmarks.defects.cutouts import WEIGHTS, path_of
from benchmarks.defects.looks import shot
from benchmarks.defects.photos import SourcePhoto
from benchmarks.defects.seeds import KINDS, named, seed
from studio.errors import PackshotError
from studio.evidence import Evidence
from studio.imaging.codec import decode
from studio.keys import digest_bytes, digest_of
from studio.models.base import Answer, LocalModels
from studio.models.registry import Registry
from studio.steps.base import Step
from studio.steps.compose import Compose
from studio.steps.cutout import CutoutStep
from studio.steps.encode import Encode
from studio.steps.ground import Ground
from studio.steps.place import Place
from studio.steps.scene import SceneStep
from studio.take import F32, U8, Photo, Take

T = TypeVar("T")
MATTING = "u2netp"
SEEN = 8.0
"""Distance in Lab from which a change of a pixel, both pictures at a third of their size, is seen."""
LEAST_SEEN = 0.0012
"""Share of the picture that must be seen to have changed; a defect nobody can see is none."""
LEAST_GRAIN = 0.02
"""For what lies in single pixels: share of the picture that changes by more than 4 levels at full size."""
FINE = {"noise", "blur", "jpeg_blocks", "banding", "off_white"}


@lru_cache(maxsize=1)
def models() -> LocalModels:
    """The fetched models, in this process."""
    return LocalModels(Registry(WEIGHTS))


@lru_cache(maxsize=1)
def _loop() -> asyncio.AbstractEventLoop:
    torch.set_num_threads(1)
    return asyncio.new_event_loop()


def waited(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, in this process's one loop."""
    return _loop().run_until_complete(work)


_LOOKED: dict[str, F32] = {}
"""Second looks by what was shown: all pictures of a photo share one."""


def looked_again(shown: U8) -> F32:
    """The matting model's map of what `studio.qa.traces.second.asked` shows it."""
    key = digest_bytes(shown.tobytes())
    if key not in _LOOKED:
        (answer,) = waited(models().predict(MATTING, [shown]))
        assert isinstance(answer, Answer), answer
        _LOOKED[key] = answer.value
    return _LOOKED[key]


def rng_of(*facts: object) -> np.random.Generator:
    """A generator that the facts alone decide."""
    return np.random.default_rng(int(digest_of(["defects", *map(str, facts)])[:16], 16))


class Sitting:
    """One photo in one style: what its pictures share is made once. Raises PackshotError where the pipeline itself says no."""

    def __init__(self, photo: SourcePhoto, style: str, side: int = 0) -> None:
        data = photo.data()
        self.photo, self.style, self._data = photo, style, data
        self._bare = Take(shot(photo.id, data, style, side), data)
        CutoutStep().load(self._bare, path_of(photo).read_bytes())
        self._placed = self._copy(self._bare)
        _run(Place(), self._placed)
        _run(SceneStep(), self._placed)
        self._colours: U8 | None = None

    def kinds(self) -> list[str]:
        """Kinds of defect that this picture can have."""
        return named(self._placed)

    def render(self, kind: str = "", attempt: int = 0) -> Take:
        """The finished take, encoded; `kind` seeds a defect, drawn anew with each attempt."""
        rng, seam = rng_of(self.photo.id, self.style, kind, attempt), KINDS[kind].seam if kind else ""
        take = self._copy(self._bare if seam == "matte" else self._placed)
        if seam == "matte":
            self._colours = decode(self._data).rgb if self._colours is None else self._colours
            take.photo = Photo(self._colours, None, "")
            seed(take, kind, "matte", rng)
            _run(Place(), take)
            _run(SceneStep(), take)
        for step, seams in ((None, ("placed", "ground")), (Ground(), ("shade", "lit")), (Compose(), ("image",)), (Encode(), ())):
            if step is not None:
                _run(step, take)
            for name in seams:
                seed(take, kind, name, rng)
        take.photo = None
        return take

    @staticmethod
    def _copy(take: Take) -> Take:
        return replace(take, measurements=dict(take.measurements), seconds={}, evidence=Evidence())


def _run(step: Step, take: Take) -> None:
    (result,) = waited(step.process([take], models()))
    if isinstance(result, PackshotError):
        raise result


def visible(clean: U8, seeded: U8, kind: str) -> bool:
    """Whether a person who has both pictures, uint8 (H, W, 3), sees the difference."""
    if kind in FINE:
        return float((cv2.absdiff(clean, seeded).max(axis=2) > 4).mean()) >= LEAST_GRAIN
    size = clean.shape[1] // 3, clean.shape[0] // 3
    labs = [
        cv2.cvtColor(cv2.resize(p, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
        for p in (clean, seeded)
    ]
    return float((np.linalg.norm(labs[0] - labs[1], axis=2) > SEEN).mean()) >= LEAST_SEEN
