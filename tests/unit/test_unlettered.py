"""The stronger enlarging model is for goods without lettering: a reader is asked first, and doubt means the gentle one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from studio.destination import Destination, Source
from studio.errors import ModelFailed
from studio.models.base import LocalModels, ModelCard
from studio.models.registry import Registry
from studio.recipes.base import Recipe
from studio.steps.place import Place
from studio.take import Matte, Take
from studio.template import Template, Upscale
from tests.golden.pictures import HERE, shot

LETTERED, BARE, UNREADABLE = 60, 120, 180


def card(name: str) -> ModelCard:
    task = "reading" if name == "ocr" else "upscaling"
    return ModelCard(name, task, name, "1", "", "Apache-2.0", True, 1, scale=2)


class Shelf:
    """`plain` and `strong` repeat pixels; `ocr` finds a line in pictures of one brightness and breaks on another."""

    def card(self, name: str) -> ModelCard:
        return card(name)

    def create(self, name: str) -> Any:
        return Reader() if name == "ocr" else Twice(name)


class Twice:
    def __init__(self, name: str) -> None:
        self.card = card(name)

    def load(self) -> None:
        """Nothing to read."""

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        return [item.repeat(2, 0).repeat(2, 1) for item in batch]

    def example(self) -> Any:
        return np.zeros((4, 4, 3), np.uint8)


class Reader:
    card = card("ocr")

    def load(self) -> None:
        """Nothing to read."""

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        return [self.read(item) for item in batch]

    def read(self, item: Any) -> list[tuple[str, float, Any]]:
        level = int(np.median(item))
        if level == UNREADABLE:
            raise ValueError("no answer")
        return [("SALE", 0.99, np.zeros((4, 2), np.float32))] if level == LETTERED else []

    def example(self) -> Any:
        return np.zeros((4, 4, 3), np.uint8)


def take(level: int, unlettered: str = "strong", canvas: int = 200) -> Take:
    alpha = np.zeros((60, 60), np.float32)
    alpha[10:50, 10:50] = 1
    template = Template(id="t", title="t", outputs=("d",), upscale=Upscale(model="plain", above=1.5, unlettered=unlettered))
    source = Source(title="made for tests", date="2026-11-22")
    destination = Destination(id="d", title="d", width=canvas, height=canvas, max_bytes=10**6, sources=(source,))
    return Take(shot(template, destination), b"", matte=Matte(alpha, np.full((60, 60, 3), level, np.uint8), 0.0, "alpha"))


def test_who_enlarges_what() -> None:
    takes = [take(LETTERED), take(BARE), take(UNREADABLE), take(BARE, unlettered=""), take(BARE, canvas=40)]
    results = asyncio.run(Place().process(takes, LocalModels(Shelf())))
    assert results == takes
    calls = [{name: count for name, count in one.model_calls.items() if count} for one in takes]
    read_and_plain, read_and_strong = {"ocr": 1, "plain": 1}, {"ocr": 1, "strong": 1}
    assert calls == [read_and_plain, read_and_strong, read_and_plain, {"plain": 1}, {}]
    assert [one.measurements.get("unlettered") for one in takes] == [0, 1, 0, None, None]
    assert [one.measurements["upscaled"] for one in takes] == [1, 1, 1, 1, 0]


def test_a_reader_that_is_not_there_is_an_error_of_the_call() -> None:
    class NoReader(Shelf):
        def create(self, name: str) -> Any:
            if name == "ocr":
                raise ModelFailed("not fetched")
            return super().create(name)

    with pytest.raises(ModelFailed):
        asyncio.run(Place().process([take(BARE)], LocalModels(NoReader())))


def test_the_models_are_in_the_key_of_those_who_ask() -> None:
    place, cards = Recipe("test", (Place(),)), Registry(HERE).card
    library_look = take(BARE).shot.template.model_copy(update={"upscale": Upscale()})
    plain = shot(library_look, take(BARE).shot.destination)
    assert Place().models(plain) == ("span-x2",)
    assert "unlettered" not in Place().reads(plain)["upscale"]
    asking = library_look.model_copy(update={"upscale": Upscale(unlettered="realesrgan-x4")})
    asked = shot(asking, plain.destination)
    assert Place().models(asked) == ("span-x2", "realesrgan-x4", "ocr")
    assert place.key(asked, cards) != place.key(plain, cards)
