"""A plan that passes over rows it knows is the plan that looks at every row, whatever is edited in between."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.fetch import Fetcher
from connectors.records import Records, ShotRecord
from connectors.sources.base import Draft, Item
from connectors.sources.drafts import drafts
from connectors.sources.registry import open_source
from pipelines.plan import Planned, Planner, Tally
from pipelines.plan_world import world
from pipelines.relatives import CatalogueRelatives
from studio.errors import RowError
from studio.models.registry import Registry
from templates.library import Library
from templates.shotlist import ShotList
from tests import sample

DETAIL = sample.TEMPLATE.replace("tiny-grey", "tiny-detail").replace("'#f4f4f4'", "'#e0e0e0'") + "applies_to: {roles: [detail]}\n"
STRIP = """
id: tiny-strip
title: All colours
outputs: [tiny]
applies_to: {roles: [front], categories: [Shirts]}
brief: {kind: variant-strip, least: 2}
"""
BRAND = """
id: rose
title: Rose
matches: [Rose]
forbidden_looks: {templates: [tiny-grey]}
"""
RULES = """
rules:
  - {id: shirts, when: {categories: [shirts]}, templates: [tiny-grey, tiny-strip], because: Shirts have colours.}
  - {id: rest, templates: [tiny-grey, tiny-detail], because: Everything else.}
"""
COLUMNS = ("sku", "title", "category", "brand", "image_front", "image_detail", "variant_of", "width_mm", "price")
BYTES = (b"a photo", b"another", b"third one")
ROWS = 6


class Told:
    """A draft that says when it is made."""

    def __init__(self, draft: Draft, made: list[str]) -> None:
        self.sku, self.photos, self._draft, self._made = draft.sku, draft.photos, draft, made

    @property
    def facts(self) -> str:
        return self._draft.facts

    def make(self) -> Item:
        self._made.append(self.sku)
        return self._draft.make()


class Shop:
    """A catalogue, photos, looks and an output folder; two record databases with the same past, one for each way to plan."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, count(1_700_000_000_000_000_000, 1_000_000_000)
        self.art = sample.art(folder / "art")
        for name, text in {
            "styles/tiny-detail.yaml": DETAIL,
            "styles/tiny-strip.yaml": STRIP,
            "brands/rose.yaml": BRAND,
            "selection.yaml": RULES,
        }.items():
            (self.art / name).parent.mkdir(parents=True, exist_ok=True)
            (self.art / name).write_text(text)
        self.rows = [self.row(number) for number in range(ROWS)]
        for number in range(ROWS):
            self.shoot(number, BYTES[0])
        self.databases = {way: Records(str(folder / f"{way}.db")) for way in ("known", "anew")}
        self.templates: tuple[str, ...] = ("auto",)
        self.made: list[str] = []
        self.write()

    def row(self, number: int) -> dict[str, str]:
        """One product, with a price that no picture shows."""
        return dict.fromkeys(COLUMNS, "") | {
            "sku": f"S/{number}",
            "title": f"Thing {number}",
            "category": "Shirts" if number % 3 == 0 else "Cups",
            "image_front": f"photos/{number}.png",
            "variant_of": "family" if number % 3 == 0 else "",
            "price": "1",
        }

    def shoot(self, number: int, data: bytes) -> None:
        """A photo, at a time of its own."""
        path = self.folder / "photos" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        now = next(self.clock)
        os.utime(path, ns=(now, now))

    def write(self) -> None:
        """The catalogue as it is now."""
        with (self.folder / "catalog.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)

    def made_by(self, way: str = "known") -> set[str]:
        """SKUs of the rows of which one plan makes products."""
        self.made.clear()
        self.plan(way)
        return set(self.made)

    def missing(self, path: str) -> bool:
        """Whether a published file has gone."""
        return not (self.folder / "out" / path).is_file()

    def plan(self, way: str, **how: Any) -> tuple[list[Planned], Tally]:
        """One plan. Only the way `known` may use what earlier plans made of rows."""
        library = Library(self.art)
        path = self.folder / "catalog.csv"
        models = Registry(self.folder / "models")
        around = world(self.templates, (self.art,), [], models) if way == "known" else ""
        shots = ShotList(library, CatalogueRelatives(lambda: open_source(path)))
        planner = Planner(shots, self.databases[way], Fetcher(), models.card, self.missing, around)
        tally = Tally()
        rows = self.counted(drafts(open_source(path)))
        return list(planner.plan("shop", rows, self.templates, tally, **how)), tally

    def counted(self, rows: Iterator[Draft | RowError]) -> Iterator[Draft | RowError]:
        """The same rows, which tell which of them are made into products."""
        return (row if isinstance(row, RowError) else Told(row, self.made) for row in rows)

    def make(self, planned: list[Planned], outcome: Callable[[int], str]) -> None:
        """Carry out a plan, in both databases."""
        rows = []
        for number, item in enumerate(planned):
            path = f"{number}-{next(self.clock)}.jpg"
            (self.folder / "out").mkdir(exist_ok=True)
            (self.folder / "out" / path).touch()
            status = outcome(number)
            rows.append(
                ShotRecord(item.shot.id, item.key, status, item.parts, "crashed" if status == "failed" else "", path=path)
            )
        for records in self.databases.values():
            records.remember_shots("shop", rows)

    def both(self, **how: Any) -> list[Planned]:
        """What is due, which both ways must agree on to the last word."""
        (known, told), (anew, seen) = self.plan("known", **how), self.plan("anew", **how)
        assert [item.model_dump_json() for item in known] == [item.model_dump_json() for item in anew]
        assert _told(told) == _told(seen)
        return known

    def close(self) -> None:
        """Close the databases."""
        for records in self.databases.values():
            records.close()


def _told(tally: Tally) -> dict[str, Any]:
    return {
        **{name: value for name, value in asdict(tally).items() if name not in ("problems", "missing")},
        "problems": [str(problem) for problem in tally.problems],
        "missing": [(record.shot_id, record.key, record.path) for record in tally.missing],
    }


def price(shop: Shop, number: int) -> None:
    """A column that no product is made of."""
    shop.rows[number % len(shop.rows)]["price"] += "0"


def title(shop: Shop, number: int) -> None:
    shop.rows[number % len(shop.rows)]["title"] += "!"


def category(shop: Shop, number: int) -> None:
    row = shop.rows[number % len(shop.rows)]
    row["category"] = "Cups" if row["category"] == "Shirts" else "Shirts"


def brand(shop: Shop, number: int) -> None:
    """One that forbids the look, or none."""
    row = shop.rows[number % len(shop.rows)]
    row["brand"] = "" if row["brand"] else "Rose"


def second_photo(shop: Shop, number: int) -> None:
    row = shop.rows[number % len(shop.rows)]
    row["image_detail"] = "" if row["image_detail"] else f"photos/{(number + 1) % ROWS}.png"


def no_photo(shop: Shop, number: int) -> None:
    """A row whose photo's file has gone."""
    (shop.folder / "photos" / f"{number % ROWS}.png").unlink(missing_ok=True)


def touched(shop: Shop, number: int) -> None:
    path = shop.folder / "photos" / f"{number % ROWS}.png"
    now = next(shop.clock)
    if path.is_file():
        os.utime(path, ns=(now, now))


def replaced(shop: Shop, number: int) -> None:
    """The same size, other bytes."""
    shop.shoot(number % ROWS, BYTES[number % 2])


def longer(shop: Shop, number: int) -> None:
    shop.shoot(number % ROWS, BYTES[2])


def look(shop: Shop, number: int) -> None:
    path = shop.art / "styles" / "tiny-grey.yaml"
    path.write_text(sample.TEMPLATE.replace("'#f4f4f4'", f"'#f4f4{number % 3}0'"))


def limits(shop: Shop, number: int) -> None:
    """What a destination lets through: no key, but judged anew."""
    path = shop.art / "destinations" / "tiny.yaml"
    path.write_text(sample.DESTINATION + f"qa: {{halo: {{max: {50 + number % 3}}}}}\n")


def rules(shop: Shop, number: int) -> None:
    (shop.art / "selection.yaml").write_text(RULES if number % 2 else RULES.replace("[tiny-grey, tiny-detail]", "[tiny-detail]"))


def named(shop: Shop, number: int) -> None:
    """Other looks are asked for."""
    shop.templates = ("auto",) if number % 2 else ("tiny-grey",)


def removed(shop: Shop, number: int) -> None:
    if len(shop.rows) > 1:
        del shop.rows[number % len(shop.rows)]


def added(shop: Shop, number: int) -> None:
    if all(row["sku"] != f"S/{number % ROWS}" for row in shop.rows):
        shop.rows.insert(number % (len(shop.rows) + 1), shop.row(number % ROWS))


def doubled(shop: Shop, number: int) -> None:
    shop.rows.append(dict(shop.rows[number % len(shop.rows)]))


def broken(shop: Shop, number: int) -> None:
    """A width that is no number, or a good one."""
    row = shop.rows[number % len(shop.rows)]
    row["width_mm"] = "12.5" if row["width_mm"] == "wide" else "wide"


def moved(shop: Shop, number: int) -> None:
    """The same rows in another order."""
    shop.rows.insert(0, shop.rows.pop(number % len(shop.rows)))


def lost(shop: Shop, number: int) -> None:
    """A published file was deleted by hand."""
    files = sorted((shop.folder / "out").iterdir())
    if files:
        files[number % len(files)].unlink()


def forgotten(shop: Shop, number: int) -> None:
    """Somebody else's outcome of a shot: rejected, failed, or made of something else."""
    shots = list(shop.databases["anew"].shots("shop"))
    if shots:
        shot = shots[number % len(shots)]
        status = ("released", "rejected", "failed")[number % 3]
        other = ShotRecord(shot.shot_id, "0" * 64 if number % 2 else shot.key, status, shot.parts, path=shot.path)
        for records in shop.databases.values():
            records.remember_shots("shop", [other])


EDITS = (
    price, title, category, brand, second_photo, no_photo, touched, replaced, longer, look, limits, rules, named, removed, added,
    doubled, broken, moved, lost, forgotten,
)  # fmt: skip
STEP = st.tuples(st.lists(st.tuples(st.sampled_from(EDITS), st.integers(0, 11)), max_size=3), st.sampled_from((1, 3, 4)))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.close()


@settings(max_examples=30)
@given(st.lists(STEP, min_size=1, max_size=6))
def test_a_known_row_is_planned_as_if_it_were_looked_at(steps: list[tuple[list[tuple[Any, int]], int]]) -> None:
    folder = Path(tempfile.mkdtemp())
    shop = Shop(folder)
    try:
        shop.make(shop.both(), lambda _: "released")
        for edits, every in steps:
            for edit, number in edits:
                edit(shop, number)
            shop.write()
            due = shop.both()
            shop.make(due, lambda number, every=every: "released" if number % every == 0 else ("rejected", "failed")[number % 2])
            shop.both(retry_failed=True)
        assert [item.model_dump_json() for item in shop.both(force=True, limit=3)] == [
            item.model_dump_json() for item in shop.plan("anew", force=True, limit=3)[0]
        ]
    finally:
        shop.close()
        shutil.rmtree(folder)


CUPS, SHIRTS = {"S/1", "S/2", "S/4", "S/5"}, {"S/0", "S/3"}


def test_a_row_is_known_from_its_first_plan_on(shop: Shop) -> None:
    due = shop.both()
    assert shop.made_by() == CUPS | SHIRTS, "their shots are due still"
    shop.make(due, lambda _: "released")
    assert shop.made_by() == SHIRTS  # what comes of them depends on each other
    assert shop.made_by("anew") == CUPS | SHIRTS


@pytest.mark.parametrize(
    ("edit", "number", "looked_at"),
    [
        (price, 1, set()),
        (moved, 1, set()),
        (title, 1, {"S/1"}),
        (brand, 2, {"S/2"}),
        (second_photo, 4, {"S/4"}),
        (touched, 5, {"S/5"}),
        (replaced, 1, {"S/1"}),
        (no_photo, 1, {"S/1"}),
        (broken, 2, {"S/2"}),
        (look, 1, CUPS),
        (limits, 1, CUPS),
        (rules, 0, CUPS),
    ],
)
def test_only_what_changed_is_looked_at(shop: Shop, edit: Any, number: int, looked_at: set[str]) -> None:
    shop.make(shop.both(), lambda _: "released")
    assert shop.made_by() == SHIRTS
    edit(shop, number)
    shop.write()
    assert shop.made_by() == SHIRTS | looked_at


def test_a_lost_file_and_another_outcome_are_looked_at(shop: Shop) -> None:
    due = shop.both()
    shop.make(due, lambda _: "released")
    for records in shop.databases.values():
        (shot,) = (shot for shot in records.shots("shop") if shot.shot_id.startswith("S/1/"))
        (shop.folder / "out" / shot.path).unlink(missing_ok=True)
    assert shop.made_by() == SHIRTS | {"S/1"}
    _, tally = shop.plan("known")
    assert [record.shot_id for record in tally.missing] == [shot.shot_id]


def test_what_is_wrong_is_told_every_time(shop: Shop) -> None:
    brand(shop, 1)
    broken(shop, 2)
    doubled(shop, 4)
    no_photo(shop, 5)
    shop.write()
    shop.make(shop.both(), lambda _: "released")
    first = [str(problem) for problem in shop.plan("known")[1].problems]
    assert [str(problem) for problem in shop.plan("known")[1].problems] == first
    assert len(first) == 4
