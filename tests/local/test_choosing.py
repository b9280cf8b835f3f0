"""Plans in which rules choose the templates and brands have their say."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.nightly import Night, Request
from pipelines.plan import Planned, Tally
from pipelines.screen import Quiet, print_plan
from tests import sample

RULES = """
rules:
  - {id: shoes, when: {categories: [shoe]}, templates: [tiny-white, tiny-grey], because: Shoes get two.}
  - {id: rest, templates: [tiny-grey], because: Grey fits everything.}
"""
BRAND = """
id: acme
title: Acme
matches: [Acme]
forbidden_looks: {templates: [tiny-white]}
style: {background: {kind: colour, colour: "#ffeedd"}}
"""
ROWS = [("A", "Running shoes", ""), ("B", "Hats", ""), ("C", "Shoes", "ACME")]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    with (tmp_path / "catalog.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["sku", "title", "category", "brand", "image_front"])
        for number, (sku, category, brand) in enumerate(ROWS):
            sample.photo(tmp_path / f"{sku}.png", number)
            writer.writerow([sku, sku, category, brand, f"{sku}.png"])
    art = sample.art(tmp_path / "art")
    (art / "styles" / "tiny-white.yaml").write_text(
        sample.TEMPLATE.replace("tiny-grey", "tiny-white").replace("#f4f4f4", "#fefefe")
    )
    (art / "selection.yaml").write_text(RULES)
    (art / "brands").mkdir()
    (art / "brands" / "acme.yaml").write_text(BRAND)
    return tmp_path


def planned(shop: Path, *templates: str, **more: bool) -> tuple[dict[str, Planned], Tally]:
    tally = Tally()
    request = Request(catalog=str(shop / "catalog.csv"), templates=templates, mode="inline", out=shop / "out", **more)
    return {item.shot.id: item for item in Night(sample.settings(shop), request, Quiet()).plan(tally)}, tally


def test_rules_choose_and_say_why(shop: Path) -> None:
    due, tally = planned(shop, "auto")
    assert {tuple(shot.split("/")[:2]) for shot in due} == {
        ("A", "tiny-white"),
        ("A", "tiny-grey"),
        ("B", "tiny-grey"),
        ("C", "tiny-grey"),
    }
    assert tally.rules == {"shoes": 2, "rest": 1}
    assert due["B/tiny-grey/tiny/front"].because == "rest (any product): Grey fits everything."
    assert due["A/tiny-grey/tiny/front"].because == "shoes (category 'Running shoes' has 'shoe'): Shoes get two."


def test_a_brand_changes_its_products_only(shop: Path) -> None:
    due, tally = planned(shop, "auto")
    look = due["C/tiny-grey/tiny/front"].shot.template
    assert (look.key, look.background.model_dump()["colour"]) == ("tiny-grey@1+acme", "#ffeedd")
    assert due["A/tiny-grey/tiny/front"].shot.template.key == "tiny-grey@1"
    assert [problem.message.split(": ", 1)[1] for problem in tally.problems] == [
        "forbidden_looks: tiny-white@1 has id: tiny-white"
    ]


def test_named_templates_work_as_ever(shop: Path) -> None:
    due, tally = planned(shop, "tiny-grey")
    assert len(due) == 3
    assert tally.rules == {}
    assert {item.because for item in due.values()} == {""}


def test_named_and_chosen_are_made_once(shop: Path) -> None:
    due, tally = planned(shop, "tiny-grey", "auto")
    assert len(due) == 4
    assert due["A/tiny-grey/tiny/front"].because == ""
    assert sum(tally.why.values()) == 4


def test_a_brand_file_re_renders_what_it_touches_and_nothing_else(shop: Path) -> None:
    request = Request(catalog=str(shop / "catalog.csv"), templates=("auto",), mode="inline", out=shop / "out")
    night = Night(sample.settings(shop), request, Quiet())
    first = night.run()
    assert (first.released, first.rules) == (4, {"shoes": 2, "rest": 1}), first.reasons
    (shop / "art" / "brands" / "acme.yaml").write_text(BRAND.replace("#ffeedd", "#ddeeff"))
    due, tally = planned(shop, "auto")
    assert list(due) == ["C/tiny-grey/tiny/front"]
    assert tally.why == {"template": 1}
    assert Night(sample.settings(shop), request, Quiet()).run().model_calls == {}


def test_the_plan_on_screen_tells_the_reasons(shop: Path) -> None:
    due, tally = planned(shop, "auto")
    night = Night(sample.settings(shop), Request(catalog="catalog.csv"), Quiet())
    console = Console(record=True, width=200)
    print_plan(console, "catalog.csv", list(due.values()), tally, night.estimate(tally))
    text = console.export_text()
    assert "templates by rule: shoes 2, rest 1" in text
    assert "A: tiny-white@1, tiny-grey@1, by rule shoes (category 'Running shoes' has 'shoe'): Shoes get two." in text
    assert json.dumps({"because": due["B/tiny-grey/tiny/front"].because})
