"""Messages of three shops taken at 200 a second: an open loop, so that a slow answer delays none of those that follow.

The service is the HTTP API under uvicorn in a process of its own, its records in SQLite; another process takes the products that
wait, as the worker does, and asks no shop. Latency counts from when a message was due to be sent. `lost`: products whose newest
message nobody took up.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn

from benchmarks.connectors.messages import SECRET, VARIABLE, Message, connections, messages, newest
from benchmarks.goods import ROOT, scratch, tree
from benchmarks.http_load import Connection
from cluster.settings import Settings, load_settings
from connectors.sync_state import Seen, SyncState
from serve_apps.http.api import make_api
from serve_apps.parts import open_parts
from studio.product import Product

RATE, SECONDS, PRODUCTS, CONNECTIONS = 200, 60, 2000, 64
START_S, DRAIN_S = 60, 120
TAKEN, EVERY_S = 10, 0.25
"""Products that the worker takes at a time, and its pause."""


@dataclass
class Heard:
    """Milliseconds of each answer, its status (0: none) and body, by message."""

    ms: list[float] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    answers: dict[int, tuple[int, dict[str, Any]]] = field(default_factory=dict)


def run(seconds: int = SECONDS, rate: int = RATE) -> dict[str, Any]:
    """Everything about one run; wants p99 at most 200 ms, nothing lost, nothing taken twice."""
    os.environ[VARIABLE] = SECRET
    with scratch() as folder:
        settings = tree(folder, "bench-tiny", connections=connections())
        sent = messages(seconds * rate, PRODUCTS)
        with _process("--serve", folder, settings) as url, _process("--take", folder, settings):
            heard = asyncio.run(_open_loop(url, sent, rate))
            (folder / "sent").touch()
            left = _drained(settings)
        taken = _taken(folder)
    return _verdict(sent, heard, taken, left) | {"seconds": seconds, "rate": rate}


async def _open_loop(url: str, sent: Sequence[Message], rate: int) -> Heard:
    heard, free = Heard(), asyncio.Queue[Connection]()
    for _ in range(CONNECTIONS):
        free.put_nowait(Connection(url))
    loop = asyncio.get_running_loop()
    start = loop.time() + 1.0

    async def send(number: int) -> None:
        due, message = start + number / rate, sent[number]
        heard.late_ms.append((loop.time() - due) * 1e3)
        connection = await free.get()
        try:
            headers = {"content-type": "application/json", **message.headers}
            status, body = await connection.ask("POST", message.path, message.body, headers)
        except (OSError, asyncio.IncompleteReadError):
            status, body = 0, b"{}"
        free.put_nowait(connection)
        heard.ms.append((loop.time() - due) * 1e3)
        heard.answers[number] = status, json.loads(body)

    async with asyncio.TaskGroup() as tasks:
        for number in range(len(sent)):
            await asyncio.sleep(max(0.0, start + number / rate - loop.time()))
            tasks.create_task(send(number))
    return heard


def _verdict(sent: Sequence[Message], heard: Heard, taken: dict[tuple[str, str], datetime], left: int) -> dict[str, Any]:
    kinds = Counter(message.kind for message in sent)
    said = {kind: [heard.answers[n] for n, one in enumerate(sent) if one.kind == kind] for kind in kinds}
    wanted = newest(sent)
    return {
        "messages": len(sent),
        **{f"sent_{kind}": count for kind, count in sorted(kinds.items())},
        "p50_ms": _quantile(heard.ms, 0.50),
        "p99_ms": _quantile(heard.ms, 0.99),
        "worst_ms": max(heard.ms),
        "sender_late_p99_ms": _quantile(heard.late_ms, 0.99),
        "not_answered_or_5xx": sum(status == 0 or status >= 500 for status, _ in heard.answers.values()),
        "good_refused": sum(status != 200 for kind, some in said.items() if kind != "forged" for status, _ in some),
        "forged_taken": sum(status != 401 for status, _ in said.get("forged", ())),
        "taken_more_than_once": sum(count > 1 for count in _takes(sent, heard).values()),
        "stale_taken": sum(body.get("new", 0) for _, body in said.get("stale", ())),
        "products": len(wanted),
        "lost": sum(taken.get(place, datetime.min.replace(tzinfo=UTC)) < at for place, at in wanted.items()),
        "left_waiting": left,
    }


def _takes(sent: Sequence[Message], heard: Heard) -> Counter[bytes]:
    """How often each body made work: a repeated message may overtake the first."""
    takes: Counter[bytes] = Counter()
    for number, message in enumerate(sent):
        takes[message.body] += heard.answers[number][1].get("new", 0)
    return takes


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _drained(settings: Settings) -> int:
    state, until = SyncState(settings.records), time.monotonic() + DRAIN_S
    while (left := state.waiting()) and time.monotonic() < until:
        time.sleep(0.2)
    return left


def _taken(folder: Path) -> dict[tuple[str, str], datetime]:
    found: dict[tuple[str, str], datetime] = {}
    for line in (folder / "taken").read_text().splitlines():
        connection, ref, at = json.loads(line)
        when = datetime.fromisoformat(at)
        found[connection, ref] = max(when, found.get((connection, ref), when))
    return found


@contextmanager
def _process(what: str, folder: Path, settings: Settings) -> Iterator[str]:
    """This module in a process of its own, until it says that it is ready; its address, where it has one."""
    (folder / "settings.json").write_text(settings.model_dump_json())
    command = [sys.executable, "-m", "benchmarks.connectors.accept", what, str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_S)


def _serve(settings: Settings) -> None:
    """The API as it is; nothing is ordered here, so no order desk runs."""
    app = make_api(open_parts(settings, None))  # type: ignore[arg-type]
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=2))
        asyncio.run(server.serve(sockets=[listener]))


def _take(settings: Settings, folder: Path) -> None:
    """As the worker: claim what is due, be done with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    state = SyncState(settings.records)
    with (folder / "taken").open("a", buffering=1) as log:
        print("ready", flush=True)
        while True:
            some = state.due(now=datetime.now(UTC), limit=100 if (folder / "sent").exists() else TAKEN, hold_s=60.0)
            for one in some:
                log.write(json.dumps([one.connection, one.ref, str(one.at)]) + "\n")
                product = Product(sku=one.ref)
                state.keep([Seen(one.connection, one.ref, one.ref, "digest", one.at, gone=False, product=product)])
                state.done(one)
            time.sleep(EVERY_S if len(some) <= TAKEN else 0.0)


def main(words: Sequence[str]) -> None:
    """`python -m benchmarks.connectors.accept [SECONDS [RATE]]`."""
    if words[:1] in (["--serve"], ["--take"]):
        folder = Path(words[1])
        settings = load_settings(**json.loads((folder / "settings.json").read_text()))
        _serve(settings) if words[0] == "--serve" else _take(settings, folder)
        return
    for name, value in run(*map(int, words)).items():
        print(f"{name:24} {value}")


if __name__ == "__main__":
    main(sys.argv[1:])
