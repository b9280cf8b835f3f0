"""What runs inside a replica: a loaded model, or a renderer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import ray
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from cluster.autoscaling import Backlog
from cluster.calls import DEAD, HandleModels, Tiered
from cluster.engine import host_threads, open_renderer, registry
from cluster.logs import about, start_logging
from cluster.profile import RENDERER, Profile
from cluster.readiness import Phases
from cluster.settings import Settings
from cluster.tiers import PriorityPool, Tier, working_for
from connectors.weight_store import bring
from studio.errors import PackshotError
from studio.keys import digest_of
from studio.models.base import Answer, run_batch
from studio.shot import Shot

NOT_RENDERING = {
    "api",
    "monitoring",
    "online_url",
    "workflows_url",
    "records_url",
    "runs_uri",
    "templates",
    "template_folders",
    "prices",
    "budgets",
    "photo_studio",
    "ray",
    "profile",
}


class Door:
    """Ingress of an app that has no HTTP. With HAProxy Serve refuses an ingress that has a router of its own, as the renderer
    has; nobody calls this one, so it has no replica."""

    def __init__(self, renderer: DeploymentHandle) -> None:
        self.renderer = renderer


class ModelHost:
    """One loaded model in a replica; `threads` calls run at once, urgent ones first."""

    def __init__(self, settings: dict[str, Any], name: str, threads: int) -> None:
        tree, phases = Settings(**settings), Phases(name)
        start_logging(tree.home, monitoring=tree.monitoring)
        host_threads(1)
        with phases.phase("import"):
            cards = registry(tree, _device())
            self._model = cards.create(name)
        if tree.weights_uri:
            with phases.phase("fetch"):
                bring([cards.card(name)], tree.weights_uri, tree.weights_folder, endpoint_url=tree.storage.endpoint_url)
        with phases.phase("weights"):
            self._model.load()
        with phases.phase("first call"):
            self._model.predict([self._model.example()])
        self._pool = PriorityPool(threads, name)
        self._ready = phases.done()

    async def ready(self) -> dict[str, float]:
        """Seconds by phase until this replica could work."""
        return self._ready

    async def predict(self, items: Sequence[Any], tier: Tier = "standard") -> list[Answer | PackshotError]:
        """One answer or error an item, in order."""
        with working_for(tier):
            return await asyncio.get_running_loop().run_in_executor(self._pool, run_batch, self._model, items)


class RenderHost:
    """A renderer in a replica, over the model deployments' handles. `standard` is its twin for standard work."""

    def __init__(
        self,
        settings: dict[str, Any],
        profile: dict[str, Any],
        models: dict[str, DeploymentHandle],
        threads: int,
        standard: DeploymentHandle | None = None,
    ) -> None:
        tree, chosen, phases = Settings(**settings), Profile.model_validate(profile), Phases(RENDERER)
        host_threads(threads)
        start_logging(tree.home, monitoring=tree.monitoring)
        self._fingerprint = fingerprint(tree, chosen)
        with phases.phase("renderer"):
            self._renderer = open_renderer(tree, HandleModels(tree, models, chosen))
        self._standard = Tiered(standard).at("urgent") if standard else None
        self._telling: asyncio.Task[None] | None = None
        self._backlog = Backlog()
        self._ready = phases.done()

    async def ready(self) -> dict[str, float]:
        """Seconds by phase until this replica could work."""
        return self._ready

    async def render(self, shots: Sequence[str], force: bool = False, tier: Tier = "standard", trace: str = "") -> list[str]:
        """Shots and outcomes as JSON, same length and order. Log lines carry `trace`."""
        with working_for(tier), about(trace=trace):
            outcomes = await self._renderer.render([Shot.model_validate_json(shot) for shot in shots], force=force)
        return [outcome.model_dump_json() for outcome in outcomes]

    async def tell(self, backlog: dict[str, int]) -> None:
        """Calls that will come but that no handle holds yet, by source; autoscaling adds them to the queue for some seconds.
        The source `standard` is told to the twin, where there is one."""
        standard = 0 if self._standard is None else backlog.get("standard", 0)
        self._backlog.tell({source: count for source, count in backlog.items() if self._standard is None or source != "standard"})
        if standard and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell_twin(standard))

    async def _tell_twin(self, standard: int) -> None:
        """Wakes the twin where it has no replica, and then takes as long as one takes to start."""
        assert self._standard is not None
        with suppress(*DEAD, BackPressureError):
            await self._standard.tell.remote({"standard": standard})

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Serve asks for this several times a second."""
        return self._backlog.stats()

    async def fingerprint(self) -> str:
        """Digest of the settings and profile this app was built from."""
        return self._fingerprint


def _device() -> str:
    """`cuda` in a replica that was given a GPU and has one, else `cpu`."""
    if not ray.get_gpu_ids():
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def fingerprint(settings: Settings, profile: Profile) -> str:
    """Digest of everything that renderer and models depend on; a service and a night that agree in it share them."""
    return digest_of(
        [settings.model_dump(mode="json", exclude=NOT_RENDERING), profile.model_dump(mode="json", exclude={"ray", "api"})]
    )
