"""A generator without weights: tests, benchmarks and cluster rehearsals use it as an ordinary engine."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.errors import SettingsError
from studio.models.base import ModelCard
from studio.models.configured import Given
from studio.models.diffusion.brief import Brief
from studio.models.diffusion.ladder import Ladder, Relief
from studio.take import U8

DIFFERENT = 32
"""Levels by which an edited picture's product differs from its ground."""
OPTIONS = frozenset({"delay_s", "trace", "memory", "grow"})


class FakeScene:
    """`Brief` -> `Painted`: a two-coloured sweep that hangs on the whole brief.

    Options: `delay_s=1.0` sleeps that long for every picture; `trace=FILE` appends a line a call: start and end (Unix
    seconds), process id, pictures; `memory=N` runs out of memory for more than N pictures at once, `memory=0.5` until decoding
    is tiled, `memory=0` always; `grow=0.1` extends the product of an inpainted picture sideways by that share of its width.
    """

    def __init__(self, card: ModelCard, *, weights: Path, given: Given, device: str) -> None:
        self.card = card
        unknown = sorted(set(given.options) - OPTIONS)
        if unknown or given.source:
            raise SettingsError(f"{card.name} takes {', '.join(sorted(OPTIONS))}, not {', '.join(unknown) or given.source}")
        self._delay_s = given.number("delay_s", default=0.0)
        self._memory, self._grow = given.number("memory", default=8), given.number("grow", default=0.0)
        self._trace = Path(given.options["trace"]) if "trace" in given.options else None
        self.device = "fake" if self._delay_s else device
        self._tiled = False
        self._ladder = Ladder((Relief("tiled decoding", self._tile),), batch=8)

    def load(self) -> None:
        """Nothing to read."""

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """One picture an item, in order."""
        return self._ladder.paint(batch, self._paint)

    def example(self) -> Brief:
        """An empty set."""
        return Brief("an empty grey studio", (64, 64), 0)

    def _tile(self) -> bool:
        self._tiled = True
        return True

    def _paint(self, briefs: Sequence[Brief]) -> list[U8]:
        fits = self._tiled if 0 < self._memory < 1 else len(briefs) <= self._memory
        if not fits:
            raise MemoryError(f"{len(briefs)} pictures, memory for {self._memory:g}")
        started = time.time()
        time.sleep(self._delay_s * len(briefs))
        pictures = [_sweep(brief, self._grow) for brief in briefs]
        if self._trace:
            with self._trace.open("a") as file:
                file.write(f"{started:.6f} {time.time():.6f} {os.getpid()} {len(briefs)}\n")
        return pictures


def _sweep(brief: Brief, grow: float) -> U8:
    """Two light colours out of the brief's digest, one above, one below; the product of a picture that was shown stays."""
    width, height = brief.size
    drawn = np.frombuffer(bytes.fromhex(brief.digest)[:6], np.uint8).reshape(2, 3).astype(np.float32)
    top, bottom = 170 + drawn / 255 * 60
    part = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    scene = np.ascontiguousarray(np.broadcast_to(np.rint(top + (bottom - top) * part), (height, width, 3)), np.uint8)
    if brief.image is None:
        return scene
    kept = _stands_out(brief.image) if brief.mask is None else brief.mask < 128
    scene[kept] = brief.image[kept]
    if grow and kept.any():
        columns = np.flatnonzero(kept.any(axis=0))
        reach = max(1, round(grow * (columns[-1] - columns[0] + 1)))
        wider = cv2.dilate(kept.astype(np.uint8), np.ones((1, 2 * reach + 1), np.uint8)) > 0
        scene[wider & ~kept] = np.median(brief.image[kept], axis=0).astype(np.uint8)
    return scene


def _stands_out(image: U8) -> NDArray[np.bool_]:
    """Where a picture differs from its upper left corner."""
    gap: NDArray[np.int16] = np.abs(image.astype(np.int16) - image[0, 0].astype(np.int16)).max(axis=2)
    return gap > DIFFERENT
