"""Eight sleeping GPUs of 1 s an image: how busy they are, and what a warm batch of 12 images a GPU takes against the ideal.

`python -m benchmarks.gpu_duty [images a GPU in the long run]`. A GPU is a replica of the fake matting model that sleeps and
writes down when. Duty: busy seconds over the time from a GPU's first start to its last end.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.goods import blocks, carry_out, night, quiet_ray, scratch, tree, write_catalogue
from cluster.profile import load_profile
from cluster.runtime import connected
from pipelines.plan import Tally
from pipelines.runfiles import RunFiles
from pipelines.screen import Quiet

GPUS, SECONDS, PHOTO_PX = 8, 1.0, 384
PROFILE = f"""
name: gpus
renderer: {{num_cpus: 0.2, max_replicas: 1, ongoing: 16, threads: 2}}
models:
  fake-matte:
    {{num_cpus: 0.1, num_gpus: 1, min_replicas: {GPUS}, max_replicas: {GPUS}, ongoing: 3, threads: 1, batch: 1}}
batch: {{chunk: 4}}
ray: {{num_cpus: 8, num_gpus: {GPUS}, object_store_mb: 512}}
"""
Span = tuple[float, float]


class Clock(Quiet):
    """Notes when a run's phases begin."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    def phase(self, name: str) -> None:
        self.at.setdefault(name, time.time())

    def planned(self, due: int, tally: Tally) -> None:
        self.at["planned"] = time.time()


def run(per_gpu: int = 30) -> dict[str, Any]:
    """Duty in a long run, end-to-end efficiency in a short one, and a naive Ray Data actor pool on the same images."""
    quiet_ray()
    with scratch() as folder:
        trace = folder / "trace"
        photos = blocks(folder / "photos", GPUS * per_gpu, PHOTO_PX)
        short = blocks(folder / "short", GPUS * 12, PHOTO_PX - 2)
        configured = {"configured": {"fake-matte": f"delay_s={SECONDS},trace={trace}"}}
        settings = tree(folder, "bench-tiny", profile=PROFILE, models=configured)
        with connected(settings, load_profile(settings.profile)):
            for seed, count in ((1, GPUS), (2, GPUS * 2)):
                warm = write_catalogue(folder / f"warm{seed}.csv", blocks(folder / f"w{seed}", count, PHOTO_PX - 2 * seed - 2))
                carry_out(settings, warm, mode="serve")
            small = _ours(settings, write_catalogue(folder / "short.csv", short), trace)
            long = _ours(settings, write_catalogue(folder / "long.csv", photos), trace)
            _undeploy(settings.ray.app)
            peer = _peer(short, folder / "peer")
        return {"gpus": GPUS, "long": long, "short": small, "ray data, 12 a GPU": peer}


def _ours(settings: Any, catalog: Path, trace: Path, **more: Any) -> dict[str, Any]:
    clock = Clock()
    job = night(settings, catalog, mode="serve", watcher=clock, **more)
    begun = time.time()
    summary = job.run()
    if summary.released != summary.due or summary.failed:
        raise RuntimeError(f"the batch did not do the work: {summary}")
    files = RunFiles(settings.runs, summary.run)
    journal = max(Path(path).stat().st_mtime for path in files.journal_files())
    spans = _spans(trace, begun)
    first, last = _ends(spans)
    ideal = summary.due / GPUS * SECONDS
    return _duty(spans) | {
        "images": summary.due,
        "e2e": ideal / (journal - clock.at["planned"]),
        "e2e_from_first_start": ideal / (journal - first),
        "gpus_only": ideal / (last - first),
        "planned_to_rendering_s": clock.at["rendering"] - clock.at["planned"],
        "rendering_to_first_start_s": first - clock.at["rendering"],
        "last_end_to_journal_s": journal - last,
    }


def _spans(trace: Path, since: float) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = defaultdict(list)
    for line in trace.read_text().splitlines():
        start, end, pid, _ = line.split()
        if float(start) >= since:
            found[pid].append((float(start), float(end)))
    return found


def _ends(spans: dict[str, list[Span]]) -> Span:
    every = [span for part in spans.values() for span in part]
    return min(start for start, _ in every), max(end for _, end in every)


def _duty(spans: dict[str, list[Span]]) -> dict[str, Any]:
    busy = [
        sum(end - start for start, end in part) / (max(e for _, e in part) - min(s for s, _ in part)) for part in spans.values()
    ]
    counts = [len(part) for part in spans.values()]
    firsts = [min(s for s, _ in part) for part in spans.values()]
    return {
        "duty_mean": sum(busy) / len(busy),
        "duty_worst": min(busy),
        "images_a_gpu": [min(counts), max(counts)],
        "start_spread_s": max(firsts) - min(firsts),
    }


def _undeploy(app: str) -> None:
    import ray
    from ray import serve

    serve.delete(app)
    while ray.available_resources().get("GPU", 0) < GPUS:
        time.sleep(0.2)


class _SleepingGpu:
    def __init__(self, trace: str) -> None:
        self._trace = Path(trace)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        import os

        started = time.time()
        time.sleep(SECONDS)
        with self._trace.open("a") as file:
            file.write(f"{started:.6f} {time.time():.6f} {os.getpid()} 1\n")
        return row


def _peer(photos: list[Path], out: Path) -> dict[str, Any]:
    """Ray Data as its guides show it: decode task, GPU actors, encode task."""
    import ray.data

    from benchmarks.cutout_peers import decoded, encoded

    out.mkdir()
    ray.data.DataContext.get_current().checkpoint_config = None

    def decode(row: dict[str, Any]) -> dict[str, Any]:
        return {"path": row["item"], "image": decoded(Path(row["item"]).read_bytes())}

    def write(row: dict[str, Any]) -> dict[str, Any]:
        (out / f"{Path(row['path']).stem}.png").write_bytes(encoded(row["image"]))
        return {"done": 1}

    trace, begun = out / "trace", time.time()
    rows = ray.data.from_items([str(photo) for photo in photos], override_num_blocks=2 * GPUS).map(decode)
    rows = rows.map(
        _SleepingGpu, fn_constructor_args=(str(trace),), compute=ray.data.ActorPoolStrategy(size=GPUS), num_gpus=1, num_cpus=0.1
    )
    rows.map(write).materialize()
    ended, spans = time.time(), _spans(trace, begun)
    first, last = _ends(spans)
    ideal = len(photos) / GPUS * SECONDS
    return _duty(spans) | {
        "images": len(photos),
        "e2e": ideal / (ended - begun),
        "e2e_from_first_start": ideal / (ended - first),
        "gpus_only": ideal / (last - first),
    }


if __name__ == "__main__":
    for name, value in run(int(sys.argv[1]) if len(sys.argv) > 1 else 30).items():
        print(name, value)
