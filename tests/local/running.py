"""The HTTP service as it runs: uvicorn on loopback, a real order desk, the renderer inline with the fake matting model."""

from __future__ import annotations

import asyncio
import io
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn
from PIL import Image

from cluster.engine import open_renderer
from cluster.settings import ApiSettings
from serve_apps.http.api import make_api
from serve_apps.orders.desk import OrderDesk
from serve_apps.parts import Parts, open_parts
from serve_apps.sync.desk import SyncDesk
from studio.shot import Outcome, Shot
from tests import sample


@dataclass
class Running:
    """A service: its parts, its address, secrets by name (writer, other, reader, root), and the shots that were rendered."""

    parts: Parts
    url: str
    secrets: dict[str, str]
    rendered: list[str]

    def client(self, key: str = "writer", **more: Any) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.secrets[key]}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120, **more)


def photo(seed: int = 0, size: int = 200, form: str = "PNG") -> bytes:
    """A block on light grey, its colours from the seed."""
    rng = np.random.default_rng(seed)
    image = np.full((size, size, 3), 236, np.uint8)
    image[size // 4 : -size // 4, size // 4 : -size // 4] = rng.integers(20, 150, 3)
    out = io.BytesIO()
    Image.fromarray(image).save(out, form)
    return out.getvalue()


@contextmanager
def running(
    folder: Path, connections: Mapping[str, Any] | None = None, *, more: Mapping[str, Any] | None = None, **api: Any
) -> Iterator[Running]:
    """The service for as long as the block runs; with what keeps `connections` up to date, where there are any. `more`: settings."""
    settings = sample.settings(
        folder, api=ApiSettings(**{"rate_per_minute": 100_000, **api}), connections=dict(connections or {}), **(more or {})
    )
    renderer = open_renderer(settings)
    rendered: list[str] = []

    async def render(shots: Sequence[Shot], tier: str) -> list[Outcome]:
        rendered.extend(shot.id for shot in shots)
        return await renderer.render(shots)

    desk = OrderDesk(settings, render, sweep_s=0.2)
    parts = open_parts(settings, desk)
    scopes = {"writer": {"write"}, "other": {"write"}, "reader": {"read"}, "root": {"admin"}}
    secrets = {name: parts.keys.issue(name, some)[1] for name, some in scopes.items()}
    with served(parts, desk, SyncDesk(parts, poll_s=0.05, hold_s=0.3, pause_s=0.1) if connections else None) as url:
        yield Running(parts, url, secrets, rendered)


@contextmanager
def served(parts: Parts, desk: OrderDesk | None = None, sync: SyncDesk | None = None) -> Iterator[str]:
    """The address of these parts' app under uvicorn, with the desks on the same event loop."""
    # asyncio turns Nagle's algorithm off only on sockets that say they are TCP.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(make_api(parts), log_level="error", timeout_graceful_shutdown=2, lifespan="off")
        server = uvicorn.Server(config)

        async def serve() -> None:
            if desk:
                await desk.launch()
            if sync:
                await sync.launch()
            try:
                await server.serve(sockets=[listener])
            finally:
                if sync:
                    await sync.close()
                if desk:
                    await desk.close()

        thread = threading.Thread(target=asyncio.run, args=(serve(),), name="service")
        thread.start()
        try:
            with httpx.Client(base_url=url) as client:
                assert client.get("/healthz", timeout=60).status_code == 200
            yield url
        finally:
            server.should_exit = True
            thread.join(30)
