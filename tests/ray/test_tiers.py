"""Tiers and autoscaling, live: replicas follow a night from none to four and go; urgent work passes; labels decide who runs where."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.profile import Profile, load_profile
from cluster.runtime import ensure_app
from pipelines.nightly import Night, Request, Summary
from pipelines.screen import Quiet
from studio.errors import ClusterUnavailable
from studio.keys import digest_bytes, digest_of
from studio.product import Product, ProductImage
from studio.shot import Shot
from templates.library import Library
from tests import sample

pytestmark = pytest.mark.ray
WAIT_S = 120.0
SCALING = """
name: scaling
renderer: {num_cpus: 0.1, max_replicas: 1, ongoing: 16, urgent: 2, threads: 2}
models:
  fake-matte: {num_cpus: 0.1, num_gpus: 1, min_replicas: 0, max_replicas: 4, ongoing: 3, batch: 1, down_s: 4, idle_s: 6}
batch: {chunk: 1}
"""
LABELLED = """
name: labelled
renderer: {num_cpus: 0.1, max_replicas: 2, ongoing: 16, urgent: 4, threads: 2, labels: {market: none-such}, or_labels: {market: on-demand}}
models:
  fake-matte:
    {num_cpus: 0.1, num_gpus: 1, ongoing: 2, batch: 1, labels: {market: on-demand},
     standard: {num_cpus: 0.1, num_gpus: 1, min_replicas: 0, ongoing: 2, batch: 1, labels: {market: spot}}}
batch: {chunk: 1}
"""


def settings(tmp: Path, profile: str, delay_s: float) -> tuple[Any, Profile]:
    path = tmp / "profile.yaml"
    path.write_text(profile)
    app = {"app": "t" + digest_of(str(tmp))[:8]}
    tree = sample.settings(tmp, profile=str(path), ray=app, models={"configured": {"fake-matte": f"delay_s={delay_s}"}})
    return tree, load_profile(tree.profile)


def shots(tree: Any, tmp: Path, count: int) -> Iterator[str]:
    """Shots that nobody has made yet."""
    library = Library.default(extra=tree.template_folders)
    for i in range(count):
        path = tmp / "photos" / f"p{i:05}.png"
        sample.photo(path, i)
        image = ProductImage(uri=str(path), digest=digest_bytes(path.read_bytes()))
        yield Shot(
            product=Product(sku=f"S{i}", images=(image,)),
            template=library.template("tiny-grey"),
            destination=library.destination("tiny"),
            images=(image,),
        ).model_dump_json()


def running(app: str, deployment: str) -> int:
    """Counted by its actors: Serve's own status, asked while another thread of this process deploys, breaks that thread's config."""
    from ray.util.state import list_actors

    prefix = f"SERVE_REPLICA::{app}#{deployment}#"
    return sum(actor.name.startswith(prefix) for actor in list_actors(filters=[("state", "=", "ALIVE")], limit=1000))


def nodes_of(app: str, deployment: str) -> set[str]:
    """Hex ids of the nodes that replicas of a deployment run on."""
    from ray.util.state import list_actors

    prefix = f"SERVE_REPLICA::{app}#{deployment}#"
    alive = list_actors(filters=[("state", "=", "ALIVE")], limit=1000)
    return {str(actor.node_id) for actor in alive if actor.name.startswith(prefix)}


def test_replicas_follow_a_night_and_go(cluster: SimpleNamespace, tmp_path: Path) -> None:
    from ray import serve

    sample.catalogue(tmp_path, 48)
    tree, _ = settings(tmp_path, SCALING, 0.8)
    result: list[Summary] = []
    request = Request(catalog=str(tmp_path / "catalog.csv"), mode="serve", out=tmp_path / "out")
    worker = threading.Thread(target=lambda: result.append(Night(tree, request, Quiet()).run("")))
    worker.start()
    seen, deadline = [0], time.monotonic() + WAIT_S
    while time.monotonic() < deadline and (worker.is_alive() or seen[-1]):
        count = running(tree.ray.app, "fake-matte")
        if count != seen[-1]:
            seen.append(count)
        worker.join(0.2)
    serve.delete(tree.ray.app)
    assert (result[0].released, result[0].exit_code) == (48, 0)
    assert max(seen) == 4
    assert seen[-1] == 0, seen
    top = seen.index(4)
    assert seen[: top + 1] == sorted(seen[: top + 1]), f"up without a step down: {seen}"
    assert seen[top:] == sorted(seen[top:], reverse=True), f"down without a step up: {seen}"


def test_tiers_on_labelled_nodes(cluster: SimpleNamespace, tmp_path: Path) -> None:
    """Standard work runs on the spot node, urgent work on the on-demand one and past what waits; who finds no node with its
    labels runs on its second choice; told work counts like work. The app has an ingress of its own, as the HTTP service has: a
    night finds the renderer in it, and does not replace it."""
    from ray import serve

    from cluster.calls import call_renderer, renderer_of
    from cluster.deployments import model_deployments, renderer_deployment

    class Front:
        def __init__(self, renderer: Any) -> None:
            self.renderer = renderer

    tree, profile = settings(tmp_path, LABELLED, 1.0)
    spot = cluster.nodes.add_node(num_cpus=1, num_gpus=1, labels={"market": "spot"})
    on_demand = cluster.nodes.add_node(num_cpus=1, num_gpus=1, labels={"market": "on-demand"})
    try:
        renderer = renderer_deployment(tree, profile, model_deployments(tree, profile))
        front = serve.deployment(Front, name="front", ray_actor_options={"num_cpus": 0}).bind(renderer)
        serve.run(front, name=tree.ray.app, route_prefix=None)
        assert ensure_app(tree, profile) == tree.ray.app
        other = tree.model_copy(update={"weights": tmp_path})
        with pytest.raises(ClusterUnavailable, match="other settings or profile"):
            ensure_app(other, profile)

        made = list(shots(tree, tmp_path, 7))
        handles = renderer_of(tree.ray.app, profile)
        ended: list[str] = []

        async def call(tier: Any, shot: str) -> None:
            (answer,) = await call_renderer(handles, [shot], force=False, tier=tier)
            assert json.loads(answer)["status"] == "released", answer
            ended.append(tier)

        async def main() -> None:
            standard = [asyncio.create_task(call("standard", shot)) for shot in made[1:]]
            await asyncio.wait(standard, return_when=asyncio.FIRST_COMPLETED)
            await call("urgent", made[0])
            await asyncio.gather(*standard)

        asyncio.run(main())
        assert ended.index("urgent") <= 3, ended
        assert nodes_of(tree.ray.app, "fake-matte") == nodes_of(tree.ray.app, "renderer") == {on_demand.node_id}
        assert nodes_of(tree.ray.app, "fake-matte-standard") == {spot.node_id}

        deadline = time.monotonic() + WAIT_S
        while running(tree.ray.app, "renderer") < 2 and time.monotonic() < deadline:
            handles.at("urgent").tell.remote({"night": 100}).result(timeout_s=10)
            time.sleep(0.5)
        assert running(tree.ray.app, "renderer") == 2
    finally:
        serve.delete(tree.ray.app)
        cluster.nodes.remove_node(spot, allow_graceful=True)
        cluster.nodes.remove_node(on_demand, allow_graceful=True)
