"""One urgent image while a night saturates every replica, beside the same image alone."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.goods import ROOT, blocks, scratch, tree, write_catalogue
from benchmarks.online import Online, service

REPLICAS, MODEL_S, PHOTO_PX = 4, 1.0, 200
PROFILE = f"""
name: urgent
renderer: {{num_cpus: 0.1, ongoing: 10, urgent: 2, threads: 2}}
models:
  fake-matte:
    {{num_cpus: 0.1, num_gpus: 1, min_replicas: {REPLICAS}, max_replicas: {REPLICAS}, reserved: 1, ongoing: 2, batch: 1}}
batch: {{chunk: 1}}
ray: {{num_cpus: 4, num_gpus: {REPLICAS}, object_store_mb: 256}}
"""


def run(count: int = 30) -> dict[str, Any]:
    """`count` urgent orders at random times alone, then as many while `packshot run` works on the same replicas."""
    with scratch() as folder:
        trace = folder / "trace"
        models = {"configured": {"fake-matte": f"delay_s={MODEL_S},trace={trace}"}}
        settings = tree(folder, "bench-tiny", profile=PROFILE, models=models)
        photos = blocks(folder / "urgent", 2 * count + 4, PHOTO_PX)
        night = blocks(folder / "night", int(count * 2.5 * (REPLICAS - 1) / MODEL_S), PHOTO_PX - 8)
        with service(settings) as online:
            assets = [online.asset(photo) for photo in photos]
            asyncio.run(_orders(online, assets[:4]))
            alone = asyncio.run(_orders(online, assets[4 : count + 4]))
            catalog = write_catalogue(folder / "night.csv", night)
            loaded, busy, share = _while_night_runs(online, catalog, assets[count + 4 :], trace)
        return {
            "urgent_orders": count,
            "replicas": REPLICAS,
            "model_s": MODEL_S,
            **_quantiles("alone", alone),
            **_quantiles("loaded", loaded),
            "p50_ratio": _at(loaded, 0.5) / _at(alone, 0.5),
            "p99_ratio": _at(loaded, 0.99) / _at(alone, 0.99),
            "night_still_ran": busy,
            "night_duty_of_its_replicas": share,
        }


def _while_night_runs(online: Online, catalog: Path, assets: list[str], trace: Path) -> tuple[list[float], bool, float]:
    command = [sys.executable, "-m", "pipelines.cli", "run", str(catalog)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PACKSHOT_RAY__ADDRESS": online.ray}
    folder = online.settings.home.parent
    with (folder / "night.log").open("w") as log:
        before = len(trace.read_text().splitlines())
        night = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            while len(trace.read_text().splitlines()) < before + 2 * REPLICAS:
                if night.poll() is not None:
                    raise RuntimeError(f"the night ended early: {(folder / 'night.log').read_text()[-1500:]}")
                time.sleep(0.1)
            started = time.time()
            seconds = asyncio.run(_orders(online, assets))
            ended, busy = time.time(), night.poll() is None
        finally:
            night.terminate()
            night.wait(60)
    spans = [tuple(map(float, line.split()[:2])) for line in trace.read_text().splitlines()]
    worked = sum(min(end, ended) - max(start, started) for start, end in spans if end > started and start < ended)
    return seconds, busy, (worked - len(assets) * MODEL_S) / ((ended - started) * (REPLICAS - 1))


async def _orders(online: Online, assets: list[str]) -> list[float]:
    """Urgent orders at random times; seconds each took."""
    rng, seconds = random.Random(7), []
    for asset in assets:
        await asyncio.sleep(rng.uniform(0.0, 0.6))
        started = time.perf_counter()
        order = await online.order(asset)
        seconds.append(time.perf_counter() - started)
        if order["state"] != "succeeded":
            raise RuntimeError(f"{order['id']} is {order['state']}: {order['error']}")
    return seconds


def _at(seconds: list[float], share: float) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _quantiles(name: str, seconds: list[float]) -> dict[str, float | str]:
    worst = ", ".join(f"{value:.2f}" for value in sorted(seconds)[-4:])
    return {f"{name}_p50_s": _at(seconds, 0.5), f"{name}_p99_s": _at(seconds, 0.99), f"{name}_worst_s": worst}
