"""The step asks each model once a take, maps what it sees onto photo and canvas, and lets a failure fail its own take only."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from studio.errors import ModelFailed, PackshotError
from studio.models.base import Answer, ModelCard, Models
from studio.models.ocr_items import Found, Places
from studio.qa.checks import text
from studio.qa.subject import Subject
from studio.steps.examine import Examine
from studio.take import F32, U8, Take
from studio.template import Cutout
from tests.unit.test_qa_checks import LOOK, as_png, finished

CARD = ModelCard("any", "fake", "test/any", "1", "", "CC0", commercial_use=True, memory_mb=1, input_px=64)
RED, BLUE = (220, 10, 10), (10, 10, 220)


def patches(rgb: U8) -> list[tuple[str, F32]]:
    """What these tests take for lettering: red rectangles read "RED", blue ones "BLUE"."""
    found = []
    for word, colour in (("RED", RED), ("BLUE", BLUE)):
        ys, xs = np.nonzero((np.abs(rgb.astype(int) - colour) < 12).all(axis=2))
        if ys.size:
            left, top, right, bottom = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
            found.append((word, np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)))
    return found


class Witnesses:
    """Reads coloured rectangles, embeds the mean colour, mattes what is dark, and fails the first item of the model it is told to."""

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.calls: Counter[str] = Counter()

    def card(self, name: str) -> ModelCard:
        return replace(CARD, name=name)

    async def predict(self, name: str, items: Sequence[Any]) -> list[Answer | PackshotError]:
        self.calls[name] += 1
        if name == self.failing and self.calls[name] == 1:
            return [ModelFailed(f"{name} is ill"), *(self.answer(name, item) for item in items[1:])]
        return [self.answer(name, item) for item in items]

    def answer(self, name: str, item: Any) -> Answer:
        if name == "ocr":
            return Answer(self.read(item), 0.1)
        if name == "embed":
            mean = item.reshape(-1, 3).mean(0)
            return Answer((mean / np.linalg.norm(mean)).astype(np.float32), 0.1)
        if name == "matte":
            return Answer((item.min(axis=2) < 200).astype(np.float32), 0.1)
        return Answer(0.25, 0.1)

    def read(self, item: Any) -> list[Found]:
        asked = item if isinstance(item, Places) else Places(item, np.zeros((0, 4, 2), np.float32))
        seen = patches(asked.rgb)
        at = [next((w for w, q in seen if np.abs(q - quad).max() < 6), "") for quad in asked.quads]
        forced = [Found(word, 0.99 if word else 0.0, quad) for word, quad in zip(at, asked.quads, strict=True)]
        return forced + [Found(word, 0.99, quad) for word, quad in seen if asked.search]


def labelled(colour: tuple[int, int, int] = RED) -> Take:
    """A grey product with one line on it, photographed and delivered at the same size."""
    product = np.full((640, 640, 3), 90, np.uint8)
    product[280:310, 250:390] = colour
    look = LOOK.model_copy(
        update={"examine": ("text", "identity", "safety", "person"), "cutout": Cutout(model="matte", refiner="none")}
    )
    return as_png(finished(product=product, template=look))


def examined(takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
    return asyncio.run(Examine().process(takes, models))


def test_lettering_is_found_where_it_is_in_photo_and_picture() -> None:
    take = labelled()
    witnesses = Witnesses()
    assert examined([take], witnesses) == [take]
    evidence = take.evidence
    assert evidence.lines is not None
    assert evidence.source_lines is not None
    for line in (*evidence.lines, *evidence.source_lines):
        assert line.text == "RED"
        assert line.inside == 1
        np.testing.assert_allclose(line.quad[0], (250, 280), atol=1.5)
        np.testing.assert_allclose(line.quad[2], (390, 310), atol=1.5)
    assert text.label_cer(Subject(take)) == text.label_added(Subject(take)) == 0
    assert evidence.remade_iou == pytest.approx(1, abs=0.05)
    assert (evidence.unsafe, evidence.person) == (0.25, 0.25)
    assert take.model_calls == {"ocr": 2, "embed": 2, "matte": 1, "nsfw": 1, "person": 1}


def test_all_takes_share_each_call() -> None:
    witnesses = Witnesses()
    examined([labelled(), labelled(BLUE), labelled()], witnesses)
    assert witnesses.calls == {"ocr": 2, "embed": 2, "matte": 1, "nsfw": 1, "person": 1}


def test_a_lost_line_and_an_invented_one_show() -> None:
    take = labelled()
    image = take.need_image().copy()
    image[280:310, 250:390] = 90
    image[400:430, 250:390] = BLUE
    as_png(take, image)
    examined([take], Witnesses())
    subject = Subject(take)
    assert text.label_cer(subject) == 1
    assert text.label_added(subject) == 4
    assert text.added_lines(subject) == 0
    image[600:630, 20:160] = BLUE
    image[400:430, 250:390] = 90
    as_png(take, image)
    examined([take], Witnesses())
    assert text.added_lines(Subject(take)) == 1


@pytest.mark.parametrize("failing", ["ocr", "embed", "matte", "nsfw", "person"])
def test_a_failing_model_fails_its_take_and_no_other(failing: str) -> None:
    first, second = labelled(), labelled()
    results = examined([first, second], Witnesses(failing))
    assert isinstance(results[0], ModelFailed)
    assert results[1] is second
    assert second.evidence.unsafe == 0.25


def test_looks_that_ask_nothing_are_left_alone() -> None:
    take = as_png(finished())
    witnesses = Witnesses()
    assert examined([take], witnesses) == [take]
    assert not witnesses.calls
    assert not Examine().applies(take.shot)
    assert take.evidence.lines is None


def test_the_photo_is_shown_alike_to_every_destination() -> None:
    """What models see of the photo does not depend on canvas, place or ground, so one answer serves all."""
    from studio.qa.exhibits import face_of_source, page_of_source

    one, other = labelled(), labelled()
    other.placed = replace(other.need_placed(), scale=0.5, origin=(30.0, 12.0), box=(92, 60, 196, 224))
    for exhibit in (face_of_source, lambda subject: page_of_source(subject)[0]):
        np.testing.assert_array_equal(exhibit(Subject(one)), exhibit(Subject(other)))
