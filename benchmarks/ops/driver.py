"""What one picture costs the process that drives a night: writing the plan, feeding its chunk, taking its result in.

Real code on a real plan; the renderer's answer is made up (a failed shot, so nothing is published), the records are SQLite.
"""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

from benchmarks.goods import scratch
from benchmarks.ops.workload import planned
from cluster.engine import storage
from cluster.profile import load_profile
from cluster.settings import load_settings
from connectors.records import Records
from pipelines.estimate import weight
from pipelines.ingest import Ingest, Publisher
from pipelines.runfiles import RunFiles
from pipelines.spending import Purse
from pipelines.stage import render_chunk
from studio.shot import Failed, Outcome, Report, Shot

SAMPLE = 2000


def costs(count: int = SAMPLE) -> dict[str, float]:
    """CPU-seconds and bytes a picture."""
    with scratch() as folder:
        shots = [item for number in range(count // 2) for item in planned(number, 0)]
        profile = load_profile("production")
        # The first plan of a process loads what writes it.
        for name in ("warm", "run"):
            files = RunFiles(str(folder), name)
            files.make()
            begun = time.process_time()
            files.write_plan(shots, workers=profile.workers, largest=profile.batch.chunk, weight=weight)
            plan_s = time.process_time() - begun
        begun = time.process_time()
        asyncio.run(_fed(files))
        feed_s = time.process_time() - begun
        taken_s, seen_bytes = _taken(files, folder)
        size = {name: sum(path.stat().st_size for path in (folder / "run" / name).iterdir()) for name in ("plan", "journal")}
        return {
            "plan_s": plan_s / count,
            "feed_s": feed_s / count,
            "take_s": taken_s / count,
            "plan_bytes": size["plan"] / count,
            "journal_bytes": size["journal"] / count,
            "seen_bytes": seen_bytes / count,
        }


async def _fed(files: RunFiles) -> None:
    for chunk, items in files.chunks():
        files.append_journal(chunk, await render_chunk(items, _render))


async def _render(shots: Sequence[Shot]) -> list[Outcome]:
    report = Report(cpu_parts={"place": 0.2, "encode": 0.3, "cutout:u2netp": 0.4}, seconds={"place": 0.2, "encode": 0.3})
    return [Failed(code="input", message="made up", report=report) for _ in shots]


def _taken(files: RunFiles, folder: Path) -> tuple[float, float]:
    """Seconds of taking the journal in, and the bytes that are kept of it until the run ends."""
    settings = load_settings(home=folder / "home")
    settings.home.mkdir(parents=True)
    records = Records(settings.records)
    purse = Purse(settings, load_profile("production"))
    times, kept = [], 0
    for traced in (False, True):
        ingest = Ingest(files, "catalog", records, Publisher(storage(settings), None), purse.tariff, purse.of_run("run").meter)
        if traced:
            tracemalloc.start()
        begun = time.process_time()
        ingest.poll()
        times.append(time.process_time() - begun)
        if traced:
            kept = tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
        ingest.close()
    records.close()
    return times[0], kept
