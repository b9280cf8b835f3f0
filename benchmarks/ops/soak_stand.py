"""What a soak runs on: the service and the nights, kept alive, watched, and accounted for. Here inline."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import httpx
import psutil

from benchmarks.goods import ROOT
from benchmarks.ops.soak_work import STOP, settings
from cluster.proxy import free_port
from connectors.online.orders import Orders
from connectors.sync_state import SyncState
from studio.errors import StorageUnavailable
from tests.doubles.woocommerce import WooDouble
from tests.local.test_sync_desk import connection

AWAY_S = 2.0
"""How long a killed process is away."""
SAMPLE_S = 5.0
CC = shutil.which("cc") or ""
"""Without a compiler no clock goes wrong."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One that struck, in Unix seconds."""

    kind: str
    begun: float
    ended: float
    skew_s: float = 0.0
    """By how much a clock was wrong meanwhile: so much are times in that process's log."""


class Stand:
    """Service and nights, kept alive; `samples` are the PSS of their processes: name, pid, time, bytes."""

    kind = "inline"

    def __init__(self, folder: Path, woo: WooDouble, more: Mapping[str, Any] | None = None) -> None:
        self.folder, self.woo, self.port = folder, woo, free_port()
        (folder / "connections.json").write_text(json.dumps(connection(woo, folder)))
        (folder / "stand.json").write_text(json.dumps(more or {}))
        self.settings = settings(folder)
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.samples: list[tuple[str, int, float, int]] = []
        self.died: list[tuple[float, str]] = []
        """Processes that ended by themselves, and were started again."""
        self.orders, self.sync = Orders(self.settings.online), SyncState(self.settings.records)
        self.killing = threading.Lock()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Everything, and wait until the service answers."""
        self._begin("nights")
        self._begin("service")
        self.answers()
        self._watcher.start()

    def stop(self) -> None:
        """End what is left."""
        self._over.set()
        if self._watcher.ident is not None:
            self._watcher.join()
        for process in self.processes.values():
            process.kill()
            process.wait()

    def rest(self, seconds: float) -> bool:
        """Let the nights end and everything that waits be done."""
        (self.folder / STOP).touch()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not self.open_orders() and not self.sync.waiting() and self.processes["nights"].poll() is not None:
                return True
            time.sleep(0.5)
        return False

    def open_orders(self) -> int:
        """How many there are; many while the database does not say."""
        try:
            return sum(self.orders.waiting().values())
        except StorageUnavailable:
            return 10**6

    def kill(self, name: str) -> None:
        """SIGKILL, and up again after a moment."""
        with self.killing:
            process = self.processes[name]
            process.kill()
            process.wait()
            time.sleep(AWAY_S)
            self._begin(name)
        if name == "service":
            self.answers()

    def pids(self) -> Iterator[tuple[str, int]]:
        """Names and ids of the processes that are ours."""
        for name, process in list(self.processes.items()):
            if process.poll() is None:
                yield name, process.pid

    def clock(self, name: str, seconds: float) -> None:
        """Move the wall clock of a process by so many seconds from the true time, at once."""
        path = self.folder / f"clock-{name}"
        with path.open("r+b" if path.exists() else "wb") as file:
            file.write(struct.pack("d", seconds))

    def clocked(self, name: str) -> dict[str, str]:
        """Variables that give a process a wall clock of its own; its monotonic clock stays true."""
        if not CC:
            return {}
        library = self.folder / "skew.so"
        if not library.exists():
            source = Path(__file__).with_name("skew.c")
            subprocess.run([CC, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], check=True)
        self.clock(name, 0)
        return {"LD_PRELOAD": str(library), "SOAK_CLOCK": str(self.folder / f"clock-{name}")}

    def answers(self, seconds: float = 600.0) -> None:
        """Wait until the service does. Raises TimeoutError."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=5).is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        raise TimeoutError("the service does not come up")

    def environment(self) -> dict[str, str]:
        """Of the processes that are started here."""
        return dict(os.environ)

    def revive(self) -> None:
        """Start again what ended by itself; nights that were asked to end may stay so."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None and not (name == "nights" and (self.folder / STOP).exists()):
                self.died.append((time.time(), f"{name} ended with {process.returncode}"))
                self._begin(name)

    def _begin(self, name: str) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.ops.soak_work", name, str(self.folder), str(self.port)]
        environment = self.environment() | self.clocked(name)
        with (self.folder / f"{name}.log").open("ab") as written:
            self.processes[name] = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=written, stderr=written)

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_S):
            with self.killing:
                try:
                    self.revive()
                except (RuntimeError, TimeoutError) as error:
                    self.died.append((time.time(), f"not up: {error}"))
            for name, pid in list(self.pids()):
                try:
                    pss = psutil.Process(pid).memory_full_info().pss
                except psutil.Error:
                    continue
                self.samples.append((name, pid, time.time(), pss))


def told(log: TextIO, fault: Fault) -> None:
    """A line of the fault log."""
    log.write(json.dumps(asdict(fault)) + "\n")
    log.flush()
