"""Reaching a Ray cluster and the Serve app on it; starting both on this machine when no address is given."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.profile import DOOR, Profile
from cluster.settings import Settings
from studio.errors import ClusterUnavailable

log = logging.getLogger(__name__)

RAY_ENVIRONMENT: Mapping[str, str] = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_HAPROXY_TCP_NODELAY": "1",
    "RAY_SERVE_USE_GRPC_BY_DEFAULT": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "1",
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "0.5",
    "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "0.5",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_maximum_startup_concurrency": "8",
    "OMP_NUM_THREADS": "1",
}
"""What every Ray process of ours runs with; measured in docs/benchmarks.md and reference figures of Serve's fast path."""


def prepare_environment(environ: MutableMapping[str, str] | None = None, *, more: Mapping[str, str] | None = None) -> None:
    """Set Ray's variables, and `more`, before Ray is imported; what the user has set stays."""
    target = os.environ if environ is None else environ
    for name, value in {**RAY_ENVIRONMENT, **(more or {})}.items():
        target.setdefault(name, value)


def joins(settings: Settings) -> bool:
    """Whether these settings name a Ray that runs already; otherwise one is started on this machine."""
    return bool(settings.ray.address or os.environ.get("RAY_ADDRESS", ""))


@contextmanager
def connected(settings: Settings, profile: Profile) -> Iterator[None]:
    """A connection to Ray for the length of a run. A Ray that was started here ends here."""
    prepare_environment()
    import ray

    if ray.is_initialized():
        yield
        return
    address = settings.ray.address or os.environ.get("RAY_ADDRESS", "")
    folder = "" if address or settings.ray.temp_dir else tempfile.mkdtemp(prefix="ps")
    try:
        _init(settings, profile, address, settings.ray.temp_dir or folder)
        hush()
        yield
    finally:
        leave()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def hush() -> None:
    """Keep Ray's own narration off our terminal; its files keep everything."""
    warnings.filterwarnings("ignore", message=".*ray_remote_args.*")
    for name in ("ray", "ray.data", "ray.serve"):
        logging.getLogger(name).setLevel(logging.ERROR)
        logging.getLogger(name).addFilter(_errors_only)
        for handler in logging.getLogger(name).handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(_errors_only)


def _errors_only(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def _init(settings: Settings, profile: Profile, address: str, folder: str) -> None:
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    if not address:
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        if address:
            ray.init(address=address, **quiet)
            return
        ray.init(
            num_cpus=profile.ray.num_cpus or 2 * (os.cpu_count() or 1),
            num_gpus=profile.ray.num_gpus,
            object_store_memory=profile.ray.object_store_mb * 1024 * 1024,
            include_dashboard=False,
            _temp_dir=str(Path(folder).absolute()),
            **quiet,
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ClusterUnavailable(f"Ray at {address or 'this machine'} cannot be reached: {error}") from error


def leave() -> None:
    """End this process's connection. A Ray that was started here ends with it, Serve included (it has no proxy that could be
    left behind); a shared one goes on as it is."""
    import ray

    if ray.is_initialized():
        ray.shutdown()


def ensure_app(settings: Settings, profile: Profile, *, chunks: int = 0) -> str:
    """The name of the running Serve app, deployed for a night of so many chunks, or redeployed when it does not match these
    settings. An app with an ingress of its own (the HTTP service) is used as it is, never replaced: raises ClusterUnavailable
    when it does not match."""
    from ray import serve
    from ray.serve.config import HTTPOptions, ProxyLocation

    from cluster.calls import renderer_of
    from cluster.deployments import build_app
    from cluster.hosts import fingerprint

    name = settings.ray.app
    try:
        renderer = renderer_of(name, profile).at("urgent")
        if renderer.fingerprint.remote().result(timeout_s=60) == fingerprint(settings, profile):
            return name
    except (ClusterUnavailable, TimeoutError):
        log.info("no app %r yet", name)
    serve.start(proxy_location=ProxyLocation.Disabled, http_options=HTTPOptions(host="127.0.0.1"))
    if name in serve.status().applications and serve.get_app_handle(name).deployment_name != DOOR:
        raise ClusterUnavailable(f"the service {name!r} runs with other settings or profile; give both the same, or set ray.app")
    try:
        serve.run(build_app(settings, profile, chunks=chunks), name=name, route_prefix=None, logging_config=_serve_logging())
    except RuntimeError as error:
        raise ClusterUnavailable(f"the Serve app {name!r} did not start: {error}") from error
    return name


def _serve_logging() -> dict[str, Any]:
    return {"enable_access_log": False, "log_level": "WARNING"}
