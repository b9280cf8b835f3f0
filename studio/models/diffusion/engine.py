"""`Diffusion`: any pipeline of diffusers as a model of the task `generation`."""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch

from studio.errors import SettingsError
from studio.models.base import ModelCard
from studio.models.configured import Given
from studio.models.diffusion.brief import Brief, Painted
from studio.models.diffusion.calling import arguments, pixels
from studio.models.diffusion.ladder import Ladder, Relief
from studio.models.diffusion.loading import Pipelines
from studio.models.diffusion.options import read
from studio.models.presets import preset
from studio.take import U8

KEPT = 8
"""Empty sets a process remembers, so that renderers that ask for the same one at once cost one picture."""


class Diffusion:
    """`Brief` -> `Painted`. A seed gives the same picture on the same device, whatever was asked before.

    Options: see `studio.models.diffusion.options.Options`.
    """

    def __init__(self, card: ModelCard, *, weights: Path, given: Given, device: str) -> None:
        self.card = card
        self._preset, self._source = preset(card.name), given.source
        self._options = read(card.name, given)
        self.device = self._options.device or (device if device != "cpu" else "")
        self._lock = Lock()
        self._pipelines: Pipelines | None = None
        self._ladder = Ladder(())
        self._recent: OrderedDict[str, Painted] = OrderedDict()

    def load(self) -> None:
        """Read the weights. Raises ModelNotConfigured, or SettingsError for a device or package that is not there."""
        self.device = self.device or ("cuda" if torch.cuda.is_available() else "cpu")
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise SettingsError(f"{self.card.name}: device {self.device!r}: torch sees no CUDA device")
        made = Pipelines(self.card.name, self._source, self._preset, self._options, self.device)
        reliefs = (
            Relief("tiled decoding", made.tile),
            Relief("offload networks", lambda: made.offload("model")),
            Relief("offload layers", lambda: made.offload("sequential")),
        )
        self._pipelines, self._ladder = made, Ladder(reliefs, int(self._options.batch), _free)

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """One picture an item, in order; equal briefs are painted once. Raises ModelNotConfigured for a mode that is lacking."""
        with self._lock, torch.inference_mode():
            wanted = {brief.digest: brief for brief in batch}
            known = {digest: self._recent[digest] for digest in wanted if digest in self._recent}
            todo = {digest: brief for digest, brief in wanted.items() if digest not in known}
            painted = self._ladder.paint(list(todo.values()), self._paint)
            known |= dict(zip(todo, painted, strict=True))
            self._remember(todo, known)
            return [known[brief.digest] for brief in batch]

    def example(self) -> Brief:
        """A grey picture to make something of, in one step."""
        size, mode = self._preset.buckets[0], self._preset.modes[0]
        image = np.full((size[1], size[0], 3), 127, np.uint8) if mode != "backdrop" else None
        return Brief("an empty grey studio", size, 0, mode, image=image, steps=1)

    @property
    def encoded_prompts(self) -> int:
        """How often the text encoders ran for the latest mode."""
        return self._pipelines.words.encoded if self._pipelines else 0

    def _paint(self, briefs: Sequence[Brief]) -> list[U8]:
        """One call for briefs of one kind; edits go one at a time, since a list of pictures means several for one prompt."""
        assert self._pipelines is not None, "load() first"
        if briefs[0].mode == "edit" and len(briefs) > 1:
            return [picture for brief in briefs for picture in self._paint([brief])]
        pipe = self._pipelines.of(briefs[0].mode, briefs[0].control)
        follows = self._pipelines.follows
        call = arguments(pipe, briefs, self._preset, self._options, follows=follows, device=self.device)
        return pixels(pipe(**call), briefs)

    def _remember(self, briefs: dict[str, Brief], known: dict[str, Painted]) -> None:
        for digest, brief in briefs.items():
            if brief.mode == "backdrop" and known[digest].rgb is not None:
                self._recent[digest] = known[digest]
        while len(self._recent) > KEPT:
            self._recent.popitem(last=False)


def _free() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
