"""The processes of a soak: the HTTP service with its desks, and nights one after the other. Both are killed and started again.

`python -m benchmarks.ops.soak_work service FOLDER PORT` or `nights FOLDER`.
"""

from __future__ import annotations

import asyncio
import csv
import json
import logging
import random
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn

from cluster.engine import open_renderer
from cluster.settings import ApiSettings, Settings
from connectors.records import Records
from pipelines.executors import Mode
from pipelines.nightly import Night, Request
from pipelines.screen import Quiet
from serve_apps.http.api import make_api
from serve_apps.orders.desk import OrderDesk
from serve_apps.parts import open_parts
from serve_apps.sync.desk import SyncDesk
from studio.errors import PackshotError
from studio.shot import Outcome, Shot
from tests import sample

ROWS, CHANGED = 24, 0.1
"""Rows of the nightly catalogue, and the share of them with a new photo in each round."""
STOP = "stop"
"""A file that ends the nights after the round they are in."""
log = logging.getLogger("soak")


def settings(folder: Path) -> Settings:
    """The same for all processes."""
    connections = json.loads((folder / "connections.json").read_text())
    api = ApiSettings(publish=str(folder / "live"), rate_per_minute=100_000)
    more = json.loads((folder / "stand.json").read_text())
    found: Settings = sample.settings(folder, api=api, connections=connections, **more)
    return found


def serve(folder: Path, port: int) -> None:
    """Until killed."""
    tree = settings(folder)
    renderer = open_renderer(tree)

    async def render(shots: Sequence[Shot], _tier: str) -> list[Outcome]:
        return await renderer.render(shots)

    async def run() -> None:
        desk = OrderDesk(tree, render, sweep_s=0.5)
        parts = open_parts(tree, desk)
        await desk.launch()
        sync = SyncDesk(parts, poll_s=0.2, hold_s=4.0, pause_s=0.5)
        await sync.launch()
        with socket.socket(proto=socket.IPPROTO_TCP) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            listener.listen(128)
            await uvicorn.Server(uvicorn.Config(make_api(parts), log_level="error", lifespan="off")).serve(sockets=[listener])

    asyncio.run(run())


def nights(folder: Path) -> None:
    """A night after the other; one that was killed is taken up first."""
    tree = settings(folder)
    while not _round(folder, tree):
        time.sleep(1)


def night(folder: Path, tree: Settings) -> Night:
    """One over the catalogue as it is."""
    mode: Mode = "serve" if tree.ray.address else "inline"
    return Night(tree, Request(catalog=str(folder / "catalog.csv"), mode=mode, out=folder / "out"), Quiet())


def unfinished(tree: Settings) -> list[str]:
    """Runs that began and did not end."""
    return [run.id for run in Records(tree.records).runs() if run.state == "running"]


def change(folder: Path) -> None:
    """The first catalogue, or new photos for some of its rows."""
    rng = random.Random(time.time_ns())
    for number in range(ROWS):
        path = folder / "images" / f"p{number:03}.png"
        if not path.exists() or rng.random() < CHANGED:
            part = path.with_suffix(".part")
            sample.photo(part, rng.randrange(1_000_000), 360)
            part.replace(path)
    if not (folder / "catalog.csv").exists():
        with (folder / "catalog.part").open("w", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(["sku", "title", "category", "image_front"])
            rows.writerows([f"NIGHT-{n:03}", f"Product {n}", "Test", f"images/p{n:03}.png"] for n in range(ROWS))
        (folder / "catalog.part").replace(folder / "catalog.csv")


def _round(folder: Path, tree: Settings) -> bool:
    """Runs that did not end, else another; whether all are done and no more are wanted."""
    try:
        left = unfinished(tree)
        for name in left:
            _told(folder, tree, name)
        if not left and not (folder / STOP).exists():
            change(folder)
            _told(folder, tree, "")
        return not left and (folder / STOP).exists()
    except PackshotError as error:
        log.warning("no night: %s", error.message)
        return False


def _told(folder: Path, tree: Settings, resume: str) -> None:
    """One line a night: what it says, or why it could not be."""
    line: dict[str, Any] = {"at": time.time(), "resumed": resume}
    try:
        summary = night(folder, tree).run(resume)
        line |= {"run": summary.run, "due": summary.due, "released": summary.released, "state": summary.state}
        line |= {"failed": summary.failed, "rejected": summary.rejected, "reasons": summary.reasons}
    except PackshotError as error:
        line |= {"error": error.code, "message": error.message}
    with (folder / "nights.jsonl").open("a") as stream:
        stream.write(json.dumps(line) + "\n")


def main() -> None:
    """One of the two."""
    logging.basicConfig(format="%(created).1f %(levelname)s %(name)s %(message)s", level=logging.WARNING)
    kind, folder = sys.argv[1], Path(sys.argv[2])
    if kind == "service":
        serve(folder, int(sys.argv[3]))
    else:
        nights(folder)


if __name__ == "__main__":
    main()
