"""Every row of the check registry keeps the contract: unique, described, bounded in a sensible direction, known to the policy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from studio.destination import Limit
from studio.qa.check import Check
from studio.qa.checks import CHECKS
from studio.qa.defaults import DEFAULTS, STANDING, WHITE
from studio.qa.policy import known_checks

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
FAMILIES = {
    "cut-out",
    "colour",
    "detail",
    "geometry",
    "ground",
    "shadow",
    "file",
    "identity",
    "text",
    "safety",
    "defects",
    "scene",
    "ghost",
    "lettering",
    "lookalike",
    "on-model",
    "print",
    "scale",
}
BOUNDS = [(name, limit) for table in (DEFAULTS, WHITE, STANDING) for name, limit in table.items()]


def test_names_are_unique() -> None:
    assert len(known_checks()) == len(CHECKS)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_row(check: Check) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", check.name)
    assert check.family in FAMILIES
    assert check.better in {"high", "low", "range"}
    assert check.unit
    assert check.about


def test_limits_of_every_shipped_file_name_a_check() -> None:
    files = [*TEMPLATES.rglob("styles/**/*.yaml"), *TEMPLATES.rglob("destinations/*.yaml")]
    assert files
    named = {
        (path.name, name) for path in files for name in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("qa") or {}
    }
    assert {(file, name) for file, name in named if name not in known_checks()} == set()


@pytest.mark.parametrize(("name", "limit"), BOUNDS, ids=lambda value: value if isinstance(value, str) else "")
def test_defaults_bound_the_side_that_is_bad(name: str, limit: Limit) -> None:
    check = next(check for check in CHECKS if check.name == name)
    assert (limit.max is not None) if check.better == "low" else (limit.min is not None)
