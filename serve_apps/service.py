"""`packshot serve`: start or join Ray, deploy, wait until it is warm, drain, and leave nothing behind."""

from __future__ import annotations

import logging
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from cluster.logs import start_logging
from cluster.profile import DOOR, Profile, load_profile
from cluster.proxy import free_port, proxy_environment
from cluster.runtime import connected, joins, prepare_environment
from cluster.settings import Settings
from studio.errors import ClusterUnavailable, Interrupted, SettingsError

log = logging.getLogger(__name__)

INGRESS = "api"
"""Name of the deployment that answers HTTP."""
GRACE_S = 1.5
"""Between `/readyz` saying 503 and the look at what is still under way: time for a load balancer to notice."""
DRAIN_S = 20.0
"""How long requests under way may go on; orders need no such time, they are durable."""
WATCH_S = 5.0


@dataclass(frozen=True, slots=True)
class Service:
    """A service that takes work: its address, Ray's address for `packshot run`, and the Serve app's name."""

    url: str
    ray: str
    app: str


def run(settings: Settings, announce: Callable[[Service], None]) -> None:
    """Serve until SIGTERM or SIGINT, then drain. A second signal ends it at once. Raises ClusterUnavailable when it cannot start
    or Ray is lost, Interrupted when it is stopped before it was ready."""
    stop, ready = threading.Event(), threading.Event()

    def asked(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set() or not ready.is_set():
            raise Interrupted("stopped")
        stop.set()

    def listen() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, asked)

    profile = load_profile(settings.profile)
    listen()
    with at_ray(settings, profile) as joined:
        listen()  # Ray puts its own handler for SIGTERM in front, which aborts the process after 3 s
        with deployed(settings, profile, joined=joined) as service:
            ready.set()
            announce(service)
            while not stop.wait(WATCH_S):
                _watch(service.app)
            log.info("draining")


def update(settings: Settings) -> Service:
    """Put the service on a Ray that runs, or bring it up to date there, and leave it to itself. Raises SettingsError when no Ray
    is named, ClusterUnavailable."""
    if not joins(settings):
        raise SettingsError("to leave a service on a cluster, say on which: set ray.address (PACKSHOT_RAY__ADDRESS)")
    profile = load_profile(settings.profile)
    with at_ray(settings, profile):
        return deploy(settings, profile)


@contextmanager
def at_ray(settings: Settings, profile: Profile) -> Iterator[bool]:
    """A connection to Ray with everything that Serve's proxy needs. Says whether a running Ray was joined; one that was started
    here ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="ph"))
    start_logging(settings.home)
    joined = joins(settings)
    try:
        if not joined:
            prepare_environment(more=proxy_environment(folder))
        with connected(settings, profile):
            yield joined
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def deployed(settings: Settings, profile: Profile, *, joined: bool) -> Iterator[Service]:
    """A warm service for the length of the block; it drains at the end. Serve ends with it, unless Ray was joined: then only the
    app is taken away. Raises ClusterUnavailable."""
    from ray import serve

    try:
        service = deploy(settings, profile)
        try:
            yield service
        finally:
            log.info("drained: %s", drain(service.app))
    finally:
        # `shutdown` ends callers before callees, and HAProxy last.
        if joined:
            serve.delete(settings.ray.app)
        else:
            serve.shutdown()


def deploy(settings: Settings, profile: Profile) -> Service:
    """Put the service on the Ray that this process is connected to, or bring it up to date there, replica by replica."""
    import ray
    from ray import serve
    from ray.exceptions import RayError
    from ray.serve.context import _get_global_client

    from serve_apps.app import build_service

    app, api = settings.ray.app, settings.api
    wanted = {"host": api.host, "port": api.port or free_port()}
    quiet = {"enable_access_log": False, "log_level": "WARNING"}
    try:
        serve.start(proxy_location="EveryNode", http_options=wanted, logging_config=quiet)
        if not serve.status().proxies and _only_nights():
            # A night came first: after a head was lost, say. Its run is taken up again; nobody takes up a service.
            log.warning("Serve was started by a night, without a proxy, and is started again")
            serve.shutdown()
            serve.start(proxy_location="EveryNode", http_options=wanted, logging_config=quiet)
    except (RayError, TimeoutError) as error:
        raise ClusterUnavailable(f"Serve does not start: {error}") from error
    if not serve.status().proxies:
        raise ClusterUnavailable("Serve runs without an HTTP proxy on this Ray: end it with `serve shutdown` and serve again")
    try:
        serve.run(build_service(settings, profile), name=app, route_prefix="/", logging_config=quiet)
    except (RuntimeError, TimeoutError) as error:
        raise ClusterUnavailable(f"the service did not start: {error} {_ailing(app)}") from error
    listening = _get_global_client().http_config  # the wanted one, unless Serve ran before
    host = "127.0.0.1" if listening.host in ("0.0.0.0", "::") else listening.host  # noqa: S104 - looked for, not bound
    return Service(f"http://{host}:{listening.port}", ray.get_runtime_context().gcs_address, app)


def _only_nights() -> bool:
    """Whether every app of this Serve is renderer and models alone, as nights start them for themselves."""
    from ray import serve

    return all(serve.get_app_handle(name).deployment_name == DOOR for name in serve.status().applications)


def drain(app: str, seconds: float = DRAIN_S) -> bool:
    """Let `/readyz` say 503, then wait for requests under way. Returns whether all had ended in time."""
    from ray import serve
    from ray.serve.exceptions import RayServeException

    until = time.monotonic() + GRACE_S + seconds
    try:
        handle = serve.get_deployment_handle(INGRESS, app)
        _everywhere(handle, "drain")
        time.sleep(GRACE_S)
        while any(_everywhere(handle, "under_way")):
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
    except (RayServeException, TimeoutError) as error:
        log.warning("not drained: %s", error)
        return False
    return True


def _watch(app: str) -> None:
    """Raises ClusterUnavailable when Ray does not answer; says in the log when the app is not well."""
    from ray import serve
    from ray.exceptions import RayError

    try:
        status = serve.status().applications.get(app)
    except (RayError, TimeoutError) as error:
        raise ClusterUnavailable(f"Ray is gone: {error}") from error
    if status is None:
        raise ClusterUnavailable(f"the app {app!r} has been deleted")
    if status.status != "RUNNING":
        log.warning("the service is %s: %s", str(status.status).lower(), status.message)


def _ailing(app: str) -> str:
    """The last line of what each deployment says that is not well."""
    from ray import serve

    found = serve.status().applications.get(app)
    said = {name: one.message.strip() for name, one in found.deployments.items()} if found else {}
    return "; ".join(f"{name}: {text.splitlines()[-1]}" for name, text in said.items() if text)


def _everywhere(handle: Any, method: str) -> list[Any]:
    """What each replica answers."""
    answers: list[Any] = handle.broadcast(method).results(timeout_s=10)
    return answers
