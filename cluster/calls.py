"""Calling the deployments: which of two gets a tier's work, patience with full queues, and the culprit of a dying process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ray import serve
from ray.exceptions import ActorUnavailableError, RayActorError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle

from cluster.engine import registry
from cluster.isolation import Isolation
from cluster.logs import TRACE
from cluster.profile import RENDERER, Profile, Replicas, twin
from cluster.settings import Settings
from cluster.tiers import TIER, TIERS, Tier
from studio.errors import ClusterUnavailable, PackshotError, ProcessDied
from studio.models.base import Answer, ModelCard

DEAD = (RayActorError,)
BUSY_PAUSE_S = 0.25
UNREACHED_S, UNREACHED_PAUSE_S = 30.0, 1.0
"""How long, and how often, replicas are asked of which one was out of reach."""


class Tiered:
    """A deployment and, where the profile has one, its twin for standard work. Every handle is tagged for `TieredRouter`."""

    def __init__(self, handle: DeploymentHandle, standard: DeploymentHandle | None = None, **options: Any) -> None:
        handles: dict[Tier, DeploymentHandle] = {"urgent": handle, "standard": standard or handle}
        self._handles = {tier: handles[tier].options(session_id=tier, **options) for tier in TIERS}

    def at(self, tier: Tier) -> DeploymentHandle:
        """The handle for calls of a tier."""
        return self._handles[tier]


def renderer_of(app: str, profile: Profile) -> Tiered:
    """The renderer of a running app, whatever its ingress is. Raises ClusterUnavailable when there is none."""
    try:
        serve.get_app_handle(app)
        standard = serve.get_deployment_handle(twin(RENDERER), app) if profile.renderer.standard else None
        return Tiered(serve.get_deployment_handle(RENDERER, app), standard)
    except (RayServeException, KeyError) as error:
        raise ClusterUnavailable(f"no Serve app {app!r} with the renderer of profile {profile.name!r}") from error


async def call_renderer(
    renderer: Tiered | DeploymentHandle, shots: Sequence[str], *, force: bool, tier: Tier = "standard"
) -> list[str]:
    """One chunk of shots (JSON) on the renderer; outcomes as JSON, same length and order. Waits while it says it is full.
    The replica's log carries this task's trace. Raises RayActorError when the replica dies."""
    handle = (renderer if isinstance(renderer, Tiered) else Tiered(renderer)).at(tier)
    answer: list[str] = await _patiently(lambda: handle.render.remote(list(shots), force, tier, TRACE.get()))
    return answer


class HandleModels:
    """`studio.models.base.Models` over Serve handles; an item that kills its replica costs itself, not its neighbours.
    Calls go out in the tier of the caller (`TIER`)."""

    def __init__(self, settings: Settings, handles: Mapping[str, DeploymentHandle], profile: Profile) -> None:
        self._registry = registry(settings)
        self._profile = profile
        self._calls = {
            name: Isolation[Any, Answer | PackshotError](
                # Serve's gRPC path ends at 4 MiB a message; pictures go through the object store, without a copy.
                _caller(Tiered(handles[name], handles.get(twin(name)), _by_reference=True)),
                dead=DEAD,
                blame=_blame(name),
                tries=profile.batch.tries,
                width=_width(shape),
                name=name,
            )
            for name, shape in profile.models.items()
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


def _width(shape: Replicas) -> int:
    return max(s.max_replicas * s.ongoing for s in (shape, shape.standard) if s)


def _caller(model: Tiered) -> Any:
    async def call(items: Sequence[Any]) -> list[Answer | PackshotError]:
        tier = TIER.get()
        answers: list[Answer | PackshotError] = await _patiently(lambda: model.at(tier).predict.remote(list(items), tier))
        return answers

    return call


async def _patiently(call: Callable[[], Any]) -> Any:
    """The answer, once there is a place for the call. A replica that cannot be reached, because its node is gone, say, tells
    nothing about the items: others are asked, for `UNREACHED_S`. Raises RayActorError when a replica dies."""
    until = time.monotonic() + UNREACHED_S
    while True:
        try:
            return await call()
        except BackPressureError:
            await asyncio.sleep(BUSY_PAUSE_S)
        except ActorUnavailableError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(UNREACHED_PAUSE_S)


def _blame(name: str) -> Any:
    def blame(_item: Any) -> PackshotError:
        return ProcessDied(f"the process of model {name!r} died on this image, alone, each time it was tried")

    return blame
