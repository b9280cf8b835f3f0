"""Garments drawn on people, from the catalogue to the verdict: a drawn figure is dressed by an engine that is asked what real ones
are asked. What the engine answers is known here (the same figure drawn in the garment), or wrong in one way, or random."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from cluster.engine import open_renderer, reader, registry, storage
from cluster.renderer import Renderer
from cluster.settings import ModelSettings, Settings
from connectors.sources.registry import open_source
from pipelines.ledger import read_ledger
from pipelines.nightly import Night, Request
from pipelines.runfiles import RunFiles
from pipelines.screen import Quiet
from pipelines.single import Subject, shoot
from serve_apps.orders.desk import OrderDesk
from serve_apps.parts import Parts, open_parts
from studio.imaging.bucket import Fit
from studio.keys import digest_bytes
from studio.models.base import LocalModels, Model, ModelCard
from studio.models.diffusion.brief import Brief, Painted
from studio.models.registry import Registry
from studio.product import Product, ProductImage
from studio.qa.cures import verdict_on
from studio.shot import Done, Outcome, Rejected, Shot
from studio.take import U8
from templates.library import Library
from tests import sample, tiny
from tests.local.running import served

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "examples" / "studios" / "images"
PERSON, GARMENT = IMAGES / "drawn-ines.jpg", IMAGES / "DR-TOP-01_front.jpg"
DRESSED = ROOT / "tests" / "golden" / "inputs" / "drawn-ines-top.jpg"
ENGINE = "qwen-image-edit-2509"
SMALL = """
id: small
title: Small portrait
width: 480
height: 600
accepts: [jpeg]
max_bytes: 2000000
sources: [{title: made for tests, date: 2026-11-23}]
"""
LOOK = """
id: drawn-NAME
title: Top on a person
outputs: [small]
brief: {kind: on-model, item: upper, ground: GROUND, engine: NAME}
composition: COMPOSITION
background: {kind: colour, colour: '#d9c7b4'}
shadow: {contact: 0, cast: 0}
qa: {centring_x: {max: 1}, centring_y: {max: 1}, touching_edges: {max: 4}, surplus_parts: {max: 2}}
"""
OWN = (
    "{scaling: fill, reference_box: photo, fill: 1.0, margins: {top: 0, right: 0, bottom: 0, left: 0}, snap_cropped_sides: false}"
)
SET = "{fill: 0.96, margins: {top: 0.04, right: 0.02, bottom: 0, left: 0.02}, align_y: bottom}"


def picture(path: Path) -> U8:
    return np.asarray(Image.open(path).convert("RGB"))


def looks(folder: Path, engine: str, ground: str) -> Path:
    """A template folder with one look for one engine."""
    art = sample.art(folder)
    (art / "destinations" / "small.yaml").write_text(SMALL)
    text = LOOK.replace("NAME", engine).replace("GROUND", ground).replace("COMPOSITION", OWN if ground == "own" else SET)
    (art / "styles" / f"drawn-{engine}.yaml").write_text(text)
    return art


class Painter:
    """An engine that answers every brief with a picture of the person."""

    def __init__(self, card: ModelCard, answer: U8) -> None:
        self.card, self._answer, self.asked = card, answer, list[Brief]()

    def load(self) -> None:
        """Nothing to read."""

    def predict(self, batch: list[Brief]) -> list[Painted]:
        self.asked += batch
        height, width = self._answer.shape[:2]
        return [Painted(Fit((width, height), brief.size).into(self._answer)) for brief in batch]

    def example(self) -> Any:
        return Brief("", (64, 64), 0)


@dataclass
class Source:
    """The models of the registry, the engine excepted."""

    registry: Registry
    painter: Painter

    def card(self, name: str) -> ModelCard:
        return self.registry.card(name)

    def create(self, name: str) -> Model:
        return self.painter if name == ENGINE else self.registry.create(name)


def drawn_by(answer: U8, folder: Path, ground: str) -> tuple[Outcome, Shot, Painter]:
    """What becomes of the sample top where an engine answers so."""
    settings = sample.settings(folder, template_folders=(looks(folder / "art", ENGINE, ground),))
    known = registry(settings)
    painter, store = Painter(known.card(ENGINE), answer), storage(settings)
    library = Library.default(extra=settings.template_folders)
    images = tuple(
        ProductImage.model_validate({"uri": str(path), "role": role, "digest": digest_bytes(path.read_bytes())})
        for path, role in ((GARMENT, "front"), (PERSON, "on-model"))
    )
    shot = Shot(
        product=Product(sku="DR-TOP-01", title="Printed Top", images=images),
        template=library.template(f"drawn-{ENGINE}"),
        destination=library.destination("small"),
        images=images,
    )
    (outcome,) = asyncio.run(Renderer(LocalModels(Source(known, painter)), store, reader(settings, store)).render([shot]))
    return outcome, shot, painter


def blamed(outcome: Outcome, shot: Shot) -> set[str]:
    assert isinstance(outcome, Rejected), outcome
    return {failure.name for failure in verdict_on(shot, outcome).failures}


@pytest.mark.parametrize("ground", ["own", "set"])
def test_what_an_engine_without_fault_draws_is_released(ground: str, tmp_path: Path) -> None:
    outcome, shot, painter = drawn_by(picture(DRESSED), tmp_path, ground)
    assert isinstance(outcome, Done), blamed(outcome, shot)
    (brief,) = painter.asked
    assert brief.reference is not None
    assert (brief.reference[0, 0] == 255).all()
    assert "top of picture 2" in brief.prompt


def elsewhere() -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Where the dressed figure differs from the undressed one: the top."""
    return np.abs(picture(DRESSED).astype(int) - picture(PERSON).astype(int)).max(axis=2) > 24


def other_colour() -> U8:
    made = picture(DRESSED).copy()
    made[elsewhere()] = made[elsewhere()][:, ::-1]
    return made


def no_word() -> U8:
    """The word on the chest is cloth."""
    made = picture(DRESSED).copy()
    made[WORD] = made[WORD][:, :1]
    return made


def no_arm() -> U8:
    """Wall where the arm on the picture's right was."""
    made = picture(DRESSED).copy()
    made[375:600, 420:520] = picture(PERSON)[20:245, 420:520]
    return made


def stepped_aside() -> U8:
    """The same picture with the person a third of a shoulder further to the right."""
    return np.ascontiguousarray(np.roll(picture(DRESSED), 70, axis=1))


def smeared() -> U8:
    """Rough cloth instead of smooth."""
    made = picture(DRESSED).copy()
    rng = np.random.default_rng(8)
    made[elsewhere()] = np.clip(made[elsewhere()] + rng.normal(0, 34, (int(elsewhere().sum()), 1)), 0, 255).astype(np.uint8)
    return made


WORD = slice(384, 416), slice(244, 356)
FAULTS: dict[str, tuple[Callable[[], U8], set[str]]] = {
    "other colour": (other_colour, {"worn_delta_e"}),
    "no word": (no_word, {"worn_cer"}),
    "no arm": (no_arm, {"limbs_lost"}),
    "stepped aside": (stepped_aside, {"hand_shift"}),
    "rough cloth": (smeared, {"worn_texture"}),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_what_an_engine_draws_wrong_is_held_back_for_that(fault: str, tmp_path: Path) -> None:
    draw, reasons = FAULTS[fault]
    outcome, shot, _ = drawn_by(draw(), tmp_path, "set")
    assert reasons <= blamed(outcome, shot)


def catalogue(folder: Path) -> Path:
    """The top and the figure as a catalogue."""
    with (folder / "catalogue.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["sku", "title", "category", "image_front", "image_on_model"])
        writer.writerow(["DR-TOP-01", "Printed Top", "Tops", str(GARMENT), str(PERSON)])
    return folder / "catalogue.csv"


@contextmanager
def service(settings: Settings) -> Iterator[tuple[Parts, httpx.Client]]:
    """The HTTP service over these settings, and somebody who may order."""
    renderer = open_renderer(settings)

    async def render(shots: Sequence[Shot], tier: str) -> list[Outcome]:
        return await renderer.render(shots)

    desk = OrderDesk(settings, render, sweep_s=0.2)
    parts = open_parts(settings, desk)
    secret = parts.keys.issue("writer", {"write"})[1]
    with (
        served(parts, desk) as url,
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {secret}"}, timeout=300) as client,
    ):
        yield parts, client


def ordered(settings: Settings, catalog: Path, template: str) -> dict[str, Any]:
    """What `POST /v1/images` answers for the top."""
    (product,) = (row for row in open_source(catalog) if isinstance(row, Product))
    with service(settings) as (parts, client):
        parts.products.remember([product], "test")
        asked = {"input": {"sku": product.sku}, "template": template}
        return dict(client.post("/v1/images", json=asked, headers={"prefer": "wait=200"}).json())


def test_three_ways_one_picture_and_a_random_engine_is_held_back(tmp_path: Path) -> None:
    """FLUX.2-klein's family with random weights, `ground: set`: noise on the trunk is told from the garment."""
    klein = tiny.saved("flux2_klein", tmp_path / "klein")
    name = "flux2-klein-4b"
    art, catalog, look = looks(tmp_path / "art", name, "set"), catalogue(tmp_path), f"drawn-{name}"
    given = ModelSettings(configured={name: f"{klein},dtype=float32,steps=1"})
    ways = [sample.settings(tmp_path / way, template_folders=(art,), models=given) for way in ("night", "shoot", "http")]
    summary = Night(ways[0], Request(catalog=str(catalog), templates=(look,), mode="inline"), Quiet()).run()
    (row,) = read_ledger(RunFiles(ways[0].runs, summary.run))
    shot = shoot(ways[1], Subject(catalog=str(catalog), sku="DR-TOP-01"), look, tmp_path / "one.jpg")
    answer = ordered(ways[2], catalog, look)
    (asset,) = answer["assets"]
    assert shot["status"] == row["status"] == asset["status"] == "rejected"
    assert digest_bytes(Path(shot["path"]).read_bytes()) == row["asset"] == asset["hash"]
    told = shot["report"]["measurements"]
    assert told["worn_alike"] < 0.6 or told["worn_texture"] > 2 or told["worn_delta_e"] > 8
    assert told["faces_lost"] == 0
    assert told["face_delta_e"] < 2


def test_without_an_engine_every_way_says_what_to_configure(tmp_path: Path) -> None:
    art, catalog, look = looks(tmp_path / "art", ENGINE, "set"), catalogue(tmp_path), f"drawn-{ENGINE}"
    night, single, http = (sample.settings(tmp_path / way, template_folders=(art,)) for way in ("night", "shoot", "http"))
    shot = shoot(single, Subject(catalog=str(catalog), sku="DR-TOP-01"), look, tmp_path / "one.jpg")
    assert (shot["status"], shot["code"]) == ("failed", "model_not_configured")
    assert f"models.configured.{ENGINE}" in shot["message"]
    assert not (tmp_path / "one.jpg").exists()
    answer = ordered(http, catalog, look)
    assert "model_not_configured" in json.dumps(answer)
    summary = Night(night, Request(catalog=str(catalog), templates=(look,), mode="inline"), Quiet()).run()
    (row,) = read_ledger(RunFiles(night.runs, summary.run))
    assert row["status"] == "failed"
    assert "model_not_configured" in json.dumps(row, default=str)
