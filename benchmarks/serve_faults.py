"""Orders while orchestrator, renderer, model, ingress and proxy are killed with SIGKILL, again and again, at random."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from typing import Any

import psutil

from benchmarks.goods import blocks, scratch, tree
from benchmarks.online import Online, service
from connectors.online.orders import Orders

PROFILE = """
name: faults
renderer: {num_cpus: 0.1, min_replicas: 2, max_replicas: 2, ongoing: 4, threads: 1}
models: {fake-matte: {num_cpus: 0.1, min_replicas: 2, max_replicas: 2, ongoing: 3, batch: 1}}
ray: {num_cpus: 4, object_store_mb: 256}
"""
VICTIMS = {
    "orchestrator": "ray::ServeReplica:packshot:orchestrator",
    "renderer": "ray::ServeReplica:packshot:renderer",
    "model": "ray::ServeReplica:packshot:fake-matte",
    "ingress": "ray::ServeReplica:packshot:api",
    "proxy": "ray::HAProxyManager",
}
PHOTO_PX, MODEL_S, GONE_S = 96, 0.05, 240


def run(count: int = 500) -> dict[str, Any]:
    """`count` orders with idempotency keys; a client that gets no answer asks again with the same key."""
    with scratch() as folder:
        models = {"configured": {"fake-matte": f"delay_s={MODEL_S}"}}
        settings = tree(folder, "bench-tiny", profile=PROFILE, models=models, api={"publish": str(folder / "out")})
        photos = blocks(folder / "photos", count, PHOTO_PX)
        with service(settings) as online:
            assets = [online.asset(photo) for photo in photos]
            killed, repeats = asyncio.run(_mayhem(online, assets))
            left = _settled(online)
            return _counted(online, count, left) | {"killed": dict(killed), "repeated_requests": repeats}


async def _mayhem(online: Online, assets: list[str]) -> tuple[Counter[str], int]:
    killed: Counter[str] = Counter()
    done = asyncio.Event()
    killer = asyncio.create_task(_killer(online, killed, done))
    todo, repeats = iter(enumerate(assets)), 0

    async def client() -> None:
        nonlocal repeats
        for number, asset in todo:
            repeats += await _accepted(online, number, asset)
            await asyncio.sleep(0.5)

    await asyncio.gather(*(client() for _ in range(8)))
    done.set()
    await killer
    return killed, repeats


async def _accepted(online: Online, number: int, asset: str) -> int:
    """Ask until the order is accepted; how many times it had to be asked again."""
    until, asked = time.monotonic() + GONE_S, 0
    while True:
        try:
            priority = "urgent" if number % 5 == 0 else "standard"
            await online.order(asset, priority=priority, wait=0, key=f"order-{number}", sku=f"SKU-{number:05}")
            return asked
        except (OSError, asyncio.IncompleteReadError, RuntimeError):
            if time.monotonic() > until:
                raise
            asked += 1
            await asyncio.sleep(0.5)


async def _killer(online: Online, killed: Counter[str], done: asyncio.Event) -> None:
    """Every victim in a random order, one each few seconds."""
    rng, queue = random.Random(11), []
    while not done.is_set():
        queue = queue or rng.sample(sorted(VICTIMS), len(VICTIMS))
        victim = queue.pop()
        pids = [p.pid for p in psutil.process_iter(["cmdline"]) if " ".join(p.info["cmdline"] or ()).startswith(VICTIMS[victim])]
        ours = [pid for pid in pids if _belongs(pid, online.process.pid)]
        if ours:
            os.kill(rng.choice(ours), signal.SIGKILL)
            killed[victim] += 1
        try:
            await asyncio.wait_for(done.wait(), rng.uniform(2.0, 6.0))
        except TimeoutError:
            continue


def _belongs(pid: int, to: int) -> bool:
    try:
        return any(parent.pid == to for parent in psutil.Process(pid).parents())
    except psutil.NoSuchProcess:
        return False


def _settled(online: Online) -> int:
    """Wait until every order has ended; how many had not after a few minutes."""
    orders, until = Orders(online.settings.online), time.monotonic() + GONE_S
    while (left := sum(orders.waiting().values())) and time.monotonic() < until:
        time.sleep(1)
    return left


def _counted(online: Online, count: int, left: int) -> dict[str, Any]:
    store, found, cursor = Orders(online.settings.online), [], ""
    while True:
        page, cursor = store.list(limit=500, cursor=cursor)
        found += page
        if not cursor:
            break
    states = Counter(str(order.state) for order in found)
    places: Counter[tuple[str, str, str]] = Counter()
    for order in found:
        places.update((order.id, p.shot_key, p.place) for p in store.publications(order.id))
    files = sum(1 for _ in (online.settings.home.parent / "out").rglob("*.jpg"))
    skus = {order.sku for order in found}
    return {
        "orders": len(found),
        "states": dict(states),
        "lost": count - len(skus) + left + states["failed"],
        "published_twice": sum(times > 1 for times in places.values()) + len(found) - len(skus),
        "files_published": files,
        "not_ended": left,
    }
