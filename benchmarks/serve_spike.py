"""64 orders at once on one warm replica of four possible: when it is decided to scale, and how long the orders take."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from benchmarks.goods import blocks, scratch, tree
from benchmarks.online import Online, service

ORDERS, REPLICAS, MODEL_S, PHOTO_PX = 64, 4, 2.0, 200
PROFILE = f"""
name: spike
renderer: {{num_cpus: 0.1, ongoing: 70, urgent: 2, threads: 2}}
models:
  fake-matte:
    {{num_cpus: 0.1, num_gpus: 1, min_replicas: 1, max_replicas: {REPLICAS}, ongoing: 2, batch: 1, down_s: 60}}
ray: {{num_cpus: 4, num_gpus: {REPLICAS}, object_store_mb: 256}}
"""


def run(orders: int = ORDERS) -> dict[str, Any]:
    """The ideal decides at once, starts its replicas as fast as they started here, and never idles one."""
    with scratch() as folder:
        models = {"configured": {"fake-matte": f"delay_s={MODEL_S}"}}
        settings = tree(folder, "bench-tiny", profile=PROFILE, models=models, api={"urgent": 100, "standard": 100})
        photos = blocks(folder / "photos", orders + 1, PHOTO_PX)
        with service(settings) as online:
            assets = [online.asset(photo) for photo in photos]
            asyncio.run(online.order(assets[0]))
            watch = Watch(online)
            watch.start()
            started = time.time()
            asyncio.run(_all(online, assets[1:]))
            drained = time.time() - started
            watch.end()
        wanted = watch.first(REPLICAS, started)
        start = watch.running(REPLICAS, started) - wanted
        ideal = start + (orders * MODEL_S - start) / REPLICAS
        return {
            "orders": orders,
            "model_s": MODEL_S,
            "decision_s": watch.first(2, started),
            "all_wanted_s": wanted,
            "replicas_started_in_s": start,
            "drain_s": drained,
            "ideal_s": ideal,
            "drain_over_ideal": drained / ideal,
        }


class Watch(threading.Thread):
    """Looks at the model's replicas twenty times a second, from this process."""

    def __init__(self, online: Online) -> None:
        super().__init__(daemon=True)
        self._online = online
        self._over, self._there = threading.Event(), threading.Event()
        self._seen: list[tuple[float, int, int]] = []

    def start(self) -> None:
        """Begin; returns once it sees something."""
        super().start()
        self._there.wait(60)

    def end(self) -> None:
        """Stop looking."""
        self._over.set()
        self.join()

    def first(self, count: int, since: float) -> float:
        """Seconds until so many replicas were wanted."""
        return next((at - since for at, wanted, _ in self._seen if wanted >= count and at >= since), float("nan"))

    def running(self, count: int, since: float) -> float:
        """Seconds until so many worked."""
        return next((at - since for at, _, running in self._seen if running >= count and at >= since), float("nan"))

    def run(self) -> None:
        """Until `end`."""
        import ray
        from ray import serve

        ray.init(address=self._online.ray, log_to_driver=False, logging_level="ERROR")
        while not self._over.wait(0.05):
            states = serve.status().applications[self._online.settings.ray.app].deployments["fake-matte"].replica_states
            wanted = sum(count for state, count in states.items() if state != "STOPPING")
            self._seen.append((time.time(), wanted, states.get("RUNNING", 0)))
            self._there.set()
        ray.shutdown()


async def _all(online: Online, assets: list[str]) -> None:
    orders = await asyncio.gather(*(online.order(asset, priority="standard", wait=120) for asset in assets))
    if wrong := [order["state"] for order in orders if order["state"] != "succeeded"]:
        raise RuntimeError(f"not made: {wrong[:5]}")
