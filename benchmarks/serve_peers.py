"""The servers of `serve_tax`: a model of fixed time, the body sent back. Started by it, with name, port and ms."""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response

QUIET = {"enable_access_log": False, "log_level": "ERROR"}


def echo(model: Any) -> FastAPI:
    """POST /p: through the model and back. GET /up: is it there."""
    app = FastAPI()

    @app.post("/p")
    async def answer(request: Request) -> Response:
        return Response(await model(await request.body()), media_type="image/jpeg")

    @app.get("/up")
    async def up() -> Response:
        return Response()

    return app


def sleeper(ms: float) -> Any:
    """A model that takes so long and no processor."""

    async def predict(body: bytes) -> bytes:
        await asyncio.sleep(ms / 1e3)
        return body

    return predict


class Model:
    """The same in a replica of its own."""

    def __init__(self, ms: float) -> None:
        self._predict = sleeper(ms)

    async def predict(self, body: bytes) -> bytes:
        """Back after `ms`."""
        answer: bytes = await self._predict(body)
        return answer


class Ingress:
    """As `serve_apps.app.Api`: the FastAPI app is made in the replica."""

    def __init__(self, ms: float, model: Any = None) -> None:
        self._app = echo(model.predict.remote if model else sleeper(ms))

    def __serve_build_asgi_app__(self) -> FastAPI:
        return self._app


def bare(port: int, ms: float) -> None:
    """FastAPI and uvicorn."""
    import uvicorn

    uvicorn.run(echo(sleeper(ms)), host="127.0.0.1", port=port, log_level="error")


def ray_serve(port: int, ms: float, *, ours: bool, hops: int = 1) -> None:
    """Ray Serve, as it comes or as the service starts it."""
    from cluster.proxy import proxy_environment
    from cluster.runtime import prepare_environment

    folder = tempfile.mkdtemp(prefix="pb")
    more = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0", "RAY_AUTH_MODE": "disabled"}
    if ours:
        prepare_environment(more=proxy_environment(Path(folder)) | more)
    else:
        import os

        os.environ.update(more)
    import ray
    from ray import serve

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    ray.init(num_cpus=4, include_dashboard=False, object_store_memory=256 << 20, _temp_dir=folder, logging_level=logging.ERROR)
    serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config=QUIET)
    shape: dict[str, Any] = {"max_ongoing_requests": 100, "ray_actor_options": {"num_cpus": 0.2}, "logging_config": QUIET}
    model = [serve.deployment(Model, name="model", **shape).bind(ms)] if hops == 2 else []
    serve.run(serve.deployment(serve.ingress()(Ingress), name="api", **shape).bind(ms, *model), logging_config=QUIET)
    stop.wait()
    serve.shutdown()
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """One server until SIGTERM."""
    name, port, ms = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    if name == "fastapi":
        bare(port, ms)
    else:
        ray_serve(port, ms, ours=name.startswith("packshot"), hops=2 if name.endswith("-handle") else 1)
