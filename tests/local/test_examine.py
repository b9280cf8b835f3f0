"""The real models of QA, and `examine` on a real photo of the sample catalogue: clean pictures pass, altered ones do not."""

from __future__ import annotations

import asyncio
import copy
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from cluster.remembering import RememberingModels
from connectors.storage.registry import open_storage
from studio.errors import PackshotError, WeightsMissing
from studio.keys import digest_bytes
from studio.models.base import LocalModels, Model, run_batch
from studio.models.ocr_items import Places
from studio.models.registry import Registry
from studio.product import Product, ProductImage
from studio.qa import policy
from studio.qa.measure import measure
from studio.shot import Shot
from studio.steps.base import Step
from studio.steps.compose import Compose
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.steps.encode import Encode
from studio.steps.examine import Examine
from studio.steps.ground import Ground
from studio.steps.place import Place
from studio.steps.scene import SceneStep
from studio.take import U8, Take
from templates.library import Library

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT / "examples" / "catalog" / "images"
REGISTRY = Registry(ROOT / ".packshot" / "models")
NAMES = ("ocr", "ocr-detect", "embed", "nsfw", "person")
QUESTIONS = ("text", "identity", "safety", "person")


@lru_cache
def loaded(name: str) -> Model:
    model = REGISTRY.create(name)
    try:
        model.load()
    except WeightsMissing:
        pytest.skip("run `packshot models fetch`")
    return model


def picture(name: str) -> U8:
    return np.ascontiguousarray(cv2.imread(str(PHOTOS / f"{name}.jpg"))[..., ::-1])


def read(rgb: U8) -> list[str]:
    return [line.text for line in loaded("ocr").predict([rgb])[0]]


@pytest.mark.parametrize("name", NAMES)
def test_an_item_alone_answers_as_in_a_batch_and_a_bad_one_fails_alone(name: str) -> None:
    model = loaded(name)
    good, noise = model.example(), np.random.default_rng(0).integers(0, 256, (128, 160, 3), np.uint8)
    together = model.predict([good, noise, good])
    assert str(together[0]) == str(together[2]) == str(model.predict([good])[0])
    assert model.predict([]) == []
    answers = run_batch(model, [good, np.zeros((5, 7), np.uint8), good])
    assert [isinstance(answer, PackshotError) for answer in answers] == [False, True, False]


def test_print_is_read_level_turned_and_at_given_places() -> None:
    page = np.full((500, 900, 3), 235, np.uint8)
    cv2.putText(page, "NORDLYS 50 ml", (60, 120), cv2.FONT_HERSHEY_SIMPLEX, 2, (30, 30, 60), 5, cv2.LINE_AA)
    assert read(page) == ["NORDLYS 50 ml"]
    (line,) = loaded("ocr").predict([np.ascontiguousarray(np.rot90(page, -1))])[0]
    assert line.text == "NORDLYS 50 ml"
    (line,) = loaded("ocr").predict([page])[0]
    blank = np.array([[10, 400], [200, 400], [200, 440], [10, 440]], np.float32)
    forced = loaded("ocr").predict([Places(page, np.stack((line.quad, blank)), search=False)])[0]
    assert [found.text for found in forced] == ["NORDLYS 50 ml", ""]
    assert read(np.full((300, 400, 3), 200, np.uint8)) == []


@pytest.mark.parametrize(
    ("photo", "words"),
    [("FJ-CAN-01_front", {"FJELL", "Sparkling Lime"}), ("NL-BOK-01_front", {"THE LONG", "FJORD"}), ("NL-VAS-01_front", set())],
)
def test_labels_of_the_sample_catalogue(photo: str, words: set[str]) -> None:
    found = read(picture(photo))
    assert words <= set(found)
    assert bool(words) == bool(found)


def test_likeness_is_about_the_product() -> None:
    names = ("NL-MUG-01_front", "NL-MUG-01_casual", "NL-CSH-01_front")
    mug, other_mug, cushion = loaded("embed").predict([picture(name) for name in names])
    for vector in (mug, other_mug, cushion):
        assert vector.shape == (1280,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    smaller = cv2.resize(picture("NL-MUG-01_front"), (500, 500), interpolation=cv2.INTER_AREA)
    assert float(loaded("embed").predict([smaller])[0] @ mug) > 0.97
    assert mug @ other_mug > mug @ cushion + 0.05


def test_products_are_decent_and_no_people() -> None:
    photos = [picture(path.stem) for path in sorted(PHOTOS.glob("*_front.jpg"))[::4]]
    assert max(loaded("nsfw").predict(photos)) < 0.1
    assert max(loaded("person").predict(photos)) < 0.25


def made(name: str, style: str = "shopify-square", side: int = 1000) -> Take:
    """A catalogue photo, finished in a style, examined by nobody yet."""
    loaded("ocr")
    library = Library.default()
    template = library.template(style)
    template = template.model_copy(update={"examine": QUESTIONS, "upscale": template.upscale.model_copy(update={"above": 99.0})})
    destination = library.destination(template.outputs[0]).model_copy(update={"width": side, "height": side, "qa": {}})
    data = (PHOTOS / f"{name}.jpg").read_bytes()
    image = ProductImage(uri=name, digest=digest_bytes(data))
    take = Take(Shot(product=Product(sku=name), template=template, destination=destination, images=(image,)), data)
    for step in (Decode(), CutoutStep(), Place(), SceneStep(), Ground(), Compose(), Encode()):
        run(step, take)
    return take


def run(step: Step, take: Take, models: LocalModels | RememberingModels | None = None) -> None:
    (result,) = asyncio.run(step.process([take], models or LocalModels(REGISTRY)))
    assert result is take, result


def verdict(take: Take, image: U8 | None = None) -> set[str]:
    """Names of the bounds that a picture breaks once it was examined; `image` replaces the finished one."""
    take = copy.copy(take)
    take.evidence = copy.copy(take.evidence)
    if image is not None:
        take.image = image
        run(Encode(), take)
    run(Examine(), take)
    measured = take.measurements | measure(take)
    return {
        failure.name for failure in policy.decide(measured, policy.limits(take.shot.template, take.shot.destination)).failures
    }


def test_clean_pictures_pass_and_altered_ones_are_told_why() -> None:
    take = made("FJ-CAN-01_front")
    assert verdict(take) == set()
    image, (x, y, width, height) = take.need_image(), take.need_placed().box

    stamped = image.copy()
    cv2.putText(stamped, "SALE", (10, 940), cv2.FONT_HERSHEY_SIMPLEX, 2.2, (30, 30, 30), 6, cv2.LINE_AA)
    assert "added_lines" in verdict(take, stamped)

    marked = image.copy()
    cv2.putText(marked, "SAMPLE", (x + 20, y + height - 200), cv2.FONT_HERSHEY_SIMPLEX, 1.8, (250, 250, 250), 5, cv2.LINE_AA)
    assert "label_added" in verdict(take, marked)

    label = image[y : y + height, x : x + width]
    smeared = image.copy()
    small = cv2.resize(label, (width // 12, height // 12), interpolation=cv2.INTER_AREA)
    smeared[y : y + height, x : x + width] = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    assert {"label_cer", "keypoint_inliers"} <= verdict(take, smeared)

    stretched = image.copy()
    wide = cv2.resize(label, (round(width * 1.06), height), interpolation=cv2.INTER_CUBIC)
    stretched[y : y + height, x : x + width] = wide[:, :width]
    assert "keypoint_shift" in verdict(take, stretched)


def test_another_product_in_its_place_is_not_the_same() -> None:
    take, other = made("FJ-CAN-01_front"), made("NL-MUG-01_front")
    assert {"same_product", "keypoint_inliers"} <= verdict(take, other.need_image())


def test_the_photo_is_looked_at_once_for_all_destinations(tmp_path: Path) -> None:
    """Three sizes of one shot: the photo's page and face are answered from the store after the first."""
    models = RememberingModels(LocalModels(REGISTRY), open_storage(f"file://{tmp_path}"))
    calls = []
    for side in (800, 900, 1000):
        take = made("NL-CRM-01_front", side=side)
        take.model_calls.clear()
        run(Examine(), take, models)
        calls.append((take.model_calls["ocr"], take.model_calls["embed"]))
    assert calls == [(2, 2), (1, 1), (1, 1)]
