"""What a running cluster looks like: its nodes, each looked at from the inside, its Serve app, and how its replicas came up."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from cluster.engine import registry, storage
from cluster.profile import RENDERER, Profile
from cluster.settings import Settings
from connectors.records import Records
from connectors.weight_store import bring
from connectors.weights import verify
from studio.errors import PackshotError

LOOK_S = 90.0
"""How long a node may take for its first answer: it starts a process for it."""
CLOCKS = 3
"""Readings of a node's clock; the one with the shortest way counts."""
PACKAGES = ("packshot", "ray", "torch", "onnxruntime", "numpy")


@dataclass(frozen=True, slots=True)
class Node:
    """A node that is alive. `skew_s` is its clock minus ours, known to `skew_error_s`; `problems` by what was tried there."""

    id: str
    address: str
    labels: Mapping[str, str]
    resources: Mapping[str, float]
    versions: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    skew_s: float = 0.0
    skew_error_s: float = 0.0
    free_gb: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """The whole cluster. `app` is the Serve app's state ("": there is none), `deployments` states and running replicas by name,
    `ready` seconds by phase of each replica, `same_settings` whether the renderer was built from these settings."""

    nodes: tuple[Node, ...]
    dead: int = 0
    app: str = ""
    deployments: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    ready: Mapping[str, tuple[Mapping[str, float], ...]] = field(default_factory=dict)
    same_settings: bool | None = None


def look(settings: Settings, profile: Profile) -> Seen:
    """Look at the cluster that this process is connected to. Raises nothing for what is wrong there: it is in the answer."""
    import ray

    rows = ray.nodes()
    nodes = tuple(_node(row, settings, tuple(profile.models)) for row in rows if row["Alive"])
    app, deployments = _app(settings.ray.app)
    ready = {
        name: _ready(settings.ray.app, name)
        for name, (_, running) in deployments.items()
        if running and name in profile.deployments
    }
    same = _same(settings, profile) if app and RENDERER in deployments else None
    return Seen(nodes, len(rows) - len(nodes), app, deployments, ready, same)


def on_this_node(settings: Mapping[str, Any], models: Sequence[str]) -> dict[str, Any]:
    """What only the node itself can see: versions, whether store and records answer, whether the weights are the pinned ones."""
    tree = Settings(**settings)
    tried = {"store": lambda: _store(tree), "records": lambda: Records(tree.records), "weights": lambda: _weights(tree, models)}
    problems = {name: problem for name, attempt in tried.items() if (problem := _problem(attempt))}
    folder = next(path for path in (tree.home.absolute(), *tree.home.absolute().parents) if path.exists())
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "problems": problems,
        "free_gb": shutil.disk_usage(folder).free / 1e9,
    }


def clock_here() -> float:
    """Seconds since 1970 by the clock of this machine."""
    return time.time()


def _problem(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except (PackshotError, OSError) as error:
        return str(error)
    return ""


def _store(settings: Settings) -> None:
    store = storage(settings)
    store.get_blob(store.put_blob(b"packshot doctor"))


def _weights(settings: Settings, models: Sequence[str]) -> None:
    cards = registry(settings)
    wanted = [cards.card(name) for name in models]
    if settings.weights_uri:
        bring(wanted, settings.weights_uri, settings.weights_folder, endpoint_url=settings.storage.endpoint_url)
    for problem in verify(wanted, settings.weights_folder).values():
        if problem is not None:
            raise problem


def _node(row: Mapping[str, Any], settings: Settings, models: Sequence[str]) -> Node:
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(node_id=row["NodeID"], soft=False)
    options = {"num_cpus": 0, "scheduling_strategy": there, "max_retries": 0}
    plain = {
        "id": row["NodeID"],
        "address": row["NodeManagerAddress"],
        "labels": row.get("Labels", {}),
        "resources": row["Resources"],
    }
    try:
        answer = ray.remote(on_this_node).options(**options).remote(settings.model_dump(mode="json"), models)
        inside = ray.get(answer, timeout=LOOK_S)
        clock = ray.remote(clock_here).options(**options)
        skew, error = min(
            (_skew(lambda: ray.get(clock.remote(), timeout=LOOK_S)) for _ in range(CLOCKS)), key=lambda pair: pair[1]
        )
    except RayError as problem:
        return Node(**plain, problems={"node": str(problem).strip().splitlines()[-1]})
    return Node(**plain, **inside, skew_s=skew, skew_error_s=error)


def _skew(there: Callable[[], float]) -> tuple[float, float]:
    """Their clock minus ours, and how far that may be off: half of the way there and back."""
    before, theirs, after = time.time(), there(), time.time()
    return theirs - (before + after) / 2, (after - before) / 2


def _app(name: str) -> tuple[str, dict[str, tuple[str, int]]]:
    from ray import serve

    found = serve.status().applications.get(name)
    if found is None:
        return "", {}
    return found.status.value, {
        deployment: (state.status.value, state.replica_states.get("RUNNING", 0))
        for deployment, state in found.deployments.items()
    }


def _ready(app: str, name: str) -> tuple[Mapping[str, float], ...]:
    from ray import serve
    from ray.exceptions import RayError
    from ray.serve.exceptions import RayServeException

    try:
        return tuple(serve.get_deployment_handle(name, app).broadcast("ready").results(timeout_s=LOOK_S))
    except (RayError, RayServeException, TimeoutError):
        return ()


def _same(settings: Settings, profile: Profile) -> bool | None:
    from ray.exceptions import RayError
    from ray.serve.exceptions import RayServeException

    from cluster.calls import renderer_of
    from cluster.hosts import fingerprint

    try:
        answer = renderer_of(settings.ray.app, profile).at("urgent").fingerprint.remote().result(timeout_s=LOOK_S)
    except (RayError, RayServeException, PackshotError, TimeoutError):
        return None
    return bool(answer == fingerprint(settings, profile))
