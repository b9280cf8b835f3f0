"""The Serve app of the HTTP service, for `packshot serve` and `serve deploy`: ingress -> orchestrator -> renderer -> models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from ray import serve
from ray.serve.config import BackpressureConfig
from ray.serve.handle import DeploymentHandle
from starlette.types import ASGIApp, Receive, Scope, Send

from cluster.calls import Tiered, call_renderer
from cluster.deployments import model_deployments, renderer_deployment
from cluster.logs import start_logging
from cluster.profile import RENDERER, Profile, load_profile, twin
from cluster.settings import Settings, load_settings
from connectors.online.orders import Orders
from serve_apps.http.api import make_api
from serve_apps.orders.orchestrator import OPTIONS, HandleDesk, Orchestrator
from serve_apps.parts import Readiness, open_parts
from serve_apps.request.catalog_jobs import CatalogJobs
from serve_apps.service import DRAIN_S, INGRESS
from serve_apps.warmup import warm_up
from studio.product import Frozen
from studio.selection import AUTO
from studio.shot import Outcome, Shot

_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)
OPEN = 1000
"""Requests of an ingress replica at a time: most of them wait for their order, and cost next to nothing."""
QUEUED = 200


class AppArguments(Frozen):
    """What `args:` of a Serve config may say; everything else comes from the settings."""

    profile: str = ""


class UnderWay:
    """ASGI: counts requests that have no answer yet. Streams of events are not counted: they end when the service does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        counted = scope["type"] == "http" and not scope["path"].endswith("/events")
        self.count += counted
        try:
            await self._app(scope, receive, send)
        finally:
            self.count -= counted


class Api:
    """The ingress. A replica takes no request before it has made an example through renderer and models."""

    async def __init__(  # type: ignore[misc] # Serve awaits it
        self, settings: dict[str, Any], renderer: DeploymentHandle, orchestrator: DeploymentHandle
    ) -> None:
        tree = Settings(**settings)
        start_logging(tree.home, monitoring=tree.monitoring)
        self._readiness, jobs = Readiness(warm=False), CatalogJobs(tree)
        desk = HandleDesk(orchestrator, Orders(tree.online))
        parts = open_parts(tree, desk, submit_job=jobs.submit, job_state=jobs.state, readiness=self._readiness)
        self._app = UnderWay(make_api(parts))

        async def render(shot: Shot) -> Outcome:
            (made,) = await call_renderer(Tiered(renderer), [shot.model_dump_json()], force=True, tier="urgent")
            return _OUTCOME.validate_json(made)

        await warm_up(parts.storage, parts.library, _first(tree.templates), render)
        self._readiness.warm = True

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return self._app

    async def drain(self) -> None:
        """`/readyz` says 503 from now on; everything else goes on."""
        self._readiness.draining = True

    async def under_way(self) -> int:
        """Requests without an answer yet."""
        return self._app.count


class Desk(Orchestrator):
    """The orchestrator, with its log and the renderer's twin where the profile has one."""

    async def __init__(  # type: ignore[misc] # Serve awaits it
        self, settings: dict[str, Any], profile: dict[str, Any], renderer: DeploymentHandle
    ) -> None:
        start_logging((wanted := Settings(**settings)).home, monitoring=wanted.monitoring)
        app = serve.get_replica_context().app_name
        has_twin = Profile.model_validate(profile).renderer.standard is not None
        await super().__init__(settings, renderer, serve.get_deployment_handle(twin(RENDERER), app) if has_twin else None)


def build(args: AppArguments) -> serve.Application:
    """The app for `serve deploy` and `serve run`. Raises SettingsError for a profile that does not exist or does not validate."""
    settings = load_settings(**({"profile": args.profile} if args.profile else {}))
    return build_service(settings, load_profile(settings.profile))


def build_service(settings: Settings, profile: Profile) -> serve.Application:
    """The whole app. Ingress and renderer are replaced one by one and never by fewer; there is one orchestrator at a time."""
    tree, shape = settings.model_dump(mode="json"), profile.model_dump(mode="json")
    renderer = renderer_deployment(settings, profile, model_deployments(settings, profile))
    orchestrator = serve.deployment(Desk, **OPTIONS).bind(tree, shape, renderer)
    ingress = serve.deployment(
        serve.ingress()(Api),
        name=INGRESS,
        num_replicas=profile.api,
        max_ongoing_requests=OPEN,
        max_queued_requests=QUEUED,
        backpressure_config=BackpressureConfig(status_code=429, retry_after_s=1),
        ray_actor_options={"num_cpus": 0.1},
        max_surge_percent=100,
        max_constructor_retry_count=3,
        graceful_shutdown_timeout_s=DRAIN_S + 5,
        graceful_shutdown_wait_loop_s=0.2,
        health_check_period_s=5,
    )
    return ingress.bind(tree, renderer, orchestrator)


def _first(templates: Sequence[str]) -> str:
    """A look to warm up with: the first that is named."""
    return next((name for name in templates if name != AUTO), "amazon-white")
