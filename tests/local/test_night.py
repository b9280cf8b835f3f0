"""A whole night in this process, without Ray: plan, make, check, publish, and do nothing twice."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from connectors.online.products import Products
from pipelines.ledger import read_ledger
from pipelines.nightly import Night, Request, Summary
from pipelines.plan import Tally
from pipelines.runfiles import RunFiles
from pipelines.screen import Quiet
from studio.errors import NotFound
from tests import sample

COUNT = 6


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    sample.catalogue(tmp_path, COUNT)
    return tmp_path


def night(shop: Path, **request: Any) -> Night:
    more = request.pop("settings", {})
    merged = {"catalog": str(shop / "catalog.csv"), "mode": "inline", "out": shop / "out"} | request
    return Night(sample.settings(shop, **more), Request(**merged), Quiet())


def run(shop: Path, **request: Any) -> Summary:
    return night(shop, **request).run()


def why(shop: Path, **request: Any) -> dict[str, int]:
    tally = Tally()
    list(night(shop, **request).plan(tally))
    return dict(tally.why)


def test_first_run_releases_everything(shop: Path) -> None:
    summary = run(shop)
    assert (summary.released, summary.rejected, summary.failed, summary.exit_code) == (COUNT, 0, 0, 0), summary.reasons
    assert len(sample.tree(shop / "out")) == COUNT
    assert Path(summary.report).is_file()
    files = RunFiles(str(shop / "home" / "runs"), summary.run)
    rows = list(read_ledger(files))
    assert sorted(row["sku"] for row in rows) == [f"SKU-{i:05}" for i in range(COUNT)]
    for row in rows:
        with Image.open(shop / "out" / row["path"]) as image:
            assert (image.size, image.format) == ((160, 160), "JPEG")
        assert row["model_calls"] == {"fake-matte": 1}
        assert row["cost"] > 0
        assert {"source", "cutout", "result"} <= set(row["previews"])


def test_second_run_makes_no_call_and_opens_no_image(shop: Path) -> None:
    run(shop)
    before = sample.tree(shop / "out")
    shutil.move(shop / "images", shop / "elsewhere")
    (shop / "images").mkdir()
    for path in (shop / "elsewhere").iterdir():
        shutil.move(path, shop / "images" / path.name)
    for path in (shop / "images").iterdir():
        path.chmod(0)
    summary = run(shop)
    assert (summary.due, summary.images_read, summary.model_calls) == (0, 0, {})
    assert summary.unchanged == {"released": COUNT}
    assert summary.exit_code == 0
    assert sample.tree(shop / "out") == before


def test_a_changed_image_is_the_only_one_made(shop: Path) -> None:
    run(shop)
    sample.photo(shop / "images" / "p00003.png", 99, size=300)
    assert why(shop) == {"image": 1}
    summary = run(shop)
    assert (summary.due, summary.released, summary.images_read, summary.why) == (1, 1, 0, {"image": 1})


def test_a_touched_image_is_read_but_not_made(shop: Path) -> None:
    run(shop)
    path = shop / "images" / "p00002.png"
    path.write_bytes(path.read_bytes())
    summary = run(shop)
    assert (summary.due, summary.images_read) == (0, 1)


def test_a_changed_colour_reuses_every_cutout(shop: Path) -> None:
    run(shop)
    style = shop / "art" / "styles" / "tiny-grey.yaml"
    settings = sample.settings(shop)
    style.write_text(sample.TEMPLATE.replace("#f4f4f4", "#ddeeff"))
    request = Request(catalog=str(shop / "catalog.csv"), mode="inline", out=shop / "out")
    tally = Tally()
    assert len(list(Night(settings, request, Quiet()).plan(tally))) == COUNT
    assert tally.why == {"template": COUNT}
    summary = Night(settings, request, Quiet()).run()
    assert summary.model_calls == {}
    assert summary.released == COUNT, summary.reasons


def test_a_stricter_threshold_judges_again_without_rendering(shop: Path) -> None:
    run(shop)
    settings = sample.settings(shop)
    style = shop / "art" / "styles" / "tiny-grey.yaml"
    style.write_text(sample.TEMPLATE.replace("qa: {", "qa: {bytes: {max: 10}, "))
    summary = Night(settings, Request(catalog=str(shop / "catalog.csv"), mode="inline"), Quiet()).run()
    assert (summary.why, summary.rejected, summary.cached, summary.model_calls) == ({"policy": COUNT}, COUNT, COUNT, {})
    assert summary.exit_code == 3


def test_rejected_images_never_reach_the_output(shop: Path) -> None:
    settings = sample.settings(shop)
    style = shop / "art" / "styles" / "tiny-grey.yaml"
    style.write_text(sample.TEMPLATE.replace("qa: {", "qa: {bytes: {max: 10}, "))
    summary = Night(settings, Request(catalog=str(shop / "catalog.csv"), mode="inline", out=shop / "out"), Quiet()).run()
    assert summary.reasons == {"bytes": COUNT}
    assert sample.tree(shop / "out") == {}


def test_a_doubtful_cutout_is_made_again_once_with_the_other_refiner(shop: Path) -> None:
    settings = sample.settings(shop)
    style = shop / "art" / "styles" / "tiny-grey.yaml"
    text = sample.TEMPLATE.replace("refiner: none", "refiner: guided")
    style.write_text(text.replace("qa: {", "qa: {delta_e_mean: {max: 0.000001, retry: true}, "))
    summary = Night(settings, Request(catalog=str(shop / "catalog.csv"), mode="inline", limit=2), Quiet()).run()
    rows = list(read_ledger(RunFiles(settings.runs, summary.run)))
    assert [row["attempts"] for row in rows] == [2, 2]
    assert summary.model_calls == {"fake-matte": 4}
    assert summary.reasons == {"delta_e_mean": 2}


def test_bad_rows_and_bad_images_lose_nothing_else(shop: Path) -> None:
    (shop / "images" / "p00001.png").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    (shop / "images" / "p00002.png").unlink()
    with (shop / "catalog.csv").open("a") as stream:
        stream.write(",No SKU,Test,images/p00000.png\n")
    summary = run(shop)
    assert (summary.released, summary.failed, summary.exit_code) == (COUNT - 2, 1, 3)
    assert summary.reasons == {"unknown_format": 1}
    assert any("catalog.csv:8 [sku]" in problem for problem in summary.problems)
    assert any("p00002.png" in problem for problem in summary.problems)
    assert why(shop) == {}
    assert why(shop, retry_failed=True) == {"failed before": 1}


def test_a_removed_output_is_restored_without_rendering(shop: Path) -> None:
    run(shop)
    shutil.rmtree(next((shop / "out").glob("*00004*")))
    summary = run(shop)
    assert (summary.due, summary.restored) == (0, 1)
    assert len(sample.tree(shop / "out")) == COUNT


def test_limit_and_force(shop: Path) -> None:
    assert run(shop, limit=2).due == 2
    assert run(shop).due == COUNT - 2
    summary = run(shop, force=True)
    assert (summary.due, summary.why, summary.model_calls) == (COUNT, {"forced": COUNT}, {"fake-matte": COUNT})


def test_resuming_does_only_what_is_left(shop: Path) -> None:
    first = run(shop)
    files = RunFiles(str(shop / "home" / "runs"), first.run)
    lost = files.journal_files()[0]
    Path(lost).unlink()
    summary = night(shop).run(first.run)
    assert summary.released == COUNT
    assert summary.model_calls == first.model_calls or summary.cached > 0
    assert len(files.journal_files()) == files.read_json("plan.json")["chunks"]


def test_keys_do_not_depend_on_the_folder(tmp_path: Path) -> None:
    keys = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        sample.catalogue(folder, 2)
        keys.append([item.key for item in night(folder).plan(Tally())])
    assert keys[0] == keys[1]


def test_products_of_a_night_are_known_to_orders(shop: Path) -> None:
    run(shop, limit=2)
    known = Products(sample.settings(shop).online)
    product = known.get("SKU-00000")
    assert product.title == "Product 0"
    assert Path(product.images[0].uri).is_file()
    with pytest.raises(NotFound):
        known.get("SKU-00005")
