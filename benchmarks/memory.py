"""Peak memory (PSS over the process tree) with N and with 10 N photos of 1200 px: `python -m benchmarks.memory [N]`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.goods import ROOT, blocks, carry_out, quiet_ray, scratch, tree, write_catalogue
from benchmarks.tree import Tree
from pipelines.executors import Mode

MODES: tuple[Mode, ...] = ("inline", "serve")
PROFILE = """
name: memory
renderer: {num_cpus: 0.2, max_replicas: 1, ongoing: 4, urgent: 1, threads: 2}
models: {fake-matte: {num_cpus: 0.2, max_replicas: 1, ongoing: 8, threads: 1, batch: 1}}
batch: {chunk: 4}
ray: {num_cpus: 4, object_store_mb: 512}
"""


def run(count: int = 24) -> dict[str, Any]:
    """Peaks and their ratio by mode, each run in a process (and a Ray) of its own."""
    result: dict[str, Any] = {"photos": count}
    with scratch() as folder:
        photos = blocks(folder / "photos", 10 * count, 1200)
        write_catalogue(folder / "few.csv", photos[:count])
        write_catalogue(folder / "many.csv", photos)
        for mode in MODES:
            few, many = (_apart(folder, mode, size) for size in ("few", "many"))
            result[mode] = {"few_mb": few / 2**20, "many_mb": many / 2**20, "ratio": many / few}
    return result


def _apart(folder: Path, mode: str, size: str) -> int:
    command = [sys.executable, "-m", "benchmarks.memory", "one", mode, size, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    peak: int = json.loads(done.stdout.splitlines()[-1])
    return peak


def _one(mode: Mode, size: str, folder: Path) -> None:
    quiet_ray()
    settings = tree(folder, "bench-middle", profile=PROFILE, home=folder / f"{mode}-{size}")
    with Tree(pss=True) as used:
        summary = carry_out(settings, folder / f"{size}.csv", mode=mode)
    if summary.due != summary.released + summary.rejected:
        raise RuntimeError(f"the run did not do the work: {summary}")
    print(used.peak_pss)


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        _one("serve" if sys.argv[2] == "serve" else "inline", sys.argv[3], Path(sys.argv[4]))
    else:
        for name, value in run(int(sys.argv[1]) if len(sys.argv) > 1 else 24).items():
            print(name, value)
