"""What serving adds to a model of 20 ms, 60 kB in and out: Packshot's way of running Ray Serve beside bare FastAPI and others."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.goods import ROOT
from benchmarks.http_load import Load, closed_loop, until_up
from cluster.proxy import free_port

MS, BYTES = 20.0, 60_000
SLO_MS = MS + 50
PEERS = {"litserve": ("litserve==0.2.19", "python-multipart"), "bentoml": ("bentoml==1.4.*",)}
BOUNDARY = "packshotbench"
OURS = ("fastapi", "packshot", "packshot-handle", "ray")


def run(rounds: int = 5) -> dict[str, Any]:
    """Every server is up all the time; rounds take them in turn, so that each meets the same machine."""
    with ExitStack() as stack:
        up, skipped = {}, {}
        for name in (*OURS, *PEERS):
            try:
                up[name] = stack.enter_context(server(name))
            except (OSError, subprocess.SubprocessError, TimeoutError) as error:
                skipped[name] = f"{type(error).__name__}: {str(error)[:200]}"
        alone: dict[str, list[Load]] = {name: [] for name in up}
        crowd: dict[str, list[Load]] = {name: [] for name in up}
        for number in range(rounds + 1):
            for name, url in up.items():
                single, many = asyncio.run(_loads(name, url, 60 if number else 20, 400 if number else 40))
                if number:
                    alone[name].append(single)
                    crowd[name].append(many)
    rows = {name: _row(alone, crowd, name) for name in up}
    if failed := {name: row["failed"] for name, row in rows.items() if row["failed"]}:
        raise RuntimeError(f"requests failed: {failed}")
    return {"model_ms": MS, "bytes": BYTES, "rounds": rounds, "rows": rows, "skipped": skipped}


def _row(alone: Mapping[str, list[Load]], crowd: Mapping[str, list[Load]], name: str) -> dict[str, Any]:
    """Medians over rounds; differences and ratios are taken within a round."""
    pairs = list(zip(alone[name], alone["fastapi"], strict=True))
    many = list(zip(crowd[name], crowd["fastapi"], strict=True))
    return {
        "p50_ms": statistics.median(a.quantile(0.5) for a in alone[name]),
        "added_ms": statistics.median(a.quantile(0.5) - b.quantile(0.5) for a, b in pairs),
        "p99_ms": statistics.median(a.quantile(0.99) for a in alone[name]),
        "rps_16": statistics.median(a.rps for a in crowd[name]),
        "p99_16_ms": statistics.median(a.quantile(0.99) for a in crowd[name]),
        "within_slo": statistics.median(a.quantile(0.99) for a in crowd[name]) < SLO_MS,
        "rps_over_fastapi": statistics.median(a.rps / b.rps for a, b in many),
        "failed": sum(len(load.bad) for load in (*alone[name], *crowd[name])),
    }


async def _loads(name: str, url: str, single: int, many: int) -> tuple[Load, Load]:
    body, headers = random.Random(1).randbytes(BYTES), {}
    if name == "litserve":
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        body = head.encode() + body + f"\r\n--{BOUNDARY}--\r\n".encode()
        headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    request = ("POST", "/a/p" if name == "bentoml" else "/p", body, headers)
    return await closed_loop(url, [request] * single, 1), await closed_loop(url, [request] * many, 16)


@contextmanager
def server(name: str) -> Iterator[str]:
    """A server in a process group of its own, ready. Raises what keeps it from starting."""
    port = free_port()
    path = {"litserve": "/health", "bentoml": "/healthz"}.get(name, "/up")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MS": str(MS), "BENTOML_DO_NOT_TRACK": "1"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            _command(name, port), cwd=ROOT / "benchmarks" if name in PEERS else ROOT, env=environment, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        try:
            asyncio.run(until_up(f"http://127.0.0.1:{port}", path))
            yield f"http://127.0.0.1:{port}"
        except TimeoutError as error:
            log.seek(0)
            raise OSError(log.read().decode(errors="replace")[-400:]) from error
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _command(name: str, port: int) -> list[str]:
    if name not in PEERS:
        # Imported, not run as a script: Serve would pickle its classes by value, and FastAPI not find what annotations name.
        return [sys.executable, "-c", "from benchmarks.serve_peers import main; main()", name, str(port), str(MS)]
    home = _peer(name)
    if name == "litserve":
        return [str(home / "bin" / "python"), "peer_litserve.py", str(port), str(MS)]
    return [str(home / "bin" / "bentoml"), "serve", "peer_bento:Echo", "--port", str(port), "--host", "127.0.0.1"]


def _peer(name: str) -> Path:
    """The peer's own virtual environment under the temp folder, made once: BentoML's pins break Ray."""
    home = Path(tempfile.gettempdir()) / "packshot-peers" / name
    if not (home / ".ready").exists():
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(home)], check=True, capture_output=True)
        install = [uv, "pip", "install", "-q", "--python", str(home / "bin" / "python"), *PEERS[name]]
        subprocess.run(install, check=True, capture_output=True, timeout=300)
        (home / ".ready").touch()
    return home


if __name__ == "__main__":
    print(run(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
