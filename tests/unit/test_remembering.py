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
from studio.models.diffusion.brief import Brief, Painted
from studio.models.ocr_items import Found, Places

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


class Witness:
    """Answers lines, vectors or pictures by task, and notes how many items each call had."""

    def __init__(self, task: str, value: Any) -> None:
        self.sizes: list[int] = []
        self._card = ModelCard("w", task, "test/w", "1", "", "CC0", commercial_use=True, memory_mb=1)  # type: ignore[arg-type]
        self._value = value

    def card(self, name: str) -> ModelCard:
        return self._card

    async def predict(self, name: str, items: Sequence[Any]) -> list[Answer | PackshotError]:
        await asyncio.sleep(0)
        self.sizes.append(len(items))
        return [Answer(self._value, 0.1) for _ in items]


def test_what_nobody_knows_goes_out_in_one_call(tmp_path: Path) -> None:
    inner = Witness("generation", Painted(np.full((4, 4, 3), 7, np.uint8), ("batch 1",)))
    models = RememberingModels(inner, open_storage(str(tmp_path)))
    briefs = [Brief("a table", (64, 64), seed) for seed in (1, 2, 1, 3)]
    answers = ask(models, *briefs)
    assert inner.sizes == [3]
    assert [answer.reused for answer in answers] == [False, False, True, False]
    again = ask(RememberingModels(inner, open_storage(str(tmp_path))), *briefs, Brief("a chair", (64, 64), 1))
    assert inner.sizes == [3, 1]
    assert [answer.reused for answer in again] == [True, True, True, True, False]
    assert again[0].value.rungs == ("batch 1",)


def test_a_picture_that_was_not_painted_is_asked_for_again(tmp_path: Path) -> None:
    inner = Witness("generation", Painted(None, ("none fits",)))
    models = RememberingModels(inner, open_storage(str(tmp_path)))
    for _ in range(2):
        assert ask(models, Brief("a table", (64, 64), 1))[0].value.rgb is None
    assert inner.sizes == [1, 1]


def test_lines_and_vectors_come_back_as_they_were(tmp_path: Path) -> None:
    quad = np.random.default_rng(1).random((4, 2), np.float32) * 300
    picture = np.zeros((8, 8, 3), np.uint8)
    reader = Witness("reading", [Found("Épices 50 g", 0.9871234, quad)])
    vector = np.random.default_rng(2).random(16, np.float32)
    for number, (inner, item) in enumerate(
        [(reader, Places(picture, quad[None])), (reader, picture), (Witness("embedding", vector), picture)]
    ):
        store = str(tmp_path / str(number))
        ask(RememberingModels(inner, open_storage(store)), item)
        before = len(inner.sizes)
        (answer,) = ask(RememberingModels(inner, open_storage(store)), item)
        assert len(inner.sizes) == before
        if inner is reader:
            assert answer.value[0][:2] == ("Épices 50 g", 0.9871234)
            assert np.array_equal(answer.value[0].quad, quad)
        else:
            assert np.array_equal(answer.value, vector)
