"""Every studio by its three ways in: a night, `packshot shoot` and the HTTP service make the same bytes of its samples."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from cluster.settings import Settings
from connectors.sources.registry import open_source
from pipelines.ledger import read_ledger
from pipelines.nightly import Night, Request
from pipelines.runfiles import RunFiles
from pipelines.screen import Quiet
from pipelines.single import Subject, shoot
from studio.keys import digest_bytes
from studio.product import Product
from studio.qa.subject import read_header
from studio.template import Template
from templates.library import Library
from tests import sample
from tests.golden.similarity import ssim
from tests.local.running import Running, running

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
CASES = {
    "photography": ("photography-depth", "NL-KTL-01"),
    "lookalike": ("lookalike-warm-side", "NL-VAS-01"),
    "ghost-mannequin": ("ghost-white", "NL-TOP-01"),
    "mockup": ("mockup-mug", "MK-FJELL"),
    "group-shot": ("group-row-white", "NL-KTL-01"),
    "listing-set": ("listing-dimensions", "NL-MUG-01"),
    "ad-poster": ("ad-clean", "NL-CRM-01"),
}
SMALL = """
id: small
title: Small square
width: 480
height: 480
accepts: [jpeg]
max_bytes: 2000000
sources: [{title: made for tests, date: 2026-11-23}]
"""


def small(template: Template, home: Path) -> dict[str, Any]:
    """The look as a style of its own with one small destination; files of its brief by absolute path."""
    data = template.model_dump(mode="json", exclude={"samples", "brand", "prompt", "crops", "backgrounds"}, exclude_unset=True)
    return {**_absolute(data, home), "id": "studio-look", "title": "Small", "outputs": ["small"], "qa": {}}


def _absolute(value: Any, home: Path) -> Any:
    if isinstance(value, dict):
        filled = {name: _absolute(inner, home) for name, inner in value.items()}
        return {"path": str(home / value["path"])} if "path" in value and "digest" in value else filled
    return [_absolute(inner, home) for inner in value] if isinstance(value, list) else value


def catalogue(studio: str, folder: Path) -> Path:
    """The studio's sample catalogue, its pictures reached as from the repository."""
    shutil.copytree(ROOT / "examples" / "studios", folder / "studios")
    shutil.copytree(ROOT / "examples" / "catalog", folder / "catalog")
    return folder / "studios" / f"{studio}.csv"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service for all studios; each test puts its look and its products there."""
    folder = tmp_path_factory.mktemp("service")
    art = sample.art(folder / "art")
    (art / "destinations" / "small.yaml").write_text(SMALL)
    library = Library.default()
    for studio, (name, _) in CASES.items():
        data = small(library.template(name), library.file(library.template(name)).parent)
        (art / "styles" / f"{studio}.yaml").write_text(yaml.safe_dump({**data, "id": f"small-{studio}"}))
    with running(folder) as here:
        for _, data in here.parts.library.assets():
            here.parts.storage.put_blob(data)
        yield here


@pytest.mark.parametrize("studio", sorted(CASES))
def test_three_ways_one_picture(studio: str, service: Running, tmp_path: Path) -> None:
    template, sku = f"small-{studio}", CASES[studio][1]
    catalog = catalogue(studio, tmp_path)
    settings = service.parts.settings
    night = by_night(settings.model_copy(update={"home": tmp_path / "night"}), catalog, template)
    own = settings.model_copy(update={"home": tmp_path / "shoot"})
    shot = shoot(own, Subject(catalog=str(catalog), sku=sku), template, tmp_path / "one.jpg")
    assert shot["status"] in {"released", "rejected"}, shot
    service.parts.products.remember(products(catalog), "test")
    with service.client() as client:
        answer = client.post(
            "/v1/images", json={"input": {"sku": sku}, "template": template}, headers={"prefer": "wait=100"}
        ).json()
    (asset,) = answer["assets"]
    digest = digest_bytes(Path(shot["path"]).read_bytes())
    assert asset["hash"] == digest, answer
    assert night[sku] == digest
    assert asset["status"] == shot["status"]
    looks_as_approved(studio, Path(shot["path"]))


def looks_as_approved(studio: str, made: Path) -> None:
    """The picture against the one that a person has looked at, and what its file says. On a mismatch it lies in
    tests/golden/failures; copied to tests/golden/studios it is approved."""
    golden = GOLDEN / "studios" / f"{studio}.jpg"
    header = read_header(made.read_bytes())
    assert (header.format, header.mode, header.size, header.srgb) == ("jpeg", "RGB", (480, 480), True)
    assert b"DigitalSourceType" in header.xmp
    score = ssim(np.asarray(Image.open(made)), np.asarray(Image.open(golden))) if golden.is_file() else 0.0
    if score <= 0.98:
        (GOLDEN / "failures").mkdir(exist_ok=True)
        shutil.copyfile(made, GOLDEN / "failures" / golden.name)
    assert score > 0.98


def by_night(settings: Settings, catalog: Path, template: str) -> dict[str, str]:
    """Digest by SKU of what a night without Ray makes."""
    summary = Night(settings, Request(catalog=str(catalog), templates=(template,), mode="inline"), Quiet()).run()
    assert summary.due
    rows = read_ledger(RunFiles(settings.runs, summary.run))
    return {row["sku"]: row["asset"] for row in rows}


def products(catalog: Path) -> list[Product]:
    return [row for row in open_source(catalog) if isinstance(row, Product)]
