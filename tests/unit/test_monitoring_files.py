"""Rules, dashboards, runbooks and the table of figures agree with each other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from cluster.monitoring import boards, catalogue

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "cluster" / "monitoring" / "rules"
ALERTS = [rule for group in yaml.safe_load((RULES / "packshot.yaml").read_text())["groups"] for rule in group["rules"]]
TESTS = yaml.safe_load((RULES / "tests" / "packshot.yaml").read_text())["tests"]
LINES = [(board.name, panel.title, line.expr) for board in boards.BOARDS for panel in board.panels for line in panel.lines]
_NAME = re.compile(r"\bpackshot_\w+")
_LABELS = re.compile(r"\b(?:by|on) \(([^)]*)\)")
_MATCHED = re.compile(r"(packshot_\w+)\{([^}]*)\}")
ALWAYS = {"le", "job", "instance"}


def names(expr: str) -> set[str]:
    return set(_NAME.findall(expr))


def labels_of(series: str) -> set[str]:
    (figure,) = [figure for figure in catalogue.FIGURES.values() if series in figure.series]
    return set(figure.labels)


@pytest.mark.parametrize("expr", [rule["expr"] for rule in ALERTS] + [expr for _, _, expr in LINES])
def test_expressions_ask_for_figures_that_there_are(expr: str) -> None:
    found = names(expr)
    assert found <= catalogue.series()
    known = set().union(*(labels_of(name) for name in found)) | ALWAYS
    grouped = {label.strip() for some in _LABELS.findall(expr) for label in some.split(",")}
    assert grouped <= known
    for name, matchers in _MATCHED.findall(re.sub(r'"[^"]*"', '""', expr)):
        assert {part.split("=")[0].strip("!~ ") for part in matchers.split(",")} <= labels_of(name) | ALWAYS


def test_every_figure_is_used_by_a_panel() -> None:
    shown = set().union(*(names(expr) for _, _, expr in LINES))
    unseen = [figure.name for figure in catalogue.FIGURES.values() if not shown & set(figure.series)]
    assert unseen == []


@pytest.mark.parametrize("board", boards.BOARDS, ids=lambda board: board.name)
def test_dashboards_are_written_from_their_panels(board: boards.Board) -> None:
    written = (boards.FOLDER / f"{board.name}.json").read_text()
    assert written == boards.text(board), "python -m cluster.monitoring.boards"
    panels = json.loads(written)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)


def test_no_board_is_without_its_panels() -> None:
    assert {path.stem for path in boards.FOLDER.glob("*.json")} == {board.name for board in boards.BOARDS}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_runbook_and_both_kinds_of_tests(rule: dict[str, object]) -> None:
    annotations, labels = rule["annotations"], rule["labels"]
    assert isinstance(annotations, dict)
    assert isinstance(labels, dict)
    page = (ROOT / annotations["runbook_url"]).read_text()
    assert f"`{rule['alert']}`" in page
    assert labels["severity"] in ("page", "ticket")
    checks = [check for test in TESTS for check in test["alert_rule_test"] if check["alertname"] == rule["alert"]]
    assert any(check["exp_alerts"] for check in checks)
    assert any(not check["exp_alerts"] for check in checks)


def test_the_table_of_figures_is_up_to_date() -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text()
    assert catalogue.table() in text, "python -m cluster.monitoring.catalogue prints it"


def test_labels_are_none_that_grow() -> None:
    never = {"sku", "order", "order_id", "key", "run", "id", "url", "path", "trace", "ref", "digest"}
    assert {label for figure in catalogue.FIGURES.values() for label in figure.labels} & never == set()
