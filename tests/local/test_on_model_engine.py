"""The whole way of a garment through a two-image engine, with random weights: plumbing, locks and measurements, not beauty."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.body import Pose, Wearer
from studio.errors import ModelNotConfigured, PackshotError
from studio.imaging.worn.cloth import room_for
from studio.models.base import LocalModels
from studio.models.diffusion.brief import Brief
from studio.models.registry import Registry
from studio.product import Product, ProductImage
from studio.shot import Shot
from studio.steps.try_on import TryOn
from studio.take import Matte, Take
from studio.template import Template
from templates.library import Library
from tests import tiny, tiny_tryon

SIDE = 256
WEIGHTS = Path(__file__).resolve().parents[2] / ".packshot" / "models"


def figure() -> Pose:
    """Somebody who stands straight in a picture of 256 pixels, arms a little away from the body."""
    points = np.zeros((33, 3), np.float32)
    points[:, 2] = 1.0
    points[:11, :2] = (128, 40)
    rows = {
        11: (158, 80),
        12: (98, 80),
        13: (176, 120),
        14: (80, 120),
        15: (182, 160),
        16: (74, 160),
        23: (146, 160),
        24: (110, 160),
    }
    rows |= {25: (146, 205), 26: (110, 205), 27: (146, 250), 28: (110, 250)}
    for row in (17, 19, 21):
        rows |= {row: (184, 172), row + 1: (72, 172)}
    for row, at in rows.items():
        points[row, :2] = at
    return Pose(points, np.zeros((33, 3), np.float32), 0.99)


def dressed_take(engine: str, ground: str = "own") -> Take:
    library = Library.default()
    brief = {"kind": "on-model", "item": "upper", "ground": ground, "engine": engine}
    look = Template.model_validate({"id": "try", "title": "Try", "outputs": ["web-square"], "brief": brief})
    images = (ProductImage(uri="top.png", digest="1" * 64), ProductImage(uri="person.png", role="on-model", digest="2" * 64))
    shot = Shot(product=Product(sku="TOP-1"), template=look, destination=library.destination("web-square"), images=images)
    rng = np.random.default_rng(1)
    photo = np.asarray(
        Image.fromarray(rng.integers(90, 160, (16, 16, 3), np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    )
    alpha = np.zeros((200, 160), np.float32)
    alpha[20:180, 20:140] = 1
    colour = np.full((200, 160, 3), (180, 40, 60), np.uint8)
    return Take(shot, b"", matte=Matte(alpha, colour, 0.0, "alpha"), wearer=Wearer(np.ascontiguousarray(photo), figure(), ()))


def tried(take: Take, configured: dict[str, str]) -> Take:
    models = LocalModels(Registry(WEIGHTS, configured=configured))
    (result,) = asyncio.run(TryOn().process([take], models))
    if isinstance(result, PackshotError):
        raise result
    return result


@pytest.fixture(scope="module")
def klein(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.saved("flux2_klein", tmp_path_factory.mktemp("klein"))


def test_a_two_image_engine_draws_the_garment_and_nothing_but_the_garment(klein: Path) -> None:
    take = tried(dressed_take("flux2-klein-4b"), {"flux2-klein-4b": f"{klein},dtype=float32,steps=1"})
    assert take.wearer is not None
    assert take.wearer.worn is not None
    assert take.matte is not None
    room = room_for("upper", take.wearer.pose, take.wearer.photo.shape)
    changed = (take.matte.foreground != take.wearer.photo).any(axis=2)
    assert changed[room > 0.9].mean() > 0.5
    assert not changed[room <= 0.5 / 255].any()
    assert take.engine == "flux2-klein-4b"
    assert take.others["1" * 64].foreground[100, 80].tolist() == [180, 40, 60]
    assert 0 < take.measurements["try_on_area"] < 0.6


def test_the_same_request_gives_the_same_pixels_and_another_garment_others(klein: Path) -> None:
    configured = {"flux2-klein-4b": f"{klein},dtype=float32,steps=1"}
    first, again, other = dressed_take("flux2-klein-4b"), dressed_take("flux2-klein-4b"), dressed_take("flux2-klein-4b")
    assert other.matte is not None
    other.matte.foreground[:] = (20, 160, 220)
    made = [tried(take, configured).matte for take in (first, again, other)]
    assert made[0] is not None
    assert made[1] is not None
    assert made[2] is not None
    assert np.array_equal(made[0].foreground, made[1].foreground)
    assert not np.array_equal(made[0].foreground, made[2].foreground)


def test_without_weights_the_engine_says_what_to_configure() -> None:
    with pytest.raises(ModelNotConfigured, match=r"models\.configured\.qwen-image-edit-2509"):
        tried(dressed_take("qwen-image-edit-2509"), {})


def test_an_engine_of_qwens_family_sees_both_pictures(tmp_path: Path) -> None:
    """The default engine's classes from a folder laid out as its own; its processor is read without torchvision."""
    name = "qwen-image-edit-2509"
    engine = Registry(WEIGHTS, configured={name: f"{tiny_tryon.saved(tmp_path)},dtype=float32,steps=1"}).create(name)
    engine.load()
    rng = np.random.default_rng(2)
    person, one, other = (rng.integers(0, 255, (320, 256, 3), np.uint8) for _ in range(3))
    made = [
        engine.predict([Brief("dress", (256, 320), 0, "edit", image=person, reference=shown)])[0].rgb for shown in (one, other)
    ]
    assert made[0].shape == (320, 256, 3)
    assert not np.array_equal(made[0], made[1])
