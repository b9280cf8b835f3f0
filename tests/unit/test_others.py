"""Further photos are cut out as the first one is, once each, and come back from the store pixel for pixel."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from studio.errors import ImageError, PackshotError, StepError, StorageError
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.product import Product, ProductImage
from studio.recipes.base import Recipe
from studio.shot import Shot
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.steps.others import CutOthers, cut_of
from studio.take import Take
from tests import shipped

LIBRARY = shipped.library()


def photo(colour: tuple[int, int, int], side: int = 48) -> bytes:
    """A block with its own alpha channel, so that no model is asked."""
    rgba = np.zeros((side, side, 4), np.uint8)
    rgba[8:40, 10:30] = (*colour, 255)
    buffer = io.BytesIO()
    Image.fromarray(rgba).save(buffer, "PNG")
    return buffer.getvalue()


FIRST, SECOND, THIRD = photo((200, 30, 30)), photo((30, 200, 30)), photo((30, 30, 200))


def image(data: bytes, name: str) -> ProductImage:
    return ProductImage(uri=f"{name}.png", digest=digest_bytes(data))


def shot(*others: bytes) -> Shot:
    companions = tuple(Product(sku=f"C{i}", images=(image(data, f"c{i}"),)) for i, data in enumerate(others))
    return Shot(
        product=Product(sku="A"),
        template=LIBRARY.template("amazon-white"),
        destination=LIBRARY.destination("amazon-main"),
        images=(image(FIRST, "a"),),
        companions=companions,
    )


def models() -> LocalModels:
    return LocalModels(Registry(Path()))


def cut(wanted: Shot, step: CutOthers, opened: Sequence[bytes] = (SECOND, THIRD)) -> Take:
    """The shot after the first steps of a recipe; the step's error is raised."""
    take = Take(wanted, FIRST, opened={digest_bytes(data): data for data in opened})

    async def go() -> None:
        for each in (Decode(), CutoutStep(), step):
            if each.applies(wanted):
                (result,) = await each.process([take], models())
                if isinstance(result, PackshotError):
                    raise result

    asyncio.run(go())
    return take


def colour_of(take: Take, wanted: ProductImage) -> tuple[int, ...]:
    found = cut_of(take, wanted)
    return tuple(int(level) for level in np.median(found.foreground[found.alpha > 0.5], axis=0))


def test_every_further_photo_is_cut_out() -> None:
    take = cut(wanted := shot(SECOND, THIRD), CutOthers())
    assert [colour_of(take, photo) for photo in wanted.photos] == [(200, 30, 30), (30, 200, 30), (30, 30, 200)]
    assert take.measurements["uncertainty_others"] == max(found.uncertainty for found in take.others.values())
    assert len(take.glances) == 2


def test_only_what_is_wanted_is_opened() -> None:
    step = CutOthers(lambda shot: shot.photos[2:])
    take = cut(wanted := shot(SECOND, THIRD), step, opened=[THIRD])
    assert [image.uri for image in step.opens(wanted)] == ["c1.png"]
    with pytest.raises(StepError, match="no cut-out of c0.png"):
        cut_of(take, wanted.photos[1])


def test_the_same_photo_twice_is_cut_out_once() -> None:
    wanted = shot(SECOND, SECOND, FIRST)
    assert [image.uri for image in CutOthers().opens(wanted)] == ["c0.png"]
    take = cut(wanted, CutOthers())
    assert colour_of(take, wanted.photos[3]) == (200, 30, 30)


def test_without_a_further_photo_the_key_is_that_of_the_cut_out() -> None:
    plain, more = Recipe("x", (Decode(), CutoutStep())), Recipe("x", (Decode(), CutoutStep(), CutOthers()))
    card = Registry(Path()).card
    assert more.key(shot(), card) == plain.key(shot(), card)
    assert more.key(shot(SECOND), card) != plain.key(shot(SECOND), card)
    assert more.key(shot(SECOND, THIRD), card) != more.key(shot(THIRD, SECOND), card)


def test_a_stored_result_is_the_same_pixels() -> None:
    step = CutOthers()
    take, empty = cut(wanted := shot(SECOND, THIRD), step), Take(shot(SECOND, THIRD), b"")
    step.load(empty, step.dump(take))
    assert (empty.glance, empty.glances) == (take.glance, take.glances)
    for image in wanted.photos:
        ours, theirs = cut_of(empty, image), cut_of(take, image)
        assert np.array_equal(ours.alpha, theirs.alpha)
        assert np.array_equal(ours.foreground, theirs.foreground)
        assert (ours.uncertainty, ours.source) == (theirs.uncertainty, theirs.source)


@given(st.data())
def test_cut_short_bytes_are_an_error_of_the_store(data: st.DataObject) -> None:
    whole = CutOthers().dump(STORED)
    end = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(StorageError):
        CutOthers().load(Take(shot(SECOND), b""), whole[:end])


def test_an_error_names_the_product_and_its_photo() -> None:
    broken = SECOND[: len(SECOND) // 2]
    with pytest.raises(ImageError, match=r"^C1, c1\.png: ") as caught:
        cut(shot(THIRD, broken), CutOthers(), opened=[THIRD, broken])
    assert caught.value.code in {"truncated_image", "corrupt_image"}


def test_a_bad_photo_never_fails_its_neighbours() -> None:
    good, bad = shot(SECOND), shot(THIRD)
    takes = [Take(good, FIRST, opened={digest_bytes(SECOND): SECOND}), Take(bad, FIRST)]
    found = asyncio.run(CutOthers().process(takes, models()))
    assert found[0] is takes[0]
    assert isinstance(found[1], StepError)


STORED = cut(shot(SECOND), CutOthers())
