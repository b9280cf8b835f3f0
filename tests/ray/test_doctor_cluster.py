"""`packshot doctor --cluster` on a real Ray with a Serve app: what it sees of nodes, deployments and phases."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from typer.testing import CliRunner

from cluster.profile import load_profile
from cluster.runtime import ensure_app
from pipelines.cli import app
from tests import sample

pytestmark = pytest.mark.ray
PROFILE = """
name: looked-at
renderer: {num_cpus: 0.1, ongoing: 4, threads: 1}
models: {fake-matte: {num_cpus: 0.1, ongoing: 4, threads: 2, batch: 1}}
"""


def test_a_live_cluster(cluster: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "profile.yaml").write_text(PROFILE)
    settings = sample.settings(
        tmp_path, profile=str(tmp_path / "profile.yaml"), ray={"address": cluster.address, "app": "looked-at"}
    )
    (tmp_path / "packshot.yaml").write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    monkeypatch.chdir(tmp_path)
    before = CliRunner().invoke(app, ["doctor", "--cluster", "--json"])
    assert before.exit_code == 1
    assert "no Serve app" in before.stdout
    ensure_app(settings, load_profile(settings.profile))
    after = CliRunner().invoke(app, ["doctor", "--cluster", "--json"])
    seen = json.loads(after.stdout)
    assert after.exit_code == 0, seen["findings"]
    (node,) = seen["nodes"]
    assert node["problems"] == {}
    assert abs(node["skew_s"]) <= node["skew_error_s"] + 0.05
    assert seen["same_settings"] is True
    assert set(seen["ready"]) == {"renderer", "fake-matte"}
    assert {"process", "import", "weights", "first call"} == seen["ready"]["fake-matte"][0].keys()
    from ray import serve

    serve.delete("looked-at")
