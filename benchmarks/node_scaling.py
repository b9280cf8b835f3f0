"""Nodes follow the queue, live: a night brings spot nodes, an urgent call an on-demand one, and all of them go again.

`python -m benchmarks.node_scaling [PNG]` starts Ray with its autoscaler v2 over pretended nodes of two kinds, told apart by a
label, runs a night and urgent calls through one app, and writes down what there was, twice a second.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from benchmarks.fake_cluster import fake_cluster
from benchmarks.goods import blocks, carry_out, quiet_ray, scratch, tree, write_catalogue
from cluster.profile import load_profile
from studio.keys import digest_bytes
from studio.product import Product, ProductImage
from studio.shot import Shot
from templates.library import Library

PHOTOS, URGENT, MODEL_S, LIMIT_S = 60, 3, 2.0, 240.0
GROUPS = {
    "spot": {"resources": {"CPU": 1, "GPU": 1}, "max_workers": 4, "labels": {"market": "spot"}},
    "on_demand": {"resources": {"CPU": 1, "GPU": 1}, "max_workers": 2, "labels": {"market": "on-demand"}},
}
PROFILE = """
name: nodes
renderer: {num_cpus: 0.2, max_replicas: 1, ongoing: 24, urgent: 4, threads: 2}
models:
  fake-matte:
    {num_cpus: 0.1, num_gpus: 1, min_replicas: 0, max_replicas: 2, ongoing: 2, batch: 1, down_s: 4, idle_s: 6,
     labels: {market: on-demand},
     standard: {num_cpus: 0.1, num_gpus: 1, min_replicas: 0, max_replicas: 4, ongoing: 2, batch: 1, down_s: 4, idle_s: 6,
       labels: {market: spot}}}
batch: {chunk: 1}
"""
COLOURS = {"spot": (214, 106, 30), "on-demand": (24, 96, 168)}


@dataclass(frozen=True, slots=True)
class Moment:
    """Nodes and running model replicas by market, at `second` from the start of the night."""

    second: float
    nodes: dict[str, int]
    replicas: dict[str, int]


class Watch(threading.Thread):
    """Looks twice a second."""

    def __init__(self, app: str, began: float) -> None:
        super().__init__(daemon=True)
        self._app, self._began = app, began
        self.over = threading.Event()
        self.moments: list[Moment] = []

    def run(self) -> None:
        """Until `over` is set."""
        import ray
        from ray import serve

        while not self.over.wait(0.5):
            nodes = Counter(n["Labels"].get("market", "") for n in ray.nodes() if n["Alive"])
            app = serve.status().applications.get(self._app)
            found = app.deployments if app else {}
            names = {"on-demand": "fake-matte", "spot": "fake-matte-standard"}
            running = {m: found[n].replica_states.get("RUNNING", 0) if n in found else 0 for m, n in names.items()}
            self.moments.append(Moment(time.time() - self._began, {m: nodes[m] for m in names}, running))


def run(png: Path | None = None) -> dict[str, Any]:
    """When the first node of each kind was there, how many came, and whether all of them went."""
    os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    quiet_ray()
    with scratch() as folder, fake_cluster(GROUPS) as address:
        models = {"configured": {"fake-matte": f"delay_s={MODEL_S}"}}
        settings = tree(folder, "bench-tiny", profile=PROFILE, models=models, ray={"address": address})
        catalog = write_catalogue(folder / "night.csv", blocks(folder / "photos", PHOTOS, 200))
        import ray
        from ray import serve

        from cluster.runtime import connected, ensure_app

        with connected(settings, load_profile(settings.profile)):
            ensure_app(settings, load_profile(settings.profile))
            began = time.time()
            watch = Watch(settings.ray.app, began)
            watch.start()
            asked: list[float] = []
            caller = threading.Thread(target=_urgent, args=(settings, folder, began, asked, watch))
            caller.start()
            summary = carry_out(settings, catalog, mode="serve")
            ended = time.time() - began
            caller.join()
            deadline = time.time() + LIMIT_S
            while any(watch.moments[-1].nodes.values()) and time.time() < deadline:
                time.sleep(0.5)
            watch.over.set()
            watch.join()
            serve.delete(settings.ray.app)
            ray.shutdown()
        if png:
            draw(watch.moments, asked[0], ended, png)
        return _figures(watch.moments, asked, ended, summary.released)


def _urgent(settings: Any, folder: Path, began: float, asked: list[float], watch: Watch) -> None:
    """Urgent calls once the night has brought up half of its nodes; notes when they were asked and how long each took."""
    from cluster.calls import call_renderer, renderer_of

    while not any(moment.nodes["spot"] >= 2 for moment in list(watch.moments)):
        time.sleep(0.2)
    profile, library = load_profile(settings.profile), Library.default(extra=settings.template_folders)
    handles = renderer_of(settings.ray.app, profile)
    asked.append(time.time() - began)
    for photo in blocks(folder / "urgent", URGENT, 204):
        image = ProductImage(uri=str(photo), digest=digest_bytes(photo.read_bytes()))
        place, template = library.destination("bench-tiny"), library.template("bench-tiny")
        shot = Shot(product=Product(sku=photo.stem, images=(image,)), template=template, destination=place, images=(image,))
        started = time.time()
        (answer,) = asyncio.run(call_renderer(handles, [shot.model_dump_json()], force=False, tier="urgent"))
        if json.loads(answer)["status"] != "released":
            raise RuntimeError(answer)
        asked.append(time.time() - started)


def _figures(moments: list[Moment], asked: list[float], ended: float, released: int) -> dict[str, Any]:
    def first(market: str, since: float = 0.0) -> float:
        return next((m.second - since for m in moments if m.nodes[market] and m.second >= since), float("nan"))

    empty = next((m.second for m in moments if m.second > ended and not any(m.nodes.values())), float("nan"))
    return {
        "night_released": released,
        "night_s": ended,
        "first_spot_node_s": first("spot"),
        "most_spot_nodes": max(m.nodes["spot"] for m in moments),
        "on_demand_node_after_urgent_call_s": first("on-demand", asked[0]),
        "on_demand_nodes_before_it": max((m.nodes["on-demand"] for m in moments if m.second < asked[0]), default=0),
        "urgent_s": asked[1:],
        "all_nodes_gone_after_night_s": empty - ended,
    }


def draw(moments: list[Moment], urgent_at: float, ended: float, path: Path) -> None:
    """Nodes and replicas over time, as steps, drawn at twice the size and reduced."""
    width, height, left, top, right, bottom = 1800, 760, 90, 130, 1740, 660
    image = Image.new("RGB", (width, height), "white")
    pen, seconds = ImageDraw.Draw(image), moments[-1].second
    most = max(4, *(max(m.nodes.values()) for m in moments)) + 0.5

    def at(second: float, count: float) -> tuple[float, float]:
        return left + (right - left) * second / seconds, bottom - (bottom - top) * count / most

    def text(x: float, y: float, words: str, size: int = 28, colour: Any = (38, 42, 48)) -> None:
        pen.text((x, y), words, font=ImageFont.load_default(size), fill=colour)

    text(left, 20, "Nodes follow the queue (line: nodes, area: running model replicas)", 40)
    for count in range(int(most) + 1):
        pen.line([at(0, count), at(seconds, count)], fill=(228, 230, 233), width=2)
        text(left - 40, at(0, count)[1] - 16, str(count))
    for second in range(0, int(seconds) + 1, 10):
        text(at(second, 0)[0] - 12, bottom + 10, str(second))
    text(right - 60, bottom + 46, "seconds", 26)
    for shift, (market, colour) in enumerate(COLOURS.items()):
        steps = _steps([(m.second, m.replicas[market]) for m in moments])
        pale = tuple(255 - (255 - part) // 4 for part in colour)
        pen.polygon([at(0, 0), *(at(*point) for point in steps), at(seconds, 0)], fill=pale)
        line = [(x, y - 5 * shift) for x, y in (at(*p) for p in _steps([(m.second, m.nodes[market]) for m in moments]))]
        pen.line(line, fill=colour, width=6, joint="curve")
        text(left + 420 * shift, 82, f"{market} nodes", 30, colour)
    for second, words in ((urgent_at, "urgent call"), (ended, "night ends")):
        x = at(second, 0)[0]
        pen.line([(x, top), (x, bottom)], fill=(110, 116, 124), width=2)
        text(x + 8, top - 6, words, 26, (110, 116, 124))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.resize((width // 2, height // 2), Image.Resampling.LANCZOS).quantize(64).save(path, optimize=True)


def _steps(points: list[tuple[float, int]]) -> list[tuple[float, int]]:
    corners = [points[0]]
    for second, value in points[1:]:
        corners += [(second, corners[-1][1]), (second, value)]
    return corners


if __name__ == "__main__":
    for name, value in run(Path(sys.argv[1]) if len(sys.argv) > 1 else None).items():
        print(name, value)
