"""The studio `lookalike` as a whole: a generator that is shown the reference, and whole pictures by the renderer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import pytest

from cluster.engine import registry, storage
from cluster.renderer import Renderer
from connectors.fetch import Fetcher
from studio.errors import ModelNotConfigured, PackshotError
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.product import ImageRole, Product, ProductImage
from studio.shot import Done, Rejected, Shot
from studio.steps.backdrop import Backdrop
from studio.steps.imitate import Imitate
from studio.take import Take
from studio.template import Scene
from templates.library import Library
from tests import sample, tiny
from tests.golden.pictures import run, small

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Library.default()
LOOK = LIBRARY.template("lookalike-photo")
SQUARE = LIBRARY.destination("web-square")

pytestmark = pytest.mark.filterwarnings("ignore")


def image(path: Path, role: ImageRole) -> ProductImage:
    return ProductImage(uri=str(path), role=role, digest=digest_bytes(path.read_bytes()))


def generated(folder: Path, influence: float) -> Shot:
    """A look whose set a generator paints, its product and a reference."""
    for name, seed, colour in (("front.png", 3, None), ("like.png", 4, (40, 90, 160))):
        sample.photo(folder / name, seed, colour=colour)
    look = LOOK.model_copy(
        update={
            "cutout": LOOK.cutout.model_copy(update={"model": "fake-matte"}),
            "scene": Scene(engine="diffusers", model="custom-scene", influence=influence),
        }
    )
    photos = image(folder / "front.png", ImageRole.FRONT), image(folder / "like.png", ImageRole.REFERENCE)
    return Shot(product=Product(sku="A"), template=look, destination=small(SQUARE, 96), images=photos)


def painted(shot: Shot, configured: dict[str, str]) -> Take:
    like = shot.images[1]
    take = Take(shot, b"", opened={like.digest: Path(like.uri).read_bytes()})
    return run(take, [Imitate(), Backdrop()], LocalModels(Registry(Path(), configured=configured)))


def test_a_generator_is_shown_the_reference_and_follows_it_as_far_as_asked(tmp_path: Path) -> None:
    from diffusers import DiffusionPipeline

    folder = tiny.saved("sd_ip", tmp_path)
    adapter = tiny.ip_adapter(tmp_path / "ip", DiffusionPipeline.from_pretrained(folder))
    given = {"custom-scene": f"{folder},steps=2,ip_adapter={adapter},ip_adapter_weight=adapter.safetensors"}
    takes = [painted(generated(tmp_path, influence), given) for influence in (0.1, 1.0)]
    one, other = (take.ground for take in takes)
    assert one is not None
    assert other is not None
    assert not np.array_equal(one, other)
    assert {take.engine for take in takes} == {"diffusers:custom-scene"}
    assert any("light from" in words for words in takes[0].shot.template.prompt.positive)


def test_without_a_generator_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelNotConfigured):
        painted(generated(tmp_path, 0.6), {})


def test_a_generator_that_can_follow_no_reference_says_so(tmp_path: Path) -> None:
    with pytest.raises(PackshotError, match="follows no reference"):
        painted(generated(tmp_path, 0.6), {"custom-scene": f"{tiny.saved('sd', tmp_path)},steps=2"})


def rendered(folder: Path, template: str, photos: tuple[ProductImage, ...]) -> Any:
    """The outcome of one picture, 400 px, by the renderer."""
    settings = sample.settings(folder)
    store = storage(settings)
    for _, data in LIBRARY.assets():
        store.put_blob(data)
    look = LIBRARY.template(template)
    look = look.model_copy(update={"relight": look.relight.model_copy(update={"preset": "none"})})
    shot = Shot(product=Product(sku="A", images=photos), template=look, destination=small(SQUARE, 400), images=photos)
    renderer = Renderer(LocalModels(registry(settings)), store, Fetcher().read)
    import asyncio

    return asyncio.run(renderer.render([shot]))[0], store


@pytest.mark.skipif(not (ROOT / ".packshot" / "models" / "u2netp.onnx").exists(), reason="packshot models fetch")
class TestWhole:
    CATALOGUE = ROOT / "examples" / "catalog" / "images"

    def test_a_picture_is_like_its_reference_and_says_how_much(self, tmp_path: Path) -> None:
        photos = (
            image(self.CATALOGUE / "NL-VAS-01_front.jpg", ImageRole.FRONT),
            image(self.CATALOGUE / "NL-CRM-01_casual.jpg", ImageRole.REFERENCE),
        )
        outcome, _ = rendered(tmp_path, "lookalike-photo", photos)
        assert isinstance(outcome, Done | Rejected)
        measured = outcome.report.measurements
        for aspect in ("palette", "softness", "contrast", "horizon", "box", "background"):
            assert measured[f"match_{aspect}"] > 0.7, aspect
        assert measured["match_light"] > 0.5

    def test_two_references_make_two_pictures_and_the_same_one_the_same_bytes(self, tmp_path: Path) -> None:
        front = image(self.CATALOGUE / "NL-VAS-01_front.jpg", ImageRole.FRONT)
        likes = [image(self.CATALOGUE / f"{sku}_casual.jpg", ImageRole.REFERENCE) for sku in ("NL-CRM-01", "NL-CSH-01")]
        first, _ = rendered(tmp_path / "a", "lookalike-photo", (front, likes[0]))
        again, _ = rendered(tmp_path / "b", "lookalike-photo", (front, likes[0]))
        other, _ = rendered(tmp_path / "a", "lookalike-photo", (front, likes[1]))
        assert first.asset.digest == again.asset.digest
        assert first.asset.digest != other.asset.digest

    def test_a_template_brings_its_own_reference(self, tmp_path: Path) -> None:
        front = image(self.CATALOGUE / "FJ-CAN-01_front.jpg", ImageRole.FRONT)
        outcome, _ = rendered(tmp_path, "lookalike-dark-moody", (front,))
        assert isinstance(outcome, Done | Rejected)
        assert outcome.report.measurements["match_palette"] > 0.7
        assert outcome.report.measurements["match_horizon"] > 0.9
