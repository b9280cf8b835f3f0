"""An order whose images are known, answered by the ingress, beside a static file from the same server."""

from __future__ import annotations

import asyncio
import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks.goods import blocks, scratch, tree
from benchmarks.http_load import closed_loop
from benchmarks.online import Online, service

PROFILE = """
name: hits
renderer: {num_cpus: 0.1, ongoing: 3, threads: 1}
models: {fake-matte: {num_cpus: 0.1, ongoing: 2}}
ray: {num_cpus: 4, object_store_mb: 256}
"""
PHOTO_PX, MODEL_S = 2400, 0.5


def run(rounds: int = 5) -> dict[str, Any]:
    """Rounds of 60 requests of each kind on one connection, taken in turn; medians over rounds."""
    with scratch() as folder:
        trace = folder / "trace"
        models = {"configured": {"fake-matte": f"delay_s={MODEL_S},trace={trace}"}}
        settings = tree(folder, "bench-middle", profile=PROFILE, models=models)
        with service(settings) as online:
            (photo,) = blocks(folder / "photos", 1, PHOTO_PX)
            return asyncio.run(_measured(online, online.asset(photo), trace, rounds))


async def _measured(online: Online, asset: str, trace: Path, rounds: int) -> dict[str, Any]:
    first = await online.order(asset)
    made = first["assets"][0]
    calls = _lines(trace)
    body = json.dumps({"input": {"asset": asset}, "template": "bench-middle", "priority": "urgent"}).encode()
    kinds = {
        "health": ("GET", "/healthz", b"", {}),
        "static file": ("GET", made["url"], b"", online.headers),
        "cache hit": ("POST", "/v1/images", body, online.headers | {"content-type": "application/json"}),
    }
    p50: dict[str, list[float]] = {kind: [] for kind in kinds}
    p99: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(rounds + 1):
        for kind, request in kinds.items():
            load = await closed_loop(online.url, [request] * 60, 1)
            if load.bad:
                raise RuntimeError(f"{kind}: {load.bad[:3]}")
            if number:
                p50[kind].append(load.quantile(0.5))
                p99[kind].append(load.quantile(0.99))
    last = await online.call("GET", "/v1/orders?limit=1")
    steps = await _steps(online, last["items"][0]["id"])
    return {
        "bytes": made["bytes"],
        **{f"{kind} p50_ms": statistics.median(values) for kind, values in p50.items()},
        **{f"{kind} p99_ms": statistics.median(values) for kind, values in p99.items()},
        "over_static_p50_ms": statistics.median(a - b for a, b in zip(p50["cache hit"], p50["static file"], strict=True)),
        "model_calls_of_hits": _lines(trace) - calls,
        "steps_of_a_hit": steps,
    }


async def _steps(online: Online, order: str) -> int:
    """Workflow steps of an order: none when no replica was asked."""
    from connectors.online.orders import Orders

    events = await asyncio.to_thread(Orders(online.settings.online).events, order)
    return sum(event.type == "order.step" for event in events)


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())
