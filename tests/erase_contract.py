"""What erasing does, wherever an installation keeps its bytes. `kept` is a fixture of the class that takes it up."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url

from cluster.engine import storage
from connectors.audit import Audit
from connectors.online.order import OrderState
from connectors.online.orders import Orders
from connectors.records import Records
from connectors.s3_client import s3_client
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
PERSON = """
title: One
people:
- {id: ines, photo: ines.png, licence: own, body_type: average, skin_tone: 5, age: 25-34, stance: front,
   consent: {given: 2020-01-01, expires: 2999-01-01, document: C-1, uses: [shop]}}
"""


@dataclass(frozen=True)
class Kept:
    """An installation over the folder of a test, its store and runs in a bucket where one is named."""

    folder: Path
    bucket: str = ""
    endpoint: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Any:
        """As every process of it has them."""
        if not self.bucket:
            return sample.settings(self.folder, **self.more)
        store = {"uri": f"s3://{self.bucket}/store", "endpoint_url": self.endpoint}
        return sample.settings(self.folder, storage=store, runs_uri=f"s3://{self.bucket}/runs", **self.more)

    def files(self) -> dict[str, bytes]:
        """Everything that it keeps, earlier versions included: databases with their journals, store, runs, output."""
        here = [path for top in ("home", "out") for path in (self.folder / top).rglob("*")]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in here if path.is_file()} | dict(self._objects())

    def holding(self, *what: bytes) -> list[str]:
        """Names of those that hold any of these bytes anywhere inside."""
        return [name for name, data in self.files().items() if any(one in data for one in what)]

    def rows(self, what: str) -> list[str]:
        """Tables with rows that hold these words; the audit log, which says what was erased, is left out."""
        return sorted({name for url in (self.settings.records, self.settings.online) for name in _tables(url, what)})

    def naming(self) -> list[str]:
        """Files and tables that name the erased SKU. A database's own file is read as its tables."""
        return [name for name in self.holding(GONE.encode()) if not name.startswith("home/records.db")] + self.rows(GONE)

    def night(self, catalog: str = "catalog.csv", **request: Any) -> Summary:
        """A run over its catalogue."""
        asked: dict[str, Any] = {"catalog": str(self.folder / catalog), "mode": "inline", "out": self.folder / "out"} | request
        return Night(self.settings, Request(**asked), Quiet()).run()

    def eraser(self, kind: type[Eraser] = Eraser, **wish: Any) -> Eraser:
        """One erasure."""
        return kind(self.settings, Wish(**wish), folders=(self.folder / "out",))

    def erase(self, **wish: Any) -> Any:
        """Erase, as a person at a desk."""
        return self.eraser(**wish).erase(ME)

    def ledger(self, run: str) -> list[dict[str, Any]]:
        """Rows of a run's ledger."""
        return list(read_ledger(RunFiles(self.settings.runs, run, endpoint_url=self.endpoint)))

    def made_of(self, digests: Iterable[str]) -> dict[str, bytes]:
        """Blobs by digest, with those that actions name that name one of these."""
        store, wanted = storage(self.settings), set(digests)
        for _, value in inventory(store).actions():
            if any(digest in value.decode() for digest in wanted):
                told = json.loads(value)
                wanted |= {told["blob"]} if "blob" in told else set()
        return {digest: store.get_blob(digest) for digest in wanted if store.has_blob(digest)}

    def whole(self, digests: Iterable[str]) -> bool:
        """Whether all of these are there."""
        return all(storage(self.settings).has_blob(digest) for digest in digests)

    def _objects(self) -> Iterator[tuple[str, bytes]]:
        if not self.bucket:
            return
        client = s3_client(self.endpoint)
        for page in client.get_paginator("list_object_versions").paginate(Bucket=self.bucket):
            for found in page.get("Versions", ()):
                version = {"Key": found["Key"], "VersionId": found["VersionId"]}
                yield f"{found['Key']}@{found['VersionId']}", client.get_object(Bucket=self.bucket, **version)["Body"].read()


def _tables(url: str, what: str) -> list[str]:
    """By what their rows look like in full."""
    parsed = make_url(url)
    engine = create_engine(parsed if parsed.get_backend_name() == "sqlite" else parsed.set(drivername="postgresql+psycopg"))
    with engine.connect() as opened:
        names = [name for name in inspect(engine).get_table_names() if name != "audit_lines"]
        found = [name for name in names if any(what in repr(row) for row in opened.execute(text(f"SELECT * FROM {name}")))]
    engine.dispose()
    return found


def pictures(rows: list[dict[str, Any]]) -> set[str]:
    return {digest for row in rows for digest in (row["asset"], *row["previews"].values())}


class WalkedContract:
    """For places that are slow to walk: what must be gone is gone."""

    def test_nothing_of_an_erased_product_is_left(self, kept: Kept) -> None:
        summary = kept.night()
        rows = kept.ledger(summary.run)
        theirs = kept.made_of(pictures([row for row in rows if row["sku"] == GONE]))
        others = kept.made_of(pictures([row for row in rows if row["sku"] != GONE]))
        assert len(theirs) == 5, "the asset, the cut-out and three small pictures"
        published = {name: data for name, data in kept.files().items() if name.startswith("out/") and GONE not in name}
        assert kept.naming()
        erased = kept.erase(skus=(GONE,))
        assert (erased.exit_code, erased.files, erased.blobs, erased.problems) == (0, 1, 5, [])
        assert kept.holding(*theirs.values()) == []
        assert kept.naming() == []
        assert kept.whole(others)
        assert {name: data for name, data in kept.files().items() if name.startswith("out/")} == published
        assert {row["sku"] for row in kept.ledger(summary.run)} == {f"SKU-{n:05}" for n in range(COUNT)} - {GONE}
        assert "shots" in kept.rows("SKU-00001")
        lines = list(Audit(kept.settings.records).lines())
        told = [line.entry for line in lines if line.entry.action.startswith("erase.")]
        assert [(entry.actor, entry.action, entry.target) for entry in told] == [
            (ME, "erase.begun", f"sku:{GONE}"),
            (ME, "erase.done", f"sku:{GONE}"),
        ]

    @pytest.mark.parametrize("named", ["photo", "person"])
    def test_a_person_goes_from_every_product_and_every_record(self, kept: Kept, named: str) -> None:
        """The photo of a person is any photo that shows them: every shot it is used in goes, whosever product it is of. It is
        named by its digest, or is that of a person of a people file."""
        images, people = kept.folder / "images", kept.folder / "art" / "people"
        for name in ("p00001", "p00003"):
            shutil.copy(images / "p00002.png", images / f"{name}.png")
        kept.settings.home.mkdir(parents=True)
        people.mkdir()
        shutil.copy(images / "p00002.png", people / "ines.png")
        (people / "shop.yaml").write_text(PERSON)
        summary = kept.night()
        person = digest_bytes((images / "p00002.png").read_bytes())
        theirs = kept.made_of(pictures([row for row in kept.ledger(summary.run) if row["sku"] != "SKU-00000"]))
        assert kept.rows(person)
        erased = kept.erase(photos=(person,)) if named == "photo" else kept.erase(people=("ines",))
        assert erased.problems == []
        assert ["ines is still in" in note for note in erased.notes] == ([True] if named == "person" else [])
        assert kept.holding(*theirs.values()) == []
        assert [row["sku"] for row in kept.ledger(summary.run)] == ["SKU-00000"]
        records = Records(kept.settings.records)
        shots = records.shots(str(kept.folder / "catalog.csv"))
        assert [shot.shot_id.partition("/")[0] for shot in shots] == ["SKU-00000"]
        assert person not in {image.digest for image in records.images().values()}
        assert kept.rows(person) == []
        records.close()

    @pytest.mark.parametrize("step", ["_galleries", "_published_files", "_rewrite_runs"])
    def test_a_call_that_died_is_taken_up(self, kept: Kept, step: str) -> None:
        """Records go last, so that the next call still finds what the first did not get to."""

        class Killed(Exception):
            pass

        class Dies(Eraser):
            pass

        def die(_self: Eraser) -> None:
            raise Killed

        setattr(Dies, step, die)
        summary = kept.night()
        theirs = kept.made_of(pictures([row for row in kept.ledger(summary.run) if row["sku"] == GONE]))
        with pytest.raises(Killed):
            kept.eraser(Dies, skus=(GONE,)).erase(ME)
        kept.erase(skus=(GONE,))
        assert kept.holding(*theirs.values()) == []
        assert kept.naming() == []


class EraseContract(WalkedContract):
    def test_the_rest_of_the_catalogue_is_not_made_again(self, kept: Kept) -> None:
        kept.night()
        kept.erase(skus=(GONE,))
        catalog = kept.folder / "catalog.csv"
        lines = [line for line in catalog.read_text().splitlines() if GONE not in line]
        catalog.write_text("\n".join(lines) + "\n")
        summary = kept.night()
        assert (summary.due, summary.unchanged, summary.model_calls) == (0, {"released": COUNT - 1}, {})
        settings = kept.settings
        (kept.folder / "art" / "styles" / "tiny-grey.yaml").write_text(sample.TEMPLATE.replace("#f4f4f4", "#ddeeff"))
        again = Night(settings, Request(str(catalog), mode="inline"), Quiet()).run()
        assert (again.due, again.model_calls) == (COUNT - 1, {}), "cut-outs of others are still there"

    def test_a_photo_that_another_product_has_stays(self, kept: Kept) -> None:
        images = kept.folder / "images"
        shutil.copy(images / "p00001.png", images / "p00002.png")
        summary = kept.night()
        rows = {row["sku"]: row for row in kept.ledger(summary.run)}
        assert rows[GONE]["key"] == rows["SKU-00001"]["key"], "the same photo in the same look is the same shot"
        shared = kept.made_of(pictures([rows["SKU-00001"]]))
        kept.erase(skus=(GONE,))
        assert kept.whole(shared)
        assert kept.rows("SKU-00001")
        assert kept.night(limit=0).unchanged.get("released", 0) >= COUNT - 1

    def test_what_was_made_without_a_record_goes_by_its_photo(self, kept: Kept) -> None:
        """`packshot shoot` leaves no row: the shot is known by the small picture of its photo."""
        photo = kept.folder / "images" / "p00002.png"
        shoot(kept.settings, Subject(image=str(photo)), "tiny-grey", kept.folder / "one.jpg")
        data = (kept.folder / "one.jpg").read_bytes()
        assert kept.holding(data)
        digest = storage(kept.settings).put_blob(photo.read_bytes())
        erased = kept.erase(photos=(digest,))
        assert erased.actions == 2, "the cut-out and the shot"
        assert kept.holding(data, photo.read_bytes()) == []

    def test_a_dry_run_changes_nothing(self, kept: Kept) -> None:
        kept.night()
        before = kept.files()
        found = kept.eraser(skus=(GONE,)).look()
        assert (found.rows, found.actions, found.blobs) == (4, 2, 5)
        assert {name: data for name, data in kept.files().items() if ".db" not in name} == {
            name: data for name, data in before.items() if ".db" not in name
        }

    def test_a_second_call_finds_nothing(self, kept: Kept) -> None:
        kept.night()
        kept.erase(skus=(GONE,))
        again = kept.erase(skus=(GONE,))
        assert (again.rows, again.actions, again.blobs, again.run_rows, again.files) == (0, 0, 0, 0, 0)

    def test_an_order_goes_with_its_events_workflow_and_upload(self, kept: Kept) -> None:
        settings = kept.settings

        async def two() -> list[Any]:
            async with open_desk(settings) as desk:
                return [await made(desk, new_order(settings, number)) for number in (1, 2)]

        first, second = asyncio.run(two())
        assert (first.state, second.state) == (OrderState.SUCCEEDED, OrderState.SUCCEEDED)
        asset = first.result["shots"][0]["outcome"]["asset"]["digest"]
        other = second.result["shots"][0]["outcome"]["asset"]["digest"]
        data, upload = storage(settings).get_blob(asset), (settings.home / "photos" / "p1.png").read_bytes()
        shutil.rmtree(settings.home / "photos")
        assert kept.rows(first.id)
        erased = kept.erase(orders=(first.id,))
        assert (erased.workflows, erased.problems) == (1, [])
        assert (kept.holding(data, upload), kept.rows(first.id)) == ([], [])
        with pytest.raises(NotFound):
            Orders(settings.online).get(first.id)
        assert Orders(settings.online).get(second.id).state is OrderState.SUCCEEDED
        assert storage(settings).has_blob(other)

    def test_an_order_under_way_is_not_erased(self, kept: Kept) -> None:
        order = new_order(kept.settings, 1)
        Orders(kept.settings.online).accept(order)
        with pytest.raises(Conflict, match="under way"):
            kept.erase(orders=(order.id,))
        with pytest.raises(Conflict, match="under way"):
            kept.erase(skus=("SKU-001",))

    def test_an_unknown_person_is_said(self, kept: Kept) -> None:
        with pytest.raises(NotFound, match="people file"):
            kept.eraser(people=("nobody",))
