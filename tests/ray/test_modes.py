"""The three modes do the same work: byte-identical images, one row a shot, and a culprit costs only itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.ledger import read_ledger
from pipelines.nightly import Night, Request, Summary
from pipelines.runfiles import RunFiles
from pipelines.screen import Quiet
from studio.keys import digest_of
from tests import sample

pytestmark = pytest.mark.ray
ROOT = Path(__file__).resolve().parents[2]
PROFILE = """
name: test
renderer: {{num_cpus: 0.1, max_replicas: 1, ongoing: 3, threads: 2}}
models:
  fake-matte: {{num_cpus: 0.1, min_replicas: {replicas}, max_replicas: {replicas}, ongoing: 4, batch: 2}}
batch: {{chunk: 4, pool: 2, direct: {direct}}}
"""


STREAMED, FED = 0, 2000
"""`batch.direct`: Ray Data streams every night, or the driver feeds these short ones."""


def settings(tmp: Path, *, replicas: int = 1, fake: str = "", direct: int = FED, **more: Any) -> Any:
    (tmp / "profile.yaml").write_text(PROFILE.format(replicas=replicas, direct=direct))
    app = "t" + digest_of(str(tmp))[:8]
    models = {"configured": {"fake-matte": fake}} if fake else {}
    return sample.settings(tmp, profile=str(tmp / "profile.yaml"), ray={"app": app}, models=models, **more)


def run(tree: Any, shop: Path, out: Path, mode: str, resume: str = "") -> Summary:
    request = Request(catalog=str(shop / "catalog.csv"), mode=mode, out=out)  # type: ignore[arg-type]
    return Night(tree, request, Quiet()).run(resume)


def undeploy(tree: Any) -> None:
    from ray import serve

    serve.delete(tree.ray.app)


def test_the_three_modes_give_the_same_bytes(cluster: SimpleNamespace, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    sample.catalogue(shop, 10)
    trees = {}
    for mode, direct in (("inline", FED), ("pool", FED), ("serve", STREAMED), ("serve", FED)):
        name = f"{mode}-{direct}"
        folder = tmp_path / name
        folder.mkdir()
        tree = settings(folder, direct=direct)
        summary = run(tree, shop, tmp_path / "out" / name, mode)
        assert (summary.released, summary.exit_code) == (10, 0), summary.reasons
        trees[name] = sample.tree(tmp_path / "out" / name)
        if mode == "serve":
            undeploy(tree)
    first, *others = trees.values()
    assert len(first) == 10
    assert all(other == first for other in others)


@pytest.mark.parametrize(("mode", "direct"), [("serve", STREAMED), ("serve", FED), ("pool", FED)])
def test_a_sku_that_kills_its_process_fails_alone(cluster: SimpleNamespace, tmp_path: Path, mode: str, direct: int) -> None:
    sample.catalogue(tmp_path, 12, poison=(5,))
    tree = settings(tmp_path, replicas=2, fake="poison=#ff00ff", direct=direct)
    summary = run(tree, tmp_path, tmp_path / "out", mode)
    if mode == "serve":
        undeploy(tree)
    rows = {row["sku"]: row for row in read_ledger(RunFiles(tree.runs, summary.run))}
    assert {sku for sku, row in rows.items() if row["status"] != "released"} == {"SKU-00005"}
    assert rows["SKU-00005"]["code"] == "process_died"
    assert (summary.released, summary.failed, summary.exit_code) == (11, 1, 3)


@pytest.mark.parametrize("direct", [STREAMED, FED])
def test_a_killed_driver_loses_nothing_and_repeats_little(cluster: SimpleNamespace, tmp_path: Path, direct: int) -> None:
    count = 24
    sample.catalogue(tmp_path, count)
    tree = settings(tmp_path, fake="delay_s=0.3", direct=direct)
    command = [sys.executable, "-m", "pipelines.cli", "run", str(tmp_path / "catalog.csv"), "--out", str(tmp_path / "out")]
    environment = os.environ | {
        "PACKSHOT_HOME": str(tree.home),
        "PACKSHOT_WEIGHTS": str(tree.weights),
        "PACKSHOT_PROFILE": tree.profile,
        "PACKSHOT_TEMPLATES": '["tiny-grey"]',
        "PACKSHOT_TEMPLATE_FOLDERS": f'["{tmp_path / "art"}"]',
        "PACKSHOT_RAY": f'{{"app": "{tree.ray.app}", "address": "{cluster.address}"}}',
        "PACKSHOT_MODELS": '{"configured": {"fake-matte": "delay_s=0.3"}}',
    }
    driver = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert driver.stderr is not None
    seen = []
    for line in driver.stderr:
        seen.append(line)
        if line.startswith("packshot: ") and "/" in line:
            break
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    run_id = next((tree.home / "runs").iterdir()).name
    done = len(sample.tree(tmp_path / "out"))
    assert 0 < done < count, "".join(seen)
    summary = run(tree.model_copy(update={"ray": tree.ray}), tmp_path, tmp_path / "out", "serve", resume=run_id)
    undeploy(tree)
    rows = [row["shot_id"] for row in read_ledger(RunFiles(tree.runs, run_id))]
    assert sorted(rows) == sorted(set(rows))
    assert (len(rows), summary.released) == (count, count)
    assert len(sample.tree(tmp_path / "out")) == count


def test_a_killed_model_replica_costs_nobody(cluster: SimpleNamespace, tmp_path: Path) -> None:
    import threading

    import ray
    from ray.util.state import list_actors

    sample.catalogue(tmp_path, 24)
    tree = settings(tmp_path, replicas=4, fake="delay_s=0.3")
    result: list[Summary] = []
    worker = threading.Thread(target=lambda: result.append(run(tree, tmp_path, tmp_path / "out", "serve")))
    worker.start()
    store = tree.home / "store" / "actions"
    while worker.is_alive() and not any(store.glob("*/*")):
        worker.join(0.05)
    name = f"SERVE_REPLICA::{tree.ray.app}#fake-matte#"
    replica = next(a for a in list_actors(filters=[("state", "=", "ALIVE")], limit=1000) if a.name.startswith(name))
    ray.kill(ray.get_actor(replica.name, namespace="serve"), no_restart=True)
    worker.join()
    undeploy(tree)
    assert (result[0].released, result[0].failed, result[0].exit_code) == (24, 0, 0)
