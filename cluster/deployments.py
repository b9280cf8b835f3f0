"""The Serve app's parts: one deployment a model, one for the renderer, and twins for standard work. All ways in share them."""

from __future__ import annotations

from typing import Any

from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy, RequestRouterConfig

from cluster.hosts import Door, ModelHost, RenderHost
from cluster.profile import DOOR, RENDERER, Profile, Replicas, twin
from cluster.settings import Settings


def model_deployments(settings: Settings, profile: Profile) -> dict[str, serve.Application]:
    """Bound model deployments by name, twins included."""
    tree = settings.model_dump(mode="json")
    made = {}
    for name, shape in profile.models.items():
        for called, which in _pair(name, shape):
            made[called] = serve.deployment(ModelHost, name=called, **options(which)).bind(tree, name, which.threads)
    return made


def renderer_deployment(
    settings: Settings, profile: Profile, models: dict[str, serve.Application], *, cold: int = 0
) -> serve.Application:
    """The bound renderer over these models; its twin hangs on it, so that both are in every app that has the renderer. `cold`
    replaces that of whichever does standard work."""
    arguments = (settings.model_dump(mode="json"), profile.model_dump(mode="json"), models)
    (name, shape), *twins = _pair(RENDERER, _begun(profile.renderer, cold) if cold else profile.renderer)
    standard = [
        serve.deployment(RenderHost, name=called, **options(which)).bind(*arguments, which.threads) for called, which in twins
    ]
    return serve.deployment(RenderHost, name=name, **options(shape)).bind(*arguments, shape.threads, *standard)


def build_app(settings: Settings, profile: Profile, *, chunks: int = 0) -> serve.Application:
    """Renderer and models alone, as a night of so many chunks starts them for itself. A first call that brought up two renderers
    would bring the others a node's whole start later."""
    renderer = renderer_deployment(settings, profile, model_deployments(settings, profile), cold=profile.cold_for(chunks))
    nobody = {"min_replicas": 0, "initial_replicas": 0, "max_replicas": 1}
    return serve.deployment(Door, name=DOOR, autoscaling_config=nobody).bind(renderer)


def _begun(shape: Replicas, cold: int) -> Replicas:
    if shape.standard is None:
        return shape.model_copy(update={"cold": cold})
    return shape.model_copy(update={"standard": shape.standard.model_copy(update={"cold": cold})})


def options(shape: Replicas) -> dict[str, Any]:
    """Serve's options for a shape."""
    actor: dict[str, Any] = {"num_cpus": shape.num_cpus, "num_gpus": shape.num_gpus}
    if shape.memory_mb:
        actor["memory"] = shape.memory_mb * 1024 * 1024
    if shape.labels:
        actor["label_selector"] = shape.labels
    if shape.or_labels:
        actor["fallback_strategy"] = [{"label_selector": shape.or_labels}]
    return {
        "ray_actor_options": actor,
        "max_ongoing_requests": shape.ongoing,
        "max_queued_requests": shape.queued,
        "request_router_config": RequestRouterConfig(
            request_router_class="cluster.routing.TieredRouter",
            request_router_kwargs={"reserved": shape.reserved, "urgent": shape.ongoing - shape.shared},
        ),
        "autoscaling_config": autoscaling(shape),
        "health_check_period_s": 5,
        "graceful_shutdown_timeout_s": 10,
    }


def autoscaling(shape: Replicas) -> AutoscalingConfig:
    """`QueueDepth` decides; Serve's own delays are off, its bounds hold. Metrics are averages over a second."""
    policy = {
        "per_replica": shape.shared,
        "at_once": min(shape.threads, shape.shared),
        "reserved": shape.reserved,
        "up_s": shape.up_s,
        "down_s": shape.down_s,
        "idle_s": shape.idle_s,
    }
    return AutoscalingConfig(
        min_replicas=shape.min_replicas,
        initial_replicas=shape.min_replicas,
        max_replicas=shape.max_replicas,
        target_ongoing_requests=shape.shared,
        upscale_delay_s=0,
        downscale_delay_s=0,
        upscaling_factor=shape.cold,
        look_back_period_s=1.2,
        metrics_interval_s=0.5,
        policy=AutoscalingPolicy(policy_function="cluster.autoscaling:QueueDepth", policy_kwargs=policy),
    )


def _pair(name: str, shape: Replicas) -> list[tuple[str, Replicas]]:
    """The deployment, and its twin where it has one."""
    return [(name, shape), *([(twin(name), shape.standard)] if shape.standard else [])]
