"""The classifier in a real recipe on products that it never saw, where the weights of its witnesses have been fetched."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from benchmarks.defects.seeds import KINDS, seed
from studio.errors import PackshotError, WeightsMissing
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.product import Product, ProductImage
from studio.qa.defects import ALARM, ALARMS
from studio.qa.policy import decide, limits
from studio.shot import Shot
from studio.steps.base import Step
from studio.steps.compose import Compose
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.steps.encode import Encode
from studio.steps.examine import Examine
from studio.steps.ground import Ground
from studio.steps.inspect import Inspect
from studio.steps.place import Place
from studio.steps.scene import SceneStep
from studio.take import Take
from templates.library import Library

ROOT = Path(__file__).resolve().parents[2]
HELD_OUT = ("NL-HPH-01", "NL-VAS-01", "NL-BOK-01")
SEAMS: dict[str, tuple[str, ...]] = {"cutout": ("matte",), "place": ("placed",), "scene": ("ground",), "ground": ("shade", "lit")}


@lru_cache
def models() -> LocalModels:
    return LocalModels(Registry(ROOT / ".packshot" / "models"))


def made(sku: str, kind: str = "") -> Take:
    """The finished take of a photo of the sample catalogue that asks for the classifier; `kind` seeds a defect."""
    data = (ROOT / "examples" / "catalog" / "images" / f"{sku}_front.jpg").read_bytes()
    library = Library.default()
    template = library.template("soft-gradient").model_copy(update={"examine": ("defects",)})
    place = library.destination("shopify").model_copy(update={"width": 1000, "height": 1000})
    image = ProductImage(uri="front.jpg", digest=digest_bytes(data))
    take = Take(Shot(product=Product(sku=sku), template=template, destination=place, images=(image,)), data)
    rng = np.random.default_rng(4)
    steps = (Decode(), CutoutStep(), Place(), SceneStep(), Ground(), Compose(), Encode(), Examine(), Inspect())
    for step in steps:
        _run(step, take)
        for seam in SEAMS.get(step.name, ("image",) if step.name == "compose" else ()):
            seed(take, kind, seam, rng)
    return take


def _run(step: Step, take: Take) -> None:
    try:
        (result,) = asyncio.run(step.process([take], models()))
    except WeightsMissing:
        pytest.skip("run `packshot models fetch`")
    if isinstance(result, WeightsMissing):
        pytest.skip("run `packshot models fetch`")
    if isinstance(result, PackshotError):
        raise result


@pytest.mark.parametrize("sku", HELD_OUT)
def test_a_good_picture_is_released(sku: str) -> None:
    take = made(sku)
    assert set(take.evidence.defects) == set(ALARMS)
    assert take.measurements["defect"] <= ALARM
    verdict = decide(take.measurements, limits(take.shot.template, take.shot.destination))
    assert verdict.released, verdict.detail


@pytest.mark.parametrize("kind", ["ghost", "text", "fuzzy_edge", "cropped", "stretched", "frame"])
def test_what_no_single_check_sees_is_held_back(kind: str) -> None:
    take = made("NL-VAS-01", kind)
    assert take.measurements["defect"] > ALARM
    assert KINDS[kind].name in take.evidence.defects
