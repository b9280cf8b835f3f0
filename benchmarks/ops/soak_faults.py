"""What a soak runs on, and what goes wrong there: processes that die, a locked database, a full disk, a shop that refuses.

A full disk is a limit of zero bytes a file (RLIMIT_FSIZE) put on the running process: every write fails, of SQLite's too.
"""

from __future__ import annotations

import resource
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from benchmarks.goods import ROOT
from benchmarks.ops.soak_work import STOP, settings
from connectors.online.orders import Orders
from connectors.sync_state import SyncState
from tests.doubles import serving as doubles
from tests.doubles.woocommerce import WooDouble

AWAY_S = 2.0
"""How long a killed process is away."""
OUTAGE_S = 6.0
SAMPLE_S = 5.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One that struck, in Unix seconds."""

    kind: str
    begun: float
    ended: float


class Stand:
    """Service and nights, kept alive; `samples` are the PSS of their processes: name, pid, time, bytes."""

    def __init__(self, folder: Path, woo: WooDouble) -> None:
        self.folder, self.woo, self.settings = folder, woo, settings(folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.samples: list[tuple[str, int, float, int]] = []
        self.died: list[tuple[float, str]] = []
        """Processes that ended by themselves, and were started again."""
        self._killing = threading.Lock()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Both, and wait until the service answers."""
        self._begin("nights")
        self._begin("service")
        self._answers()
        self._watcher.start()

    def stop(self) -> None:
        """End what is left."""
        self._over.set()
        self._watcher.join()
        for process in self.processes.values():
            process.kill()
            process.wait()

    def rest(self, seconds: float) -> bool:
        """Let the nights end and everything that waits be done."""
        (self.folder / STOP).touch()
        until = time.monotonic() + seconds
        orders, sync = Orders(self.settings.online), SyncState(self.settings.records)
        while time.monotonic() < until:
            open_orders = any(not order.state.ended for order in orders.list(limit=1000)[0])
            if not open_orders and not sync.waiting() and self.processes["nights"].poll() is not None:
                return True
            time.sleep(0.5)
        return False

    def strike(self, kind: str) -> Fault:
        """One fault from its beginning to its end."""
        begun = time.time()
        FAULTS[kind](self)
        return Fault(kind, begun, time.time())

    def kill(self, name: str) -> None:
        """SIGKILL, and up again after a moment."""
        with self._killing:
            process = self.processes[name]
            process.kill()
            process.wait()
            time.sleep(AWAY_S)
            self._begin(name)
        if name == "service":
            self._answers()

    def _begin(self, name: str) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.ops.soak_work", name, str(self.folder)]
        with (self.folder / f"{name}.log").open("ab") as written:
            self.processes[name] = subprocess.Popen([*command, str(self.port)], cwd=ROOT, stdout=written, stderr=written)

    def _revive(self) -> None:
        """Start again what ended by itself; nights that were asked to end may stay so."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None and not (name == "nights" and (self.folder / STOP).exists()):
                self.died.append((time.time(), f"{name} ended with {process.returncode}"))
                self._begin(name)

    def _answers(self) -> None:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                if httpx.get(f"{self.url}/healthz", timeout=5).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise TimeoutError("the service does not come up")

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_S):
            with self._killing:
                self._revive()
            for name, process in list(self.processes.items()):
                if process.poll() is None:
                    try:
                        pss = psutil.Process(process.pid).memory_full_info().pss
                    except psutil.Error:
                        continue
                    self.samples.append((name, process.pid, time.time(), pss))


@contextmanager
def _limited(pid: int, what: int, limit: int) -> Iterator[None]:
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (limit, before[1]))
    try:
        yield
    finally:
        if psutil.pid_exists(pid):
            resource.prlimit(pid, what, before)


def _disk_full(name: str) -> Callable[[Stand], None]:
    def strike(stand: Stand) -> None:
        with _limited(stand.processes[name].pid, resource.RLIMIT_FSIZE, 0):
            time.sleep(OUTAGE_S)

    return strike


def _locked(name: str) -> Callable[[Stand], None]:
    """Somebody holds the database's write lock for longer than a client of it waits."""

    def strike(stand: Stand) -> None:
        database = sqlite3.connect(stand.settings.home / name, timeout=60, isolation_level=None)
        try:
            database.execute("BEGIN IMMEDIATE")
            time.sleep(OUTAGE_S)
            database.execute("ROLLBACK")
        finally:
            database.close()

    return strike


def _shop(status: int, **headers: str) -> Callable[[Stand], None]:
    def strike(stand: Stand) -> None:
        fault = doubles.Fault("", status=status, times=10**6, headers=headers)
        with stand.woo.lock:
            stand.woo.faults.append(fault)
        time.sleep(OUTAGE_S)
        with stand.woo.lock:
            stand.woo.faults.remove(fault)

    return strike


FAULTS: dict[str, Callable[[Stand], None]] = {
    "service killed": lambda stand: stand.kill("service"),
    "night killed": lambda stand: stand.kill("nights"),
    "orders locked": _locked("online.db"),
    "records locked": _locked("records.db"),
    "workflows locked": _locked("workflows.db"),
    "disk full, service": _disk_full("service"),
    "disk full, nights": _disk_full("nights"),
    "shop 429": _shop(429, **{"retry-after": "2"}),
    "shop 503": _shop(503),
}
