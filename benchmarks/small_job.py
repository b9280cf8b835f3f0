"""Jobs of 1 to 8 images on warm replicas, over the time their model takes."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.goods import blocks, carry_out, scratch, tree, write_catalogue
from benchmarks.online import Online, service
from cluster.profile import load_profile
from cluster.runtime import connected
from cluster.settings import Settings

GPUS, MODEL_S, PHOTO_PX = 8, 2.0, 200
PROFILE = f"""
name: small
renderer: {{num_cpus: 0.1, ongoing: 16, threads: 2}}
models:
  fake-matte: {{num_cpus: 0.1, num_gpus: 1, min_replicas: {GPUS}, max_replicas: {GPUS}, ongoing: 2, batch: 1}}
batch: {{chunk: 1}}
ray: {{num_cpus: 4, num_gpus: {GPUS}, object_store_mb: 256}}
"""
SIZES = (1, 2, 4, 8)


def run(rounds: int = 3) -> dict[str, Any]:
    """Every job is one call of the model for each of at most 8 GPUs, so that the ideal is one model time."""
    with scratch() as folder:
        settings = tree(folder, "bench-tiny", profile=PROFILE, models={"configured": {"fake-matte": f"delay_s={MODEL_S}"}})
        result: dict[str, Any] = {"gpus": GPUS, "model_s": MODEL_S}
        with service(settings) as online:
            near = settings.model_copy(update={"ray": settings.ray.model_copy(update={"address": online.ray})})
            with connected(near, load_profile(settings.profile)):
                _night(near, folder, 8, 0)
                for size in SIZES:
                    taken = [_night(near, folder, size, number + 1) for number in range(rounds)]
                    result[f"night of {size}"] = statistics.median(taken) / MODEL_S
                for size in SIZES:
                    taken = [asyncio.run(_orders(online, folder, size)) for _ in range(rounds)]
                    result[f"{size} orders"] = statistics.median(taken) / MODEL_S
        return result


def _night(settings: Settings, folder: Path, size: int, number: int) -> float:
    catalog = write_catalogue(folder / f"n{size}-{number}.csv", _photos(folder, size))
    started = time.perf_counter()
    summary = carry_out(settings, catalog, mode="serve")
    taken = time.perf_counter() - started
    if summary.released != size:
        raise RuntimeError(f"{summary}")
    return taken


async def _orders(online: Online, folder: Path, size: int) -> float:
    assets = [online.asset(photo) for photo in _photos(folder, size)]
    started = time.perf_counter()
    orders = await asyncio.gather(*(online.order(asset) for asset in assets))
    taken = time.perf_counter() - started
    if wrong := [order for order in orders if order["state"] != "succeeded"]:
        raise RuntimeError(json.dumps(wrong[0])[:500])
    return taken


def _photos(folder: Path, size: int) -> list[Path]:
    """Photos that no other job has."""
    number = len(list(folder.glob("photos-*")))
    return blocks(folder / f"photos-{number}", size, PHOTO_PX - 2 * number)
