"""Enlargements are computed once for a crop, whoever asks, and come back pixel for pixel."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cluster.remembering import RememberingModels
from connectors.storage.registry import open_storage
from studio.errors import ModelFailed, PackshotError
from studio.models.base import Answer, ModelCard

CARD = ModelCard("twice", "upscaling", "test/twice", "1", "", "CC0", commercial_use=True, memory_mb=1, scale=2)


class Doubling:
    """Doubles pictures and counts; pictures that are black all over fail."""

    def __init__(self) -> None:
        self.computed = 0

    def card(self, name: str) -> ModelCard:
        return CARD

    async def predict(self, name: str, items: Sequence[Any]) -> list[Answer | PackshotError]:
        await asyncio.sleep(0)
        self.computed += len(items)
        return [Answer(item.repeat(2, 0).repeat(2, 1), 0.5) if item.any() else ModelFailed("black") for item in items]


def ask(models: RememberingModels, *items: Any) -> list[Any]:
    return asyncio.run(models.predict("twice", items))


def test_computed_once_and_equal(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (7, 9, 3), dtype=np.uint8)
    other = np.ascontiguousarray(picture[::-1])
    inner = Doubling()
    first = ask(RememberingModels(inner, open_storage(str(tmp_path))), picture, picture, other)
    assert inner.computed == 2
    again = ask(RememberingModels(inner, open_storage(str(tmp_path))), picture, other)
    assert inner.computed == 2
    assert [answer.reused for answer in again] == [True, True]
    assert np.array_equal(again[0].value, first[0].value)
    assert np.array_equal(again[1].value, other.repeat(2, 0).repeat(2, 1))


def test_failures_are_not_remembered(tmp_path: Path) -> None:
    inner = Doubling()
    models = RememberingModels(inner, open_storage(str(tmp_path)))
    black = np.zeros((4, 4, 3), np.uint8)
    assert isinstance(ask(models, black)[0], ModelFailed)
    assert isinstance(ask(models, black)[0], ModelFailed)
    assert inner.computed == 2
