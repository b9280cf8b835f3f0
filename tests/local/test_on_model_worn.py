"""Accessories on the drawn figures: three ways in make the same bytes, every look of the studio has a picture that may be shipped."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from connectors.sources.registry import open_source
from pipelines.cli import app
from pipelines.single import Subject, shoot
from studio.briefs.on_model import OnModelBrief
from studio.keys import digest_bytes
from studio.people import Person, choose
from studio.product import Product
from studio.recipes.on_model import usable
from templates.library import Library
from templates.people import read_people
from tests import sample
from tests.local.running import running
from tests.local.test_studios import by_night, catalogue, looks_as_approved, small

SMALL = """
id: small
title: Small square
width: 480
height: 480
accepts: [jpeg]
max_bytes: 2000000
sources: [{title: made for tests, date: 2026-11-23}]
"""
LOOK, SKU = "on-model-portrait", "DR-SUN-01"


def test_three_ways_one_picture(tmp_path: Path) -> None:
    """Sunglasses on the drawn figure, cut out and set before warm paper: a night, `shoot` and HTTP; and as a person approved it."""
    catalog, library = catalogue("on-model", tmp_path), Library.default()
    art = sample.art(tmp_path / "service" / "art")
    (art / "destinations" / "small.yaml").write_text(SMALL)
    data = small(library.template(LOOK), library.file(library.template(LOOK)).parent)
    (art / "styles" / "worn.yaml").write_text(yaml.safe_dump({**data, "id": "small-worn"}))
    with running(tmp_path / "service") as service:
        settings = service.parts.settings
        night = by_night(settings.model_copy(update={"home": tmp_path / "night"}), catalog, "small-worn")
        own = settings.model_copy(update={"home": tmp_path / "shoot"})
        shot = shoot(own, Subject(catalog=str(catalog), sku=SKU), "small-worn", tmp_path / "one.jpg")
        service.parts.products.remember([row for row in open_source(catalog) if isinstance(row, Product)], "test")
        with service.client() as client:
            asked = {"input": {"sku": SKU}, "template": "small-worn"}
            answer = client.post("/v1/images", json=asked, headers={"prefer": "wait=100"}).json()
    assert shot["status"] == "released", shot
    (asset,) = answer["assets"]
    assert asset["hash"] == night[SKU] == digest_bytes(Path(shot["path"]).read_bytes())
    looks_as_approved("on-model", Path(shot["path"]))


def test_a_photo_keeps_its_ground_and_a_bag_that_leaves_the_picture_is_held_back(tmp_path: Path) -> None:
    """The figure's photo ends a hand below the hands."""
    catalog, settings = str(catalogue("on-model", tmp_path)), sample.settings(tmp_path)
    glasses = shoot(settings, Subject(catalog=catalog, sku="DR-SUN-01"), "on-model-glasses", tmp_path / "glasses.jpg")
    bag = shoot(settings, Subject(catalog=catalog, sku="DR-BAG-01"), "on-model-bag", tmp_path / "bag.jpg")
    assert glasses["status"] == "released", glasses
    assert glasses["report"]["measurements"]["wear_assumed"] == 0
    assert (bag["status"], bag["reason"]) == ("rejected", "wear_shown"), bag


def people(folder: Path) -> Path:
    """The drawn figures as a people file, one asked for three times as often as the other."""
    home = folder / "art" / "people"
    home.mkdir(parents=True)
    consent = {"given": "2026-01-01", "expires": "2099-01-01", "document": "drawn by tests/drawn_light.py", "uses": ["shop"]}
    rows = [("ines", 5, "average", 1), ("ama", 8, "curvy", 3)]
    told = [
        {"id": name, "photo": f"drawn-{name}.jpg", "licence": "CC0-1.0", "consent": consent, "skin_tone": tone}
        | {"body_type": body, "age": "25-34", "stance": "front", "share": share}
        for name, tone, body, share in rows
    ]
    for name, *_ in rows:
        shutil.copy(Path(__file__).parents[2] / "examples" / "studios" / "images" / f"drawn-{name}.jpg", home)
    (home / "drawn.yaml").write_text(yaml.safe_dump({"people": told}))
    return home / "drawn.yaml"


def test_a_batch_tells_whom_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`packshot people report` counts the people on whom the setups of the same look then show the products."""
    cast = read_people(people(tmp_path))
    style = {"id": "cast", "title": "Cast", "outputs": ["web-portrait"], "brief": {"kind": "on-model", "item": "glasses"}}
    style["brief"] |= {"people": "drawn"}
    (tmp_path / "art" / "styles").mkdir()
    (tmp_path / "art" / "styles" / "cast.yaml").write_text(yaml.safe_dump(style))
    lines = ["sku,image_front", *(f"S-{i},{i}.jpg" for i in range(400))]
    (tmp_path / "many.csv").write_text("\n".join(lines))
    monkeypatch.setenv("PACKSHOT_TEMPLATE_FOLDERS", json.dumps([str(tmp_path / "art")]))
    answer = CliRunner().invoke(app, ["people", "report", str(tmp_path / "many.csv"), "-t", "cast", "--json"])
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.output)["skin_tone"]
    shown = [choose(usable(OnModelBrief(item="glasses", cast=cast), "S", "cast", _today()), f"S-{i}") for i in range(400)]
    assert told["8"][0] == pytest.approx(_share(shown, 8))
    assert told["8"] == pytest.approx([0.75, 0.75], abs=0.06)
    assert told["5"] == pytest.approx([0.25, 0.25], abs=0.06)


def _share(shown: list[Person], tone: int) -> float:
    return sum(person.skin_tone == tone for person in shown) / len(shown)


def _today() -> date:
    return datetime.now(UTC).date()
