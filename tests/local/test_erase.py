"""Erasing: afterwards no byte of it is anywhere we keep bytes, and nothing of anybody else's is missing."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from cluster.engine import storage
from connectors.audit import Audit
from connectors.online.order import OrderState
from connectors.online.orders import Orders
from connectors.records import Records
from connectors.storage.inventory import inventory
from pipelines.erase import Eraser, Wish
from pipelines.ledger import read_ledger
from pipelines.nightly import Night, Request, Summary
from pipelines.runfiles import RunFiles
from pipelines.screen import Quiet
from pipelines.single import Subject, shoot
from studio.errors import Conflict, NotFound
from studio.keys import digest_bytes
from tests import sample
from tests.desk import made, new_order, open_desk

COUNT = 4
GONE = "SKU-00002"
ME = "user:ann@desk"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    sample.catalogue(tmp_path, COUNT)
    return tmp_path


def night(shop: Path, catalog: str = "catalog.csv", **request: Any) -> Summary:
    asked = Request(**{"catalog": str(shop / catalog), "mode": "inline", "out": shop / "out"} | request)
    return Night(sample.settings(shop), asked, Quiet()).run()


def erase(shop: Path, **wish: Any) -> Any:
    return Eraser(sample.settings(shop), Wish(**wish), folders=(shop / "out",)).erase(ME)


def files(shop: Path) -> dict[str, bytes]:
    """Everything that we keep: store, runs, databases with their journals, output."""
    return {str(p.relative_to(shop)): p.read_bytes() for top in ("home", "out") for p in (shop / top).rglob("*") if p.is_file()}


def holding(shop: Path, what: bytes) -> list[str]:
    """Files that hold these bytes anywhere inside."""
    return [name for name, data in files(shop).items() if what in data]


def named(shop: Path) -> list[str]:
    """Files and rows that name the erased SKU; the audit log, which says that it was erased, is left out."""
    with sqlite3.connect(shop / "home" / "records.db") as records:
        rows = [row for row in records.iterdump() if GONE in row and "audit_lines" not in row]
    return [name for name in holding(shop, GONE.encode()) if not name.startswith("home/records.db")] + rows


def made_of(shop: Path, digests: Iterable[str]) -> dict[str, bytes]:
    """Blobs by digest, with those that actions name that name one of these."""
    settings = sample.settings(shop)
    store, wanted = storage(settings), set(digests)
    for _, value in inventory(store).actions():
        if any(digest in value.decode() for digest in wanted):
            told = json.loads(value)
            wanted |= {told["blob"]} if "blob" in told else set()
    return {digest: store.get_blob(digest) for digest in wanted if store.has_blob(digest)}


def ledger(shop: Path, run: str) -> list[dict[str, Any]]:
    return list(read_ledger(RunFiles(str(shop / "home" / "runs"), run)))


def pictures(rows: list[dict[str, Any]]) -> set[str]:
    return {digest for row in rows for digest in (row["asset"], *row["previews"].values())}


def whole(shop: Path, digests: Iterable[str]) -> bool:
    return all(storage(sample.settings(shop)).has_blob(digest) for digest in digests)


def test_nothing_of_an_erased_product_is_left(shop: Path) -> None:
    summary = night(shop)
    rows = ledger(shop, summary.run)
    theirs = made_of(shop, pictures([row for row in rows if row["sku"] == GONE]))
    others = made_of(shop, pictures([row for row in rows if row["sku"] != GONE]))
    assert len(theirs) == 5, "the asset, the cut-out and three small pictures"
    kept = {name: data for name, data in files(shop).items() if name.startswith("out/") and GONE not in name}
    assert holding(shop, GONE.encode())
    erased = erase(shop, skus=(GONE,))
    assert (erased.exit_code, erased.files, erased.problems) == (0, 1, [])
    for data in theirs.values():
        assert holding(shop, data) == []
    assert named(shop) == []
    assert whole(shop, others)
    assert {name: data for name, data in files(shop).items() if name.startswith("out/")} == kept
    assert {row["sku"] for row in ledger(shop, summary.run)} == {f"SKU-{n:05}" for n in range(COUNT)} - {GONE}
    assert Path(summary.report).is_file()
    lines = list(Audit(sample.settings(shop).records).lines())
    told = [line.entry for line in lines if line.entry.action.startswith("erase.")]
    assert [(entry.actor, entry.action, entry.target) for entry in told] == [
        (ME, "erase.begun", f"sku:{GONE}"),
        (ME, "erase.done", f"sku:{GONE}"),
    ]


def test_the_rest_of_the_catalogue_is_not_made_again(shop: Path) -> None:
    night(shop)
    erase(shop, skus=(GONE,))
    lines = [line for line in (shop / "catalog.csv").read_text().splitlines() if GONE not in line]
    (shop / "catalog.csv").write_text("\n".join(lines) + "\n")
    summary = night(shop)
    assert (summary.due, summary.unchanged, summary.model_calls) == (0, {"released": COUNT - 1}, {})
    settings = sample.settings(shop)
    (shop / "art" / "styles" / "tiny-grey.yaml").write_text(sample.TEMPLATE.replace("#f4f4f4", "#ddeeff"))
    again = Night(settings, Request(str(shop / "catalog.csv"), mode="inline"), Quiet()).run()
    assert (again.due, again.model_calls) == (COUNT - 1, {}), "cut-outs of others are still there"


def test_a_photo_that_another_product_has_stays(shop: Path) -> None:
    shutil.copy(shop / "images" / "p00001.png", shop / "images" / "p00002.png")
    summary = night(shop)
    rows = {row["sku"]: row for row in ledger(shop, summary.run)}
    assert rows[GONE]["key"] == rows["SKU-00001"]["key"], "the same photo in the same look is the same shot"
    shared = made_of(shop, pictures([rows["SKU-00001"]]))
    erase(shop, skus=(GONE,))
    assert whole(shop, shared)
    assert holding(shop, b"SKU-00001")
    assert night(shop, limit=0).unchanged.get("released", 0) >= COUNT - 1


def test_what_was_made_without_a_record_goes_by_its_photo(shop: Path) -> None:
    """`packshot shoot` leaves no row: the shot is known by the small picture of its photo."""
    photo = shop / "images" / "p00002.png"
    settings = sample.settings(shop)
    shoot(settings, Subject(image=str(photo)), "tiny-grey", shop / "one.jpg")
    data = (shop / "one.jpg").read_bytes()
    assert holding(shop, data)
    digest = storage(settings).put_blob(photo.read_bytes())
    erased = erase(shop, photos=(digest,))
    assert erased.actions == 2, "the cut-out and the shot"
    assert (holding(shop, data), holding(shop, photo.read_bytes())) == ([], [])


def test_a_person_goes_from_every_product_and_every_record(shop: Path) -> None:
    """The photo of a person is any photo that shows them: every shot it is used in goes, whosever product it is of."""
    for name in ("p00001", "p00003"):
        shutil.copy(shop / "images" / "p00002.png", shop / "images" / f"{name}.png")
    summary = night(shop)
    person = digest_bytes((shop / "images" / "p00002.png").read_bytes())
    rows = ledger(shop, summary.run)
    theirs = made_of(shop, pictures([row for row in rows if row["sku"] != "SKU-00000"]))
    erased = erase(shop, photos=(person,))
    assert erased.problems == []
    for data in theirs.values():
        assert holding(shop, data) == []
    assert [row["sku"] for row in ledger(shop, summary.run)] == ["SKU-00000"]
    records = Records(sample.settings(shop).records)
    assert [shot.shot_id.partition("/")[0] for shot in records.shots(str(shop / "catalog.csv"))] == ["SKU-00000"]
    assert person not in {image.digest for image in records.images().values()}


def test_a_dry_run_changes_nothing(shop: Path) -> None:
    night(shop)
    before = files(shop)
    found = Eraser(sample.settings(shop), Wish(skus=(GONE,)), folders=(shop / "out",)).look()
    assert (found.rows, found.actions, found.blobs) == (3, 2, 5)
    assert {name: data for name, data in files(shop).items() if ".db" not in name} == {
        name: data for name, data in before.items() if ".db" not in name
    }


def test_a_second_call_finds_nothing(shop: Path) -> None:
    night(shop)
    erase(shop, skus=(GONE,))
    again = erase(shop, skus=(GONE,))
    assert (again.rows, again.actions, again.blobs, again.run_rows, again.files) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("step", ["_galleries", "_published_files", "_rewrite_runs"])
def test_a_call_that_died_is_taken_up(shop: Path, step: str) -> None:
    """Records go last, so that the next call still finds what the first did not get to."""

    class Killed(Exception):
        pass

    class Dies(Eraser):
        pass

    def die(_self: Eraser) -> None:
        raise Killed

    setattr(Dies, step, die)
    summary = night(shop)
    theirs = made_of(shop, pictures([row for row in ledger(shop, summary.run) if row["sku"] == GONE]))
    with pytest.raises(Killed):
        Dies(sample.settings(shop), Wish(skus=(GONE,)), folders=(shop / "out",)).erase(ME)
    erase(shop, skus=(GONE,))
    assert [name for data in theirs.values() for name in holding(shop, data)] == []
    assert named(shop) == []


def test_an_order_goes_with_its_events_workflow_and_upload(shop: Path) -> None:
    settings = sample.settings(shop)

    async def two() -> list[Any]:
        async with open_desk(settings) as desk:
            return [await made(desk, new_order(settings, number)) for number in (1, 2)]

    first, second = asyncio.run(two())
    assert (first.state, second.state) == (OrderState.SUCCEEDED, OrderState.SUCCEEDED)
    asset = first.result["shots"][0]["outcome"]["asset"]["digest"]
    other = second.result["shots"][0]["outcome"]["asset"]["digest"]
    data, upload = storage(settings).get_blob(asset), (settings.home / "photos" / "p1.png").read_bytes()
    shutil.rmtree(settings.home / "photos")
    assert holding(shop, first.id.encode())
    erased = erase(shop, orders=(first.id,))
    assert (erased.workflows, erased.problems) == (1, [])
    assert (holding(shop, data), holding(shop, upload)) == ([], [])
    with pytest.raises(NotFound):
        Orders(settings.online).get(first.id)
    assert Orders(settings.online).get(second.id).state is OrderState.SUCCEEDED
    assert storage(settings).has_blob(other)


def test_an_order_under_way_is_not_erased(shop: Path) -> None:
    settings = sample.settings(shop)
    order = new_order(settings, 1)
    Orders(settings.online).accept(order)
    with pytest.raises(Conflict, match="under way"):
        erase(shop, orders=(order.id,))
    with pytest.raises(Conflict, match="under way"):
        erase(shop, skus=("SKU-001",))


def test_an_unknown_person_is_said(shop: Path) -> None:
    with pytest.raises(NotFound, match="people file"):
        Eraser(sample.settings(shop), Wish(people=("nobody",)))
