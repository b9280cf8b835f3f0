"""A matting model without weights: tests, benchmarks and cluster rehearsals use it as an ordinary engine."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from studio.errors import SettingsError
from studio.models.base import ModelCard
from studio.models.configured import Given
from studio.take import F32, U8

BLANK = 8
"""Largest colour difference, 0..255, that still counts as an empty picture."""
NEAR, SHARE = 32, 0.01
"""A photo carries the poison when 1 % of its pixels lie within 32 levels of that colour in every channel."""


class FakeMatte:
    """uint8 (64, 64, 3) sRGB -> float32 (64, 64): Otsu's threshold on the distance from the border's median colour.

    Options (settings, `models.configured.fake-matte`): `delay_s=1.0` sleeps that long for every item and uses no CPU, like a
    GPU; `poison=#ff00ff` ends the whole process when an item carries that colour, like a driver crash; `trace=/tmp/calls`
    appends a line a call to that file: start and end (Unix seconds), process id, items.
    """

    def __init__(self, card: ModelCard, *, weights: Path, given: Given, device: str) -> None:
        self.card = card
        unknown = sorted(set(given.options) - {"delay_s", "poison", "trace"})
        if unknown or given.source:
            raise SettingsError(f"{card.name} takes delay_s, poison and trace, not {', '.join(unknown) or given.source}")
        self._delay_s = given.number("delay_s", default=0.0)
        self.device = "fake" if self._delay_s else device
        self._trace = Path(given.options["trace"]) if "trace" in given.options else None
        self._poison = _colour(given.options["poison"]) if "poison" in given.options else None

    def load(self) -> None:
        """Nothing to read."""

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """One mask an item, in order."""
        if self._poison is not None and any(_carries(item, self._poison) for item in batch):
            os._exit(1)
        started = time.time()
        if self._delay_s:
            time.sleep(self._delay_s * len(batch))
        masks = [_mask(item) for item in batch]
        if self._trace:
            with self._trace.open("a") as file:
                file.write(f"{started:.6f} {time.time():.6f} {os.getpid()} {len(batch)}\n")
        return masks

    def example(self) -> U8:
        """A grey square on white."""
        item = np.full((self.card.input_px, self.card.input_px, 3), 255, np.uint8)
        item[16:48, 16:48] = 96
        return item


def _mask(item: U8) -> F32:
    border = np.concatenate([item[0], item[-1], item[:, 0], item[:, -1]])
    distance = np.abs(item.astype(np.int16) - np.median(border, axis=0).astype(np.int16)).max(axis=2)
    if distance.max() < BLANK:
        return np.zeros(distance.shape, np.float32)
    far = distance > _otsu(distance)
    low, high = float(distance[~far].mean()), float(distance[far].mean())
    middle, slope = (low + high) / 2, 4 / max(high - low, 1.0)
    ramp: F32 = np.clip((distance.astype(np.float32) - np.float32(middle)) * np.float32(slope) + 0.5, 0, 1).astype(np.float32)
    return ramp


def _otsu(levels: np.ndarray[Any, np.dtype[np.int16]]) -> int:
    """Threshold with the greatest between-class variance (Otsu 1979)."""
    counts = np.bincount(levels.ravel(), minlength=256).astype(np.float64)
    below, moment = counts.cumsum(), (counts * np.arange(counts.size)).cumsum()
    total, mean = below[-1], moment[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (mean * below - total * moment) ** 2 / (below * (total - below))
    return int(np.nanargmax(np.where(np.isfinite(variance), variance, -1.0)))


def _carries(item: U8, colour: U8) -> bool:
    near = (np.abs(item.astype(np.int16) - colour.astype(np.int16)) <= NEAR).all(axis=2)
    return bool(near.mean() >= SHARE)


def _colour(text: str) -> U8:
    try:
        return np.frombuffer(bytes.fromhex(text.removeprefix("#")), np.uint8).reshape(3)
    except ValueError as error:
        raise SettingsError(f"poison={text}: write #rrggbb") from error
