"""The pixel lock, and what happens to whole batches."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest

from studio.destination import Destination, Source
from studio.errors import ModelFailed, NoProductFound, PackshotError
from studio.imaging.geometry import without_haze
from studio.imaging.resample import extended, padded, resampled_source
from studio.models.base import Answer, LocalModels, ModelCard
from studio.steps.place import Place, planned
from studio.take import Matte, Take
from studio.template import Composition, Template, Upscale
from tests.golden.pictures import NoModels, shot

CARD = ModelCard("twice", "upscaling", "twice", "1", "", "Apache-2.0", True, 1, scale=2)


class Twice:
    """An enlarging model that repeats pixels and brightens them, so that its work can be seen."""

    card = CARD

    def load(self) -> None:
        """Nothing to read."""

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        return [np.minimum(item.repeat(2, 0).repeat(2, 1).astype(np.int16) + 10, 255).astype(np.uint8) for item in batch]

    def example(self) -> Any:
        return np.zeros((4, 4, 3), np.uint8)


class Shelf:
    def card(self, name: str) -> ModelCard:
        return CARD

    def create(self, name: str) -> Twice:
        return Twice()


class Broken(NoModels):
    async def predict(self, name: str, items: Sequence[Any]) -> list[Answer | PackshotError]:
        return [ModelFailed("out of memory") for _ in items]


def product(size: int = 120, ground: tuple[int, int, int] = (0, 255, 0), seed: int = 1) -> Matte:
    """A textured red disc with a soft edge; under and beyond the edge lies the old ground's colour."""
    rng = np.random.default_rng(seed)
    plane = np.zeros((size * 8, size * 8), np.uint8)
    cv2.circle(plane, (size * 4, size * 4), size * 3, 255, -1)
    alpha = cv2.resize(plane, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    rgb = np.empty((size, size, 3), np.uint8)
    rgb[:] = ground
    rgb[alpha > 0] = rng.integers(0, 60, (int((alpha > 0).sum()), 3)) + np.array((180, 20, 20))
    return Matte(alpha, rgb, 0.0, "alpha")


def take(matte: Matte, canvas: int = 200, **fields: Any) -> Take:
    template = Template(
        id="t", title="t", outputs=("d",), composition=fields.pop("composition", Composition(fill=0.7)),
        upscale=fields.pop("upscale", Upscale(model="twice", above=100)),
    )  # fmt: skip
    source = Source(title="made for tests", date="2026-11-22")
    destination = Destination(id="d", title="d", width=canvas, height=canvas, max_bytes=10**6, sources=(source,))
    return Take(shot(template, destination), b"", matte=matte)


def place(*takes: Take, models: Any = None) -> list[Take | PackshotError]:
    return asyncio.run(Place().process(takes, models or NoModels()))


def offset(one: Take, alpha: np.ndarray) -> tuple[int, int]:
    """Where the resampled crop's corner lies on the canvas."""
    ys, xs = np.nonzero(alpha > 0.5)
    assert one.placed is not None
    x, y, _, _ = one.placed.box
    return x - int(xs.min()), y - int(ys.min())


def locked(one: Take, rgb: np.ndarray, alpha: np.ndarray) -> None:
    """Inside the eroded product the canvas shows exactly these pixels."""
    assert one.placed is not None
    dx, dy = offset(one, alpha)
    inside = cv2.erode((alpha >= 1).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert inside.sum() > 500
    ys, xs = np.nonzero(inside)
    assert np.array_equal(one.placed.rgb[ys + dy, xs + dx], rgb[ys, xs])
    assert np.array_equal(one.placed.alpha[ys + dy, xs + dx], alpha[ys, xs])


@pytest.mark.parametrize("canvas", [90, 129, 200, 331])
def test_pixel_lock(canvas: int) -> None:
    one = take(product(), canvas)
    place(one)
    plan = planned(one)
    size = round(plan.crop[2] * plan.scale), round(plan.crop[3] * plan.scale)
    assert one.matte is not None
    locked(one, *resampled_source(one.matte.foreground, without_haze(one.matte.alpha), plan.crop, size))
    assert one.measurements == {"scale": plan.scale, "upscaled": 0.0}


def test_at_scale_one_the_photo_itself_is_on_the_canvas() -> None:
    matte = product()
    one = take(matte, 129, composition=Composition(fill=90 / 129))
    place(one)
    assert one.placed is not None
    assert one.placed.scale == pytest.approx(1)
    inside = cv2.erode((matte.alpha >= 1).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    x, y, _, _ = one.placed.box
    ys, xs = np.nonzero(matte.alpha > 0.5)
    rows, columns = np.nonzero(inside)
    assert np.array_equal(one.placed.rgb[rows + y - ys.min(), columns + x - xs.min()], matte.foreground[inside])


def test_the_model_enlarges_where_the_source_is_too_small_and_the_lock_holds_on_its_result() -> None:
    one = take(product(60), 200, upscale=Upscale(model="twice", above=1.5))
    (result,) = place(one, models=LocalModels(Shelf()))
    assert result is one
    assert one.measurements["upscaled"] == 1
    assert one.model_calls["twice"] == 1
    assert one.matte is not None
    plan = planned(one)
    x, y, w, h = plan.crop
    crop = extended(one.matte.foreground[y : y + h, x : x + w], one.matte.alpha[y : y + h, x : x + w], 6)
    (big,) = Twice().predict([crop])
    size = round(w * plan.scale), round(h * plan.scale)
    rgb, _ = resampled_source(big, np.ones(big.shape[:2], np.float32), (0, 0, 2 * w, 2 * h), size)
    _, alpha = resampled_source(one.matte.foreground, one.matte.alpha, plan.crop, size)
    locked(one, rgb, alpha)


def test_no_model_is_called_below_the_threshold() -> None:
    one = take(product(), 129, upscale=Upscale(model="twice", above=1.5))
    place(one)
    assert not one.model_calls


def test_one_empty_cut_out_fails_alone() -> None:
    empty = Matte(np.zeros((20, 20), np.float32), np.zeros((20, 20, 3), np.uint8), 0.0, "alpha")
    good, bad = take(product()), take(empty)
    results = place(good, bad, take(product(seed=2)))
    assert [type(r).__name__ for r in results] == ["Take", "NoProductFound", "Take"]
    assert isinstance(results[1], NoProductFound)


def test_a_failing_model_fails_only_those_who_asked() -> None:
    small = take(product(60), 200, upscale=Upscale(model="twice", above=1.5))
    results = place(take(product()), small, models=Broken())
    assert [type(r).__name__ for r in results] == ["Take", "ModelFailed"]


@pytest.mark.parametrize("canvas", [90, 200, 331])
def test_nothing_of_the_old_ground_shines_at_the_edge(canvas: int) -> None:
    one = take(product(), canvas)
    place(one)
    assert one.placed is not None
    edge = (one.placed.alpha > 0.02) & (one.placed.alpha < 0.98)
    assert edge.sum() > 50
    assert one.placed.rgb[edge][:, 1].max() < 110


def test_coverage_is_resampled_without_ripples() -> None:
    alpha = np.zeros((40, 40), np.float32)
    alpha[10:30, 10:30] = 1
    rgb = np.full((40, 40, 3), 77, np.uint8)
    _, big = resampled_source(rgb, alpha, (0, 0, 40, 40), (173, 173))
    assert big.min() == 0
    assert big.max() == 1
    middle = big[86]
    assert (np.diff(middle[:86]) >= 0).all()
    assert middle[60:113].min() == 1


def test_a_product_wider_than_the_canvas_window_is_cut_not_wrapped() -> None:
    matte = product()
    matte.alpha[:, :2] = matte.alpha[:, -2:] = 1
    one = take(matte, 200, composition=Composition(fill=0.5))
    place(one)
    assert one.placed is not None
    assert one.placed.box[0] == 0
    assert one.placed.box[2] == 200


def test_padded_stays_in_the_picture() -> None:
    assert padded((2, 3, 10, 10), 5, (14, 100)) == (0, 0, 14, 18)
