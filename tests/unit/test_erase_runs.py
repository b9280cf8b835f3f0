"""A run's files without a product: its own rows, group pictures that show it, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.erasure.actions import Traces
from connectors.erasure.subject import Subject
from pipelines.erase_runs import ErasedRun, all_runs
from pipelines.plan import Planned
from pipelines.runfiles import RunFiles
from studio.keys import digest_of
from studio.product import Product, ProductImage
from studio.shot import Shot
from templates.library import Library
from tests import sample

PHOTOS = {sku: digest_of(["photo", sku]) for sku in "ABC"}


def product(sku: str) -> Product:
    return Product(sku=sku, images=(ProductImage(uri=f"/photos/{sku}.jpg", digest=PHOTOS[sku]),))


def planned(library: Library, sku: str, *others: str) -> Planned:
    look = library.template("tiny-grey")
    companions = tuple(map(product, others))
    shot = Shot(
        product=product(sku), template=look, destination=library.destination("tiny"), images=product(sku).images,
        slot="group" if others else "front", companions=companions,
    )  # fmt: skip
    return Planned(shot=shot, key=digest_of([sku, *others]), why="new", parts={})


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    """Three products, A shown with B, C alone; all done but C."""
    library = Library(sample.art(tmp_path / "art"))
    files = RunFiles(str(tmp_path / "runs"), "r1")
    files.make()
    items = [planned(library, "A"), planned(library, "A", "B"), planned(library, "B"), planned(library, "C")]
    files.write_plan(items, workers=1, largest=1, weight=lambda _: 1.0)
    for number, item in enumerate(items[:3]):
        row = {"sku": item.shot.product.sku, "key": item.key, "asset": digest_of(["made", item.key])}
        files.append_journal(f"chunk{number}", json.dumps([row]))
    return files


def left(files: RunFiles) -> tuple[list[str], list[str]]:
    """Keys in the plan and in the journal."""
    plan = [item["key"] for _, items in files.chunks() for item in json.loads(items)]
    return sorted(plan), sorted(
        row["key"] for path in files.journal_files() for _, rows in files.read_journal(path) for row in rows
    )


def erased(files: RunFiles, **wish: Any) -> tuple[Subject, Traces]:
    subject, traces = Subject(**wish), Traces()
    (found,) = [ErasedRun(one, subject) for one in all_runs(str(Path(files.root).parent), "")]
    found.find_planned(traces)
    found.find_done(traces)
    traces.claimed = found.claims(traces.digests)
    found.rewrite()
    return subject, traces


def keys(*names: str) -> list[str]:
    return sorted(digest_of(list(name)) for name in names)


def test_group_pictures_go_with_a_product_that_is_in_them(run: RunFiles) -> None:
    subject, traces = erased(run, skus=frozenset({"B"}))
    assert left(run) == (keys("A", "C"), keys("A"))
    assert subject.showing == {digest_of(["A", "B"])}
    assert digest_of(["made", digest_of(["A", "B"])]) in traces.digests
    assert PHOTOS["A"] in traces.claimed, "A's photo is still A's"
    assert PHOTOS["B"] not in traces.claimed


def test_a_photo_goes_from_every_picture(run: RunFiles) -> None:
    erased(run, photos=frozenset({PHOTOS["B"]}))
    assert left(run) == (keys("A", "C"), keys("A"))


def test_a_stranger_changes_nothing(run: RunFiles) -> None:
    before = left(run)
    _, traces = erased(run, skus=frozenset({"Z"}))
    assert (left(run), traces.digests) == (before, set())


def test_a_ledger_that_a_killed_run_left_open_is_taken_out(run: RunFiles) -> None:
    Path(run.path("ledger.parquet")).write_bytes(b"PAR1 and then the process died")
    erased(run, skus=frozenset({"B"}))
    assert not Path(run.path("ledger.parquet")).exists()


def test_there_may_be_no_runs(tmp_path: Path) -> None:
    assert list(all_runs(str(tmp_path / "none"), "")) == []
