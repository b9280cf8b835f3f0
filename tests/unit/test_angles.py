"""Photos of one product turn on the spot: one scale, one line, whichever of them is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from studio.destination import Destination
from studio.product import Product, ProductImage
from studio.qa.checks.angles import angle_baseline, angle_scale
from studio.qa.subject import Subject
from studio.shot import Shot
from studio.steps.angles import MOST, CutAngles, setups
from studio.steps.place import Place
from studio.take import Matte, Take
from studio.template import Composition, Template
from tests.golden.pictures import run

WHERE = Destination.model_validate(
    {
        "id": "tiny",
        "title": "Tiny",
        "width": 200,
        "height": 200,
        "accepts": ["jpeg"],
        "max_bytes": 10**6,
        "sources": [{"title": "made for tests", "date": "2026-11-22"}],
    }
)
SIZES = st.tuples(st.integers(20, 180), st.integers(20, 180))


def look(by: str = "camera", **more: object) -> Template:
    rules = {"fill": 0.8, "baseline": 0.9, "same_scale": True, "same_scale_by": by} | more
    return Template.model_validate({"id": "look", "title": "Look", "outputs": ["shopify"], "composition": rules})


def product(roles: list[str]) -> Product:
    return Product(
        sku="A", images=tuple(ProductImage(uri=f"{i}.png", role=role, digest=f"{i:064x}") for i, role in enumerate(roles))
    )


def cut(size: tuple[int, int], frame: int = 200) -> Matte:
    alpha = np.zeros((frame, frame), np.float32)
    (w, h), k = size, frame / 200
    alpha[round((190 - h) * k) : round(190 * k), round((100 - w / 2) * k) : round((100 + w / 2) * k)] = 1
    return Matte(alpha, np.full((frame, frame, 3), 120, np.uint8), 0.0, "alpha")


def placed(template: Template, sizes: list[tuple[int, int]], frames: list[int] | None = None) -> list[Take]:
    goods = product(["front"] + ["angle"] * (len(sizes) - 1))
    cuts = {f"{i:064x}": cut(size, (frames or [200] * len(sizes))[i]) for i, size in enumerate(sizes)}
    takes = []
    for setup in setups(goods, template, goods.images, None):  # type: ignore[arg-type]
        shot = Shot(product=goods, template=template, destination=WHERE, images=setup.images, slot=setup.slot)
        own = setup.images[0].digest
        take = Take(shot, b"", matte=cuts[own], others={d: c for d, c in cuts.items() if d != own})
        takes.append(run(take, (Place(),), Upscaler()))
    return takes


class Upscaler:
    """Placing may enlarge, but no model is asked below 1.15 times; above, this one repeats pixels."""

    async def predict(self, name: str, items: list[np.ndarray]) -> list[object]:
        from studio.models.base import Answer

        return [Answer(value=np.repeat(np.repeat(item, 2, 0), 2, 1), seconds=0.0, device="cpu") for item in items]


@given(st.lists(SIZES, min_size=2, max_size=5))
@settings(max_examples=20, deadline=None)
def test_all_angles_share_scale_and_line(sizes: list[tuple[int, int]]) -> None:
    takes = placed(look(), sizes)
    found = [take.need_placed() for take in takes]
    assert np.ptp([p.scale for p in found]) < 1e-9
    assert {p.box[1] + p.box[3] for p in found} <= {179, 180, 181}
    assert all(p.box[2] <= 0.8 * 200 + 2 for p in found)


def test_the_largest_angle_decides() -> None:
    wide, narrow = (take.need_placed() for take in placed(look(), [(160, 80), (40, 80)]))
    assert wide.box[2] == pytest.approx(160, abs=2)
    assert narrow.box[2] == pytest.approx(40, abs=2)
    assert wide.box[3] == pytest.approx(narrow.box[3], abs=1)


def test_photos_of_one_camera_in_two_sizes_agree() -> None:
    first, second = (take.need_placed() for take in placed(look(), [(80, 100), (80, 100)], [200, 400]))
    assert first.box[2:] == pytest.approx(second.box[2:], abs=1)
    assert first.scale == pytest.approx(2 * second.scale)


def test_by_height_the_product_is_always_as_tall() -> None:
    near, far = (take.need_placed() for take in placed(look("height"), [(60, 150), (40, 100)]))
    assert near.box[3] == pytest.approx(far.box[3], abs=1)


def test_every_picture_brings_the_other_angles_and_details_do_not_count() -> None:
    goods = product(["front", "back", "detail", "angle"])
    pictures = setups(goods, look(), goods.images, None)  # type: ignore[arg-type]
    assert [[image.uri for image in p.images] for p in pictures] == [
        ["0.png", "1.png", "3.png"],
        ["1.png", "0.png", "3.png"],
        ["2.png"],
        ["3.png", "0.png", "1.png"],
    ]


def test_a_long_spin_is_decided_by_the_same_few_frames() -> None:
    goods = product(["spin"] * 24)
    pictures = setups(goods, look(), goods.images, None)  # type: ignore[arg-type]
    deciding = [frozenset(image.uri for image in p.images[1:]) for p in pictures]
    assert max(len(found) for found in deciding) == MOST
    usual = max(deciding, key=len)
    assert all(found in (usual, usual - {p.images[0].uri}) for found, p in zip(deciding, pictures, strict=True))


def test_without_the_wish_every_photo_stays_alone() -> None:
    goods, alone = product(["front", "angle"]), look(same_scale=False)
    assert all(len(p.images) == 1 for p in setups(goods, alone, goods.images, None))  # type: ignore[arg-type]
    shot = Shot(product=goods, template=alone, destination=WHERE, images=goods.images)
    assert not CutAngles().applies(shot)
    assert CutAngles().applies(shot.model_copy(update={"template": look()}))


def test_one_scale_needs_a_line_to_stand_on() -> None:
    with pytest.raises(ValidationError, match="baseline"):
        Composition(same_scale=True)


def test_a_picture_out_of_scale_or_off_the_line_is_measured() -> None:
    take = placed(look(), [(160, 80), (40, 80)])[1]
    take.encoded = b"-"
    good = Subject(take)
    assert angle_scale(good) < 0.03
    assert angle_baseline(good) <= 0.005
    take.placed = placed(look(same_scale=False, baseline=0.8), [(40, 80)])[0].need_placed()
    assert angle_scale(Subject(take)) > 0.5
    assert angle_baseline(Subject(take)) == pytest.approx(0.1, abs=0.01)
