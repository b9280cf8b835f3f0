"""Alert rules under promtool: every alert fires and does not fire where its tests say, and the tests notice a changed rule."""

from __future__ import annotations

import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.monitors import HERE, program

RULES = yaml.safe_load((HERE / "rules" / "packshot.yaml").read_text())
TESTS = yaml.safe_load((HERE / "rules" / "tests" / "packshot.yaml").read_text())
ALERTS = [rule["alert"] for group in RULES["groups"] for rule in group["rules"]]


def promtool(*arguments: str) -> tuple[int, str]:
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def exit_code(folder: Path, rules: dict[str, Any], alert: str) -> int:
    """promtool's exit code for the tests of one alert under these rules."""
    tests = []
    for test in TESTS["tests"]:
        checks = [check for check in test["alert_rule_test"] if check["alertname"] == alert]
        tests += [test | {"alert_rule_test": checks}] if checks else []
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    (folder / "tests.yaml").write_text(yaml.safe_dump(TESTS | {"rule_files": ["rules.yaml"], "tests": tests}))
    return promtool("test", "rules", str(folder / "tests.yaml"))[0]


def changed(alert: str, **fields: str) -> dict[str, Any]:
    rules = deepcopy(RULES)
    for group in rules["groups"]:
        for rule in group["rules"]:
            if rule["alert"] == alert:
                rule |= fields
    return rules


def test_rules_and_configuration_are_valid(tmp_path: Path) -> None:
    code, said = promtool("check", "rules", str(HERE / "rules" / "packshot.yaml"))
    assert code == 0, said
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "packshot.yaml").write_text((HERE / "rules" / "packshot.yaml").read_text())
    (tmp_path / "packshot-key").write_text("pk_1")
    (tmp_path / "prometheus.yml").write_text((HERE / "prometheus.yml").read_text())
    code, said = promtool("check", "config", str(tmp_path / "prometheus.yml"))
    assert code == 0, said


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_and_does_not_fire(tmp_path: Path, alert: str) -> None:
    assert exit_code(tmp_path, RULES, alert) == 0


@pytest.mark.parametrize("alert", ALERTS)
def test_a_changed_rule_is_noticed(tmp_path: Path, alert: str) -> None:
    """One that never fires, one that always does, and one that waits for a day."""
    for fields in ({"expr": "vector(0) > 1"}, {"expr": "vector(1)"}, {"for": "1d"}):
        assert exit_code(tmp_path, changed(alert, **fields), alert) != 0, fields
