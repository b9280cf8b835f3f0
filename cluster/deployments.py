"""The Serve app: one deployment a model, one for the renderer. Both ways in use the same replicas."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ray import serve
from ray.exceptions import RayActorError
from ray.serve.config import RequestRouterConfig
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from cluster.engine import host_threads, open_renderer, registry
from cluster.isolation import Isolation
from cluster.profile import Profile, Replicas
from cluster.settings import Settings
from studio.errors import PackshotError, ProcessDied
from studio.keys import digest_of
from studio.models.base import Answer, ModelCard, run_batch
from studio.shot import Shot

log = logging.getLogger(__name__)
DEAD = (RayActorError,)
BUSY_PAUSE_S = 0.25
SHORTEST_QUEUE = RequestRouterConfig(request_router_class="cluster.routing.ShortestQueue")


class ModelHost:
    """One loaded model in a replica; `threads` calls run at once."""

    def __init__(self, settings: dict[str, Any], name: str, threads: int) -> None:
        host_threads(1)
        self._model = registry(Settings(**settings)).create(name)
        self._model.load()
        self._model.predict([self._model.example()])
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def predict(self, items: Sequence[Any]) -> list[Answer | PackshotError]:
        """One answer or error an item, in order."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, run_batch, self._model, items)


class HandleModels:
    """`studio.models.base.Models` over Serve handles; an item that kills its replica costs itself, not its neighbours."""

    def __init__(self, settings: Settings, handles: dict[str, DeploymentHandle], profile: Profile) -> None:
        self._registry = registry(settings)
        self._profile = profile
        self._calls = {
            name: Isolation[Any, Answer | PackshotError](
                _caller(handle), dead=DEAD, blame=_blame(name), tries=profile.batch.tries, width=_slots(profile.models[name])
            )
            for name, handle in handles.items()
        }

    def card(self, name: str) -> ModelCard:
        """The model's card. Raises UnknownModel."""
        return self._registry.card(name)

    async def predict(self, name: str, items: Sequence[Any]) -> list[Answer | PackshotError]:
        """One answer or error an item; long lists go out as several calls, so that replicas share them."""
        if name not in self._calls:
            self._registry.create(name)
            raise ProcessDied(f"profile {self._profile.name!r} has no deployment for model {name!r}")
        size = self._profile.models[name].batch
        parts = [items[i : i + size] for i in range(0, len(items), size)]
        answers = await asyncio.gather(*(self._calls[name](part) for part in parts))
        return [answer for part in answers for answer in part]


class RenderHost:
    """A renderer in a replica, over the model deployments' handles."""

    def __init__(self, settings: dict[str, Any], profile: dict[str, Any], models: dict[str, DeploymentHandle]) -> None:
        tree, chosen = Settings(**settings), Profile.model_validate(profile)
        host_threads(chosen.renderer.threads)
        self._fingerprint = fingerprint(tree, chosen)
        self._renderer = open_renderer(tree, HandleModels(tree, models, chosen))

    async def render(self, shots: Sequence[str], force: bool = False) -> list[str]:
        """Shots and outcomes as JSON, same length and order."""
        outcomes = await self._renderer.render([Shot.model_validate_json(shot) for shot in shots], force=force)
        return [outcome.model_dump_json() for outcome in outcomes]

    async def fingerprint(self) -> str:
        """Digest of the settings and profile this app was built from."""
        return self._fingerprint


def build_app(settings: Settings, profile: Profile) -> serve.Application:
    """The app that `serve.run` and `serve deploy` take."""
    tree = settings.model_dump(mode="json")
    models = {
        name: serve.deployment(ModelHost, name=name, request_router_config=SHORTEST_QUEUE, **_options(shape)).bind(
            tree, name, shape.threads
        )
        for name, shape in profile.models.items()
    }
    shape = profile.renderer
    renderer = serve.deployment(RenderHost, name="renderer", **_options(shape))
    return renderer.bind(tree, profile.model_dump(mode="json"), models)


def fingerprint(settings: Settings, profile: Profile) -> str:
    """Digest of everything the running app depends on."""
    return digest_of([settings.model_dump(mode="json"), profile.model_dump(mode="json")])


async def call_renderer(handle: DeploymentHandle, shots: Sequence[str], *, force: bool) -> list[str]:
    """One chunk on the renderer deployment. Waits while it says it is full. Raises RayActorError when the replica dies."""
    while True:
        try:
            answer: list[str] = await handle.render.remote(list(shots), force)
            return answer
        except BackPressureError:
            await asyncio.sleep(BUSY_PAUSE_S)


def _options(shape: Replicas) -> dict[str, Any]:
    actor: dict[str, Any] = {"num_cpus": shape.num_cpus, "num_gpus": shape.num_gpus}
    if shape.memory_mb:
        actor["memory"] = shape.memory_mb * 1024 * 1024
    if shape.labels:
        actor["label_selector"] = shape.labels
    return {
        "ray_actor_options": actor,
        "max_ongoing_requests": shape.ongoing,
        "max_queued_requests": shape.queued,
        "autoscaling_config": {
            "min_replicas": shape.min_replicas,
            "initial_replicas": shape.min_replicas,
            "max_replicas": shape.max_replicas,
            "target_ongoing_requests": shape.ongoing,
            "upscale_delay_s": shape.upscale_delay_s,
            "downscale_delay_s": shape.downscale_delay_s,
            "look_back_period_s": 2.0,
            "metrics_interval_s": 1.0,
        },
        "health_check_period_s": 5,
        "graceful_shutdown_timeout_s": 10,
    }


def _slots(shape: Replicas) -> int:
    return shape.max_replicas * shape.ongoing


def _caller(handle: DeploymentHandle) -> Any:
    # Serve's gRPC path ends at 4 MiB a message; pictures go through the object store, without a copy.
    handle = handle.options(_by_reference=True)

    async def call(items: Sequence[Any]) -> list[Answer | PackshotError]:
        while True:
            try:
                answers: list[Answer | PackshotError] = await handle.predict.remote(list(items))
                return answers
            except BackPressureError:
                await asyncio.sleep(BUSY_PAUSE_S)

    return call


def _blame(name: str) -> Any:
    def blame(_item: Any) -> PackshotError:
        return ProcessDied(f"the process of model {name!r} died on this image, alone, each time it was tried")

    return blame
