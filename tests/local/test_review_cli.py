"""`packshot review`: figures and training data from what people decided."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cluster.settings import load_settings
from connectors.review import Item, Reviewer
from connectors.reviews import Reviews
from pipelines import review_cli


def held(number: int, fill: float) -> Item:
    shot = f"S{number}/amazon-white/amazon-main/front"
    place = ("amazon-white", "amazon-main", "front", "fill")
    return Item(
        "night", "cat", shot, f"{number:064}", "d", "image/jpeg", f"S{number}", *place, report={"measurements": {"fill": fill}}
    )


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACKSHOT_HOME", str(tmp_path / "home"))
    made = typer.Typer()
    review_cli.register(made)
    return made


def test_decisions_become_figures_and_examples(app: typer.Typer, tmp_path: Path) -> None:
    reviews = Reviews(load_settings().records)
    items = [held(n, 0.5 + n / 100) for n in range(8)]
    reviews.add(items)
    by = Reviewer("key_1", "Ann")
    reviews.decide([one.id for one in items[4:]], "approve", by)
    reviews.decide([one.id for one in items[:3]], "reject", by, reason="cropped")
    reviews.decide([items[3].id], "reject", by, reason="look")
    run = CliRunner()
    answer = run.invoke(app, ["review", "thresholds", "--json"])
    assert answer.exit_code == 0, answer.output
    (line,) = [line for line in json.loads(answer.output) if line["name"] == "fill"]
    assert (line["held"], line["accepted"], line["better"], line["then"]) == (8, 4, 0.54, 8)
    assert "fill" in run.invoke(app, ["review", "thresholds"]).output
    assert run.invoke(app, ["review", "export", str(tmp_path / "rows.jsonl")]).exit_code == 0
    rows = [json.loads(text) for text in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert sorted(row["kind"] for row in rows) == ["", "", "", "", "cropped", "cropped", "cropped"]


def test_nothing_decided_says_so(app: typer.Typer) -> None:
    assert "nothing was decided yet" in CliRunner().invoke(app, ["review", "thresholds"]).output
