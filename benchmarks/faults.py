"""What faults cost: a killed driver, a killed model replica, a photo that kills its process. `python -m benchmarks.faults`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from benchmarks.goods import ROOT, blocks, carry_out, quiet_ray, scratch, tree, write_catalogue
from cluster.profile import load_profile
from cluster.runtime import connected
from cluster.settings import Settings
from pipelines.ledger import read_ledger
from pipelines.nightly import Summary
from pipelines.runfiles import RunFiles

REPLICAS, PHOTO_PX = 4, 240
PROFILE = f"""
name: faults
renderer: {{num_cpus: 0.1, max_replicas: 1, ongoing: 3, threads: 2}}
models:
  fake-matte: {{num_cpus: 0.1, min_replicas: {REPLICAS}, max_replicas: {REPLICAS}, ongoing: 2, batch: 1}}
batch: {{chunk: 4}}
ray: {{num_cpus: 8, object_store_mb: 512}}
"""


def run(count: int = 48) -> dict[str, Any]:
    """Each fault on a catalogue of `count` photos; `redone` are model calls beyond one a photo, in all runs together."""
    quiet_ray()
    with scratch() as folder:
        cases = {name: folder / name for name in ("driver", "replica", "poison")}
        for case in cases.values():
            case.mkdir()
        with connected(tree(folder, "bench-tiny", profile=PROFILE), load_profile(str(folder / "profile.yaml"))):
            return {
                "photos": count,
                "killed driver": _killed_driver(cases["driver"], count),
                "killed replica": _killed_replica(cases["replica"], count),
                "killing photo": _killing_photo(cases["poison"], count),
            }


def _killed_driver(folder: Path, count: int) -> dict[str, Any]:
    """`kill -9` of `packshot run` when a third of the model calls is done, then `--resume`."""
    import ray

    settings = _warmed(folder, "delay_s=0.3", address=ray.get_runtime_context().gcs_address)
    catalog = write_catalogue(folder / "catalog.csv", blocks(folder / "photos", count, PHOTO_PX))
    before, known = _calls(folder), _runs(settings)
    (folder / "packshot.yaml").write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    command = [sys.executable, "-m", "pipelines.cli", "run", str(catalog), "--out", str(folder / "out")]
    with (folder / "driver.log").open("w") as log:
        driver = subprocess.Popen(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log)
        while driver.poll() is None and _calls(folder) - before < count // 3:
            time.sleep(0.02)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    at_kill = _calls(folder) - before
    (killed,) = _runs(settings) - known
    summary = carry_out(settings, catalog, mode="serve", resume=killed, out=folder / "out")
    return {"calls_at_kill": at_kill} | _result(settings, folder, summary, count, _calls(folder) - before)


def _killed_replica(folder: Path, count: int) -> dict[str, Any]:
    """One of four model replicas is killed when a third of the model calls is done."""
    import ray

    settings = _warmed(folder, "delay_s=0.3")
    catalog = write_catalogue(folder / "catalog.csv", blocks(folder / "photos", count, PHOTO_PX))
    before, pids = _calls(folder), _pids(folder)
    result: list[Summary] = []
    work = threading.Thread(target=lambda: result.append(carry_out(settings, catalog, mode="serve", out=folder / "out")))
    work.start()
    while work.is_alive() and _calls(folder) - before < count // 3:
        time.sleep(0.02)
    name = f"SERVE_REPLICA::{settings.ray.app}#fake-matte#"
    victim = next(a["name"] for a in ray.util.list_named_actors(all_namespaces=True) if a["name"].startswith(name))
    ray.kill(ray.get_actor(victim, namespace="serve"), no_restart=True)
    work.join()
    started = len(_pids(folder) - pids)
    return _result(settings, folder, result[0], count, _calls(folder) - before - started) | {"replicas_started": started}


def _killing_photo(folder: Path, count: int) -> dict[str, Any]:
    """One photo ends the process of every model replica that looks at it."""
    settings = _warmed(folder, "delay_s=0.1,poison=#ff00ff")
    photos = blocks(folder / "photos", count, PHOTO_PX, {count // 2: (255, 0, 255)})
    before, pids = _calls(folder), _pids(folder)
    summary = carry_out(settings, write_catalogue(folder / "catalog.csv", photos), mode="serve", out=folder / "out")
    started = len(_pids(folder) - pids)
    calls = _calls(folder) - before - started
    rows = list(read_ledger(RunFiles(settings.runs, summary.run)))
    return _result(settings, folder, summary, count, calls + 1) | {
        "replicas_started": started,
        "not_released": {row["sku"]: row["code"] for row in rows if row["status"] != "released"},
    }


def _result(settings: Settings, folder: Path, summary: Summary, count: int, calls: int) -> dict[str, Any]:
    rows = Counter(row["shot_id"] for row in read_ledger(RunFiles(settings.runs, summary.run)))
    images = [p for p in (folder / "out").rglob("*.jpg") if ".packshot" not in p.parts]
    return {
        "released": summary.released,
        "failed": summary.failed,
        "lost": count - len(rows),
        "duplicates": sum(rows.values()) - len(rows),
        "images_in_folder": len(images),
        "redone": calls - count,
        "redone_share": (calls - count) / count,
    }


def _warmed(folder: Path, fake: str, **ray_settings: Any) -> Settings:
    """Settings with an app of their own, deployed and used once."""
    models = {"configured": {"fake-matte": f"{fake},trace={folder / 'trace'}"}}
    ray_settings["app"] = folder.name
    settings = tree(folder, "bench-tiny", profile=PROFILE, models=models, ray=ray_settings)
    warm = write_catalogue(folder / "warm.csv", blocks(folder / "warm", 2 * REPLICAS, PHOTO_PX - 16))
    carry_out(settings, warm, mode="serve")
    return settings


def _calls(folder: Path) -> int:
    """Items the model has finished so far, a replica's own trial item included."""
    path = folder / "trace"
    return sum(int(line.rsplit(" ", 1)[1]) for line in path.read_text().splitlines()) if path.exists() else 0


def _pids(folder: Path) -> set[str]:
    return {line.split()[2] for line in (folder / "trace").read_text().splitlines()}


def _runs(settings: Settings) -> set[str]:
    return {path.name for path in Path(settings.runs).iterdir()}


if __name__ == "__main__":
    for name, value in run(int(sys.argv[1]) if len(sys.argv) > 1 else 48).items():
        print(name, value)
