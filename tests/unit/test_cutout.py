"""Cutting out: geometry of the views, edges, foreground colours, the step and the files."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cutout import cutout_files
from studio.destination import Destination, Source
from studio.errors import ImageError, InputError, NoProductFound, PackshotError, StorageError
from studio.imaging.matte import cut, kept
from studio.imaging.matte_bytes import pack, unpack
from studio.imaging.png import encode_rgba_png
from studio.imaging.views import View, closer, extent, frame, joined
from studio.models.base import Answer, LocalModels
from studio.models.registry import Registry
from studio.product import Product, ProductImage
from studio.shot import Shot
from studio.steps.base import Step
from studio.steps.cutout import CutoutStep
from studio.take import Matte, Photo, Take
from studio.template import Cutout, Template

SIDE, MAP = 360, 90
WHITE, RED, BLUE = (255, 255, 255), (190, 40, 30), (40, 60, 160)


def disc(side: int, x: float = 0.5, y: float = 0.5, r: float = 0.3) -> np.ndarray:
    """Antialiased coverage of a disc, float32 (side, side); centre and radius as shares of the side."""
    big = np.zeros((side * 8, side * 8), np.uint8)
    cv2.circle(big, (round(x * side * 8), round(y * side * 8)), round(r * side * 8), 255, cv2.FILLED)
    return cv2.resize(big, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def composite(alpha: np.ndarray, product: Any, ground: Any) -> np.ndarray:
    a = alpha[..., None]
    mixed = a * np.broadcast_to(np.float32(product), (*alpha.shape, 3)) + (1 - a) * np.broadcast_to(
        np.float32(ground), (*alpha.shape, 3)
    )
    return np.rint(mixed).astype(np.uint8)


@lru_cache
def network_map(x: float = 0.5, y: float = 0.5, r: float = 0.3) -> np.ndarray:
    """What a good low-resolution network answers: the right place, a soft edge."""
    return cv2.GaussianBlur(disc(MAP, x, y, r), (0, 0), 1.2)


def done(photo: np.ndarray, seen: np.ndarray, **options: Any) -> Matte:
    return cut(photo, [View(seen, frame(photo))], **({"refiner": "guided", "decontaminate": True, "source": "test"} | options))


def upscaled(seen: np.ndarray) -> np.ndarray:
    return cv2.resize(seen, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).clip(0, 1)


@pytest.mark.parametrize("refiner", ["guided", "closed_form"])
@pytest.mark.parametrize(("product", "ground"), [(RED, WHITE), (WHITE, BLUE), ((60, 60, 60), (200, 190, 185))])
def test_edges_become_those_of_the_photo(refiner: str, product: Any, ground: Any) -> None:
    truth = disc(SIDE)
    photo = composite(truth, product, ground)
    matte = done(photo, network_map(), refiner=refiner)
    soft = np.abs(upscaled(network_map()) - truth).mean()
    assert np.abs(matte.alpha - truth).mean() < 0.25 * soft
    assert np.abs(matte.alpha - truth)[(truth == 0) | (truth == 1)].max() < 0.35
    edge = (matte.alpha > 0.05) & (truth < 1)
    assert np.abs(matte.foreground[edge].astype(int) - np.array(product)).mean() < 12


@pytest.mark.parametrize("refiner", ["guided", "closed_form", "none"])
def test_the_product_is_the_photo_where_it_is_opaque(refiner: str) -> None:
    rng = np.random.default_rng(5)
    photo = composite(disc(SIDE), RED, WHITE)
    photo = np.clip(photo.astype(int) + rng.integers(-20, 21, photo.shape), 0, 255).astype(np.uint8)
    matte = done(photo, network_map(), refiner=refiner)
    opaque = matte.alpha == 1
    assert opaque.mean() > 0.2
    np.testing.assert_array_equal(matte.foreground[opaque], photo[opaque])
    levels = matte.alpha * np.float32(255)
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-3)


@pytest.mark.parametrize("ground", [255, 252, 244])
def test_white_on_white_keeps_its_inside(ground: int) -> None:
    truth = disc(SIDE)
    matte = done(composite(truth, (250, 250, 250), (ground,) * 3), network_map())
    assert matte.alpha[truth == 1].min() > 0.5
    inner = cv2.erode(truth, np.ones((25, 25), np.uint8)) == 1
    assert matte.alpha[inner].min() == 1
    assert matte.alpha[cv2.dilate(truth, np.ones((25, 25), np.uint8)) == 0].max() == 0


def test_a_trim_of_another_colour_that_the_network_half_saw_is_kept() -> None:
    """A white-ish band under a blue shoe on white: the local colours alone would call it ground."""
    truth = disc(SIDE)
    photo = composite(truth, BLUE, WHITE)
    lower = (truth > 0) & (np.arange(SIDE)[:, None] > SIDE * 0.74)
    photo[lower] = composite(truth, (222, 220, 216), WHITE)[lower]
    seen = network_map().copy()
    seen[round(MAP * 0.76) :] *= 0.7
    assert done(photo, seen).alpha[lower & (truth == 1)].mean() > 0.95


def test_a_cast_shadow_stays_out() -> None:
    truth = disc(SIDE)
    shade = cv2.GaussianBlur(disc(SIDE, 0.62, 0.78, 0.14), (0, 0), 9) * 0.35
    ground = 245 * (1 - shade[..., None]) * np.ones(3)
    photo = composite(truth, RED, ground)
    seen = np.maximum(network_map(), cv2.resize(shade, (MAP, MAP), interpolation=cv2.INTER_AREA) * 1.1)
    matte = done(photo, seen)
    far = cv2.dilate(truth, np.ones((13, 13), np.uint8)) == 0
    assert matte.alpha[far].max() < 0.5
    assert matte.alpha[far].mean() < 0.5 * upscaled(seen)[far].mean()


def ring() -> tuple[np.ndarray, np.ndarray]:
    """Coverage of a ring at full resolution, and what a good network would say."""
    return disc(SIDE) - disc(SIDE, r=0.15), cv2.GaussianBlur(disc(MAP) - disc(MAP, r=0.15), (0, 0), 1.2)


@pytest.mark.parametrize("shade", [1.0, 0.9, 0.75])
def test_a_ring_keeps_its_opening_also_when_the_closer_look_fills_it(shade: float) -> None:
    truth, seen = ring()
    ground = np.where(disc(SIDE, r=0.16)[..., None] > 0, 225 * shade, 225) * np.ones(3)
    photo = composite(truth, (200, 160, 60), ground)
    views = [View(seen, frame(photo)), View(network_map(), frame(photo))]
    for looks in (views[:1], views) if shade == 1 else (views[:1],):
        matte = cut(photo, looks, refiner="guided", decontaminate=True, source="test")
        assert matte.alpha[disc(SIDE, r=0.13) == 1].max() == 0
        assert matte.alpha[truth == 1].mean() > 0.98


def test_a_highlight_on_chrome_is_no_hole() -> None:
    truth, seen = ring()
    photo = composite(disc(SIDE), (120, 122, 126), (225, 225, 224))
    photo[disc(SIDE, r=0.15) > 0.5] = 252
    assert done(photo, seen).alpha[disc(SIDE, r=0.28) == 1].min() == 1


def test_uncertainty_tells_a_guess_from_a_clear_case() -> None:
    photo = composite(disc(SIDE), RED, WHITE)
    noise = cv2.GaussianBlur(np.random.default_rng(1).random((MAP, MAP)).astype(np.float32), (0, 0), 3)
    doubtful = np.clip(0.5 + (noise - 0.5) * 3, 0, 1) * (network_map() > 0.02)
    clear, guess = done(photo, network_map()).uncertainty, done(photo, doubtful.astype(np.float32)).uncertainty
    assert 0 <= clear < 0.3 < guess <= 1


def test_nothing_found() -> None:
    photo = composite(disc(SIDE), RED, WHITE)
    for seen in (np.zeros((MAP, MAP), np.float32), disc(MAP, r=0.005) * 0.9):
        with pytest.raises(NoProductFound):
            done(photo, seen, refiner="none")
    with pytest.raises(NoProductFound):
        kept(photo, np.zeros((SIDE, SIDE), np.float32))


@given(st.integers(40, 90), st.integers(40, 90), st.integers(0, 30), st.integers(0, 30))
@settings(max_examples=30, deadline=None)
def test_a_view_of_a_crop_lies_where_the_crop_was(width: int, height: int, left: int, top: int) -> None:
    box = (left, top, left + width, top + height)
    square = np.zeros((64, 64), np.float32)
    square[16:48, 16:48] = 1
    total, gap = joined([View(np.zeros((64, 64), np.float32), (0, 0, 128, 128)), View(square, box)], (0, 0, 128, 128), (128, 128))
    rows, columns = np.nonzero(total > 0.5)
    assert abs(columns.mean() + 0.5 - (left + width / 2)) < 0.6
    assert abs(rows.mean() + 0.5 - (top + height / 2)) < 0.6
    assert abs((total > 0.5).sum() / (width * height / 4) - 1) < 0.1
    assert gap[total == 0].max() <= 0.01
    found = extent(View(square, box))
    assert found is not None
    assert abs(found[0] - (left + width / 4)) <= 1


def test_only_small_objects_are_looked_at_again() -> None:
    assert closer(View(network_map(r=0.45), (0, 0, 900, 900))) is None
    box = closer(View(network_map(x=0.25, y=0.2, r=0.1), (0, 0, 900, 900)))
    assert box is not None
    left, top, right, bottom = box
    assert left < 0.15 * 900 < 0.35 * 900 < right
    assert 0 <= top < 0.1 * 900 < 0.3 * 900 < bottom
    assert right - left < 0.4 * 900
    assert closer(View(np.zeros((MAP, MAP), np.float32), (0, 0, 900, 900))) is None


@pytest.mark.parametrize("decontaminate", [True, False])
def test_a_stored_cutout_comes_back_pixel_for_pixel(decontaminate: bool) -> None:
    photo = np.random.default_rng(2).integers(0, 256, (SIDE, SIDE - 41, 3), np.uint8)
    matte = done(photo, network_map(x=0.3, y=0.6, r=0.2), decontaminate=decontaminate)
    again = unpack(pack(matte))
    np.testing.assert_array_equal(again.alpha, matte.alpha)
    np.testing.assert_array_equal(again.foreground, matte.foreground)
    assert (again.uncertainty, again.source) == (matte.uncertainty, matte.source)


@pytest.mark.parametrize(
    "data", [b"", b"\x05\0\0\0abcde", b"\xff\xff\xff\x7f{}", pack(kept(np.zeros((8, 8, 3), np.uint8), np.ones((8, 8))))[:-40]]
)
def test_broken_stored_cutouts_are_typed_errors(data: bytes) -> None:
    with pytest.raises(StorageError):
        unpack(data)


def take_of(photo: np.ndarray, alpha: np.ndarray | None = None, **fields: Any) -> Take:
    destination = Destination(
        id="d", title="D", width=64, height=64, max_bytes=10**6, sources=(Source(title="test", date="2026-11-22"),)
    )
    template = Template(id="t", title="T", outputs=("d",), cutout=Cutout(**{"model": "fake-matte", **fields}))
    image = ProductImage(uri="a.png", digest="00")
    shot = Shot(product=Product(sku="A"), template=template, destination=destination, images=(image,))
    return Take(shot, b"", photo=Photo(photo, alpha, "png"))


def process(takes: Sequence[Take], registry: Registry | None = None) -> list[Take | PackshotError]:
    return asyncio.run(CutoutStep().process(takes, LocalModels(registry or Registry(Path()))))


def matte_of(result: Take | PackshotError) -> Matte:
    assert isinstance(result, Take), result
    return result.need_matte()


def test_the_step_gives_one_result_a_take_in_order() -> None:
    big, small = composite(disc(SIDE), RED, WHITE), composite(disc(SIDE, 0.3, 0.3, 0.12), BLUE, WHITE)
    empty = np.full((SIDE, SIDE, 3), 255, np.uint8)
    takes = [take_of(big), take_of(empty), take_of(small), take_of(big, second_pass=False, model="fake-matte")]
    results = process(takes)
    assert isinstance(results[1], NoProductFound)
    assert np.abs(matte_of(results[0]).alpha - disc(SIDE)).mean() < 0.004
    assert np.abs(matte_of(results[2]).alpha - disc(SIDE, 0.3, 0.3, 0.12)).mean() < 0.004
    assert [take.model_calls["fake-matte"] for take in takes] == [1, 1, 2, 1]
    assert takes[0].measurements["uncertainty"] == matte_of(results[0]).uncertainty


def test_a_photo_with_alpha_keeps_it_and_calls_no_model() -> None:
    alpha = disc(SIDE, 0.4, 0.4, 0.2)
    photo = composite(disc(SIDE), RED, WHITE)
    kept_take, ignored, opaque = (
        take_of(photo, alpha),
        take_of(photo, alpha, keep_alpha="never"),
        take_of(photo, np.ones_like(alpha)),
    )
    results = process([kept_take, ignored, opaque])
    assert matte_of(results[0]).source == "alpha"
    assert np.abs(matte_of(results[0]).alpha - alpha).max() <= 0.5 / 255 + 1e-6
    assert matte_of(results[1]).source == matte_of(results[2]).source == "fake-matte"
    assert [take.model_calls["fake-matte"] for take in (kept_take, ignored, opaque)] == [0, 1, 1]


def test_another_refiner_gives_another_edge() -> None:
    photo = composite(disc(SIDE), RED, BLUE)
    first, second = process([take_of(photo), take_of(photo, refiner="closed_form")])
    assert not np.array_equal(matte_of(first).alpha, matte_of(second).alpha)


def test_a_cached_step_needs_no_photo() -> None:
    step: Step = CutoutStep()
    assert isinstance(step, CutoutStep)
    (result,) = process([take_of(composite(disc(SIDE), RED, WHITE))])
    assert isinstance(result, Take)
    bare = Take(result.shot, b"")
    step.load(bare, step.dump(result))
    np.testing.assert_array_equal(matte_of(bare).foreground, matte_of(result).foreground)
    assert bare.measurements == result.measurements


def test_what_the_key_reads_is_the_cutout_and_nothing_else() -> None:
    step = CutoutStep()
    photo = np.zeros((4, 4, 3), np.uint8)
    plain, other = take_of(photo).shot, take_of(photo, refiner="none").shot
    assert step.reads(plain) != step.reads(other)
    moved = plain.model_copy(update={"template": plain.template.model_copy(update={"title": "X"})})
    assert step.reads(plain) == step.reads(moved)
    assert step.models(plain) == ("fake-matte",)


def test_batches_change_nothing() -> None:
    photos = [composite(disc(SIDE, 0.5, 0.5, r), RED, WHITE) for r in (0.2, 0.3, 0.4)]
    together = process([take_of(photo) for photo in photos])
    for photo, result in zip(photos, together, strict=True):
        (alone,) = process([take_of(photo)])
        assert pack(matte_of(alone)) == pack(matte_of(result))
    model = Registry(Path()).create("fake-matte")
    assert isinstance(asyncio.run(LocalModels(Registry(Path())).predict("fake-matte", [model.example()]))[0], Answer)


def test_files_in_files_out(tmp_path: Path) -> None:
    photos = {"one.jpg": RED, "two.png": BLUE, "same.png": RED, "same.jpg": RED}
    for name, colour in photos.items():
        picture = composite(disc(SIDE), colour, WHITE)[: SIDE - 60]
        cv2.imwrite(str(tmp_path / name), picture[..., ::-1])
    (tmp_path / "bad.jpg").write_bytes(b"not a picture")
    names = ["one.jpg", "bad.jpg", "missing.jpg", "two.png", "same.png", "same.jpg"]
    out = tmp_path / "out"
    results = list(
        cutout_files(
            [tmp_path / n for n in names], out, model="fake-matte", refiner="guided", registry=Registry(Path()), workers=2
        )
    )
    assert results[0] == out / "one.png"
    assert results[3] == out / "two.png"
    for index, kind in ((1, ImageError), (2, ImageError), (4, InputError), (5, InputError)):
        error = results[index]
        assert isinstance(error, kind)
        assert names[index] in error.message
    assert sorted(path.name for path in out.iterdir()) == ["one.png", "two.png"]
    written = cv2.imread(str(out / "two.png"), cv2.IMREAD_UNCHANGED)
    assert written.shape == (SIDE - 60, SIDE, 4)
    assert np.abs(written[..., 3] / 255 - disc(SIDE)[: SIDE - 60]).mean() < 0.004
    assert tuple(written[SIDE // 2, SIDE // 2, 2::-1]) == BLUE
    with pytest.raises(InputError, match="closed_form"):
        next(cutout_files([], out, model="fake-matte", refiner="best", registry=Registry(Path())))


def test_a_cutout_fed_back_in_comes_out_the_same(tmp_path: Path) -> None:
    matte = done(composite(disc(SIDE), RED, WHITE), network_map())
    rgba = np.dstack([matte.foreground, np.rint(matte.alpha * 255).astype(np.uint8)])
    (tmp_path / "a.png").write_bytes(encode_rgba_png(rgba))
    list(cutout_files([tmp_path / "a.png"], tmp_path / "out", model="fake-matte", refiner="guided", registry=Registry(Path())))
    assert (tmp_path / "out" / "a.png").read_bytes() == (tmp_path / "a.png").read_bytes()
