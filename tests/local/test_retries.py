"""Further attempts in the renderer: bounded, counted, paid for together, and found again in the store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cluster.engine import registry, storage
from cluster.renderer import Renderer
from connectors.fetch import Fetcher
from studio.destination import Limit
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.product import Product, ProductImage
from studio.shot import Done, Outcome, Rejected, Shot
from studio.template import Scene
from templates.library import Library
from tests import sample

WEIGHTS = Path(__file__).resolve().parents[2] / ".packshot" / "models"
ANEW = ("seed", "engine")
SETS = {
    name: Limit(max=1000, min=-1000, retry=ANEW)
    for name in (
        "label_cer",
        "label_added",
        "added_lines",
        "same_product",
        "silhouette_iou",
        "keypoint_inliers",
        "keypoint_shift",
    )
}
GENERATED = Scene(engine="diffusers", model="fake-scene")


def shot(folder: Path, limit: Limit, *, refiner: str = "guided", scene: Scene | None = None) -> Shot:
    path = folder / "photo.png"
    sample.photo(path, 3)
    image = ProductImage(uri=str(path), digest=digest_bytes(path.read_bytes()))
    library = Library.default(extra=sample.settings(folder).template_folders)
    template = library.template("tiny-grey")
    cutout = template.cutout.model_copy(update={"refiner": refiner})
    changes: dict[str, object] = {"scene": scene} if scene else {}
    changes |= {"cutout": cutout, "qa": template.qa | {"edge_contrast": limit}}
    return Shot(
        product=Product(sku="A", images=(image,)),
        template=template.model_copy(update=changes),
        destination=library.destination("tiny"),
        images=(image,),
    )


def render(folder: Path, wanted: Shot, *, force: bool = False) -> Outcome:
    settings = sample.settings(folder)
    renderer = Renderer(LocalModels(registry(settings)), storage(settings), Fetcher().read)
    return asyncio.run(renderer.render([wanted], force=force))[0]


def test_an_incurable_picture_is_tried_once_more_and_no_more(tmp_path: Path) -> None:
    wanted = shot(tmp_path, Limit(min=200, retry=True))
    first = render(tmp_path, wanted)
    assert isinstance(first, Rejected)
    report = first.report
    assert (report.attempts, report.tried, first.action) == (2, ("refiner",), "review")
    assert report.model_calls == {"fake-matte": 2}
    again = render(tmp_path, wanted)
    assert isinstance(again, Rejected)
    assert again.report.reused == ("shot",)
    assert (again.report.attempts, again.report.tried, again.report.model_calls) == (2, ("refiner",), {})


def test_a_limit_that_no_attempt_cures_costs_one_attempt(tmp_path: Path) -> None:
    outcome = render(tmp_path, shot(tmp_path, Limit(min=200, on_fail="reject")))
    assert isinstance(outcome, Rejected)
    assert (outcome.report.attempts, outcome.report.tried, outcome.action) == (1, (), "reject")
    assert outcome.report.model_calls == {"fake-matte": 1}


def test_a_rejected_picture_is_tried_again_when_a_cure_is_allowed_later(tmp_path: Path) -> None:
    assert isinstance(render(tmp_path, shot(tmp_path, Limit(min=200))), Rejected)
    later = render(tmp_path, shot(tmp_path, Limit(min=200, retry=("refiner",))))
    assert isinstance(later, Rejected)
    assert (later.report.attempts, later.report.tried) == (2, ("refiner",))
    assert later.report.model_calls == {"fake-matte": 1}, "the first cut-out is in the store"


def test_a_loosened_limit_releases_what_is_there(tmp_path: Path) -> None:
    assert isinstance(render(tmp_path, shot(tmp_path, Limit(min=200, retry=True))), Rejected)
    released = render(tmp_path, shot(tmp_path, Limit(min=1, retry=True)))
    assert isinstance(released, Done)
    assert released.report.reused == ("shot",)


def test_forcing_makes_every_attempt_again(tmp_path: Path) -> None:
    wanted = shot(tmp_path, Limit(min=200, retry=True))
    first = render(tmp_path, wanted)
    forced = render(tmp_path, wanted, force=True)
    assert isinstance(first, Rejected)
    assert isinstance(forced, Rejected)
    assert forced.report.model_calls == first.report.model_calls == {"fake-matte": 2}
    assert forced.asset == first.asset


@pytest.mark.skipif(not (WEIGHTS / "u2netp.onnx").is_file(), reason="generated sets are examined by the fetched models")
def test_a_generated_set_is_tried_with_another_seed_and_then_without_generator(tmp_path: Path) -> None:
    wanted = shot(tmp_path, Limit(min=200, retry=("seed", "engine")), refiner="none", scene=GENERATED)
    template = wanted.template.model_copy(update={"qa": wanted.template.qa | SETS})
    outcome = render(tmp_path, wanted.model_copy(update={"template": template}))
    assert isinstance(outcome, Rejected)
    report = outcome.report
    assert (report.attempts, report.tried) == (3, ("seed", "engine")), outcome.detail
    assert report.model_calls["fake-scene"] == 2
    assert report.model_calls["fake-matte"] == 3, "one cut-out for all, and a second look at each of the generated pictures"
    assert (report.cure, report.engine) == ("engine", "procedural")


def test_a_procedural_set_is_not_seeded_again(tmp_path: Path) -> None:
    outcome = render(tmp_path, shot(tmp_path, Limit(min=200, retry=("seed", "engine"))))
    assert isinstance(outcome, Rejected)
    assert (outcome.report.attempts, outcome.report.tried) == (1, ())
