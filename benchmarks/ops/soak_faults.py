"""What goes wrong in a soak: processes die, databases lock or restart, a disk is full, a store is shut, a clock is wrong.

A full disk is a limit of zero bytes a file (RLIMIT_FSIZE) put on the running processes: every write fails, of SQLite's too.
A wall clock is moved, and moved back, by a preloaded library (skew.c); monotonic time stays true.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

import psutil

from benchmarks.ops.soak_ray import RayStand
from benchmarks.ops.soak_stand import CC, Fault, Stand
from tests.doubles import serving as doubles

OUTAGE_S = 6.0
SKEW_S = 90.0
"""More than a worker's claim of a product lasts, less than what S3 forgives (15 min)."""
Strike = Callable[[Stand], None]


def strike(stand: Stand, kind: str) -> Fault:
    """One fault from its beginning to its end."""
    begun = time.time()
    try:
        FAULTS[kind](stand)
    except (RuntimeError, TimeoutError, subprocess.CalledProcessError) as error:
        stand.died.append((time.time(), f"after {kind}: {error}"))
    skew = {"ahead": SKEW_S, "behind": -SKEW_S}.get(kind.rpartition(" ")[2], 0.0)
    return Fault(kind, begun, time.time(), skew)


def kinds(stand: Stand, *, deadly: bool) -> list[str]:
    """Faults that this stand can have; those that end processes only if they may be `deadly`."""
    every = RAY if isinstance(stand, RayStand) else INLINE
    return [kind for kind in every if (deadly or "killed" not in kind) and (bool(CC) or "clock" not in kind)]


@contextmanager
def _limited(pid: int, what: int, limit: int) -> Iterator[None]:
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (limit, before[1]))
    try:
        yield
    finally:
        if psutil.pid_exists(pid):
            resource.prlimit(pid, what, before)


def _disk_full(name: str) -> Strike:
    def strike(stand: Stand) -> None:
        with ExitStack() as stack, suppress(ProcessLookupError):
            for pid in [pid for called, pid in stand.pids() if called == name]:
                stack.enter_context(_limited(pid, resource.RLIMIT_FSIZE, 0))
            time.sleep(OUTAGE_S)

    return strike


def _locked(name: str) -> Strike:
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


def _shop(status: int, **headers: str) -> Strike:
    def strike(stand: Stand) -> None:
        fault = doubles.Fault("", status=status, times=10**6, headers=headers)
        with stand.woo.lock:
            stand.woo.faults.append(fault)
        time.sleep(OUTAGE_S)
        with stand.woo.lock:
            stand.woo.faults.remove(fault)

    return strike


def _skewed(name: str, seconds: float) -> Strike:
    def strike(stand: Stand) -> None:
        stand.clock(name, seconds)
        time.sleep(OUTAGE_S)
        stand.clock(name, 0)

    return strike


def _killed(name: str) -> Strike:
    return lambda stand: stand.kill(name)


def _replica(deployment: str) -> Strike:
    """SIGKILL for one of its replicas; Serve starts another."""

    def strike(stand: Stand) -> None:
        pids = [pid for name, pid in stand.pids() if name == deployment]
        if pids:
            with suppress(ProcessLookupError):
                os.kill(random.choice(pids), signal.SIGKILL)

    return strike


def _on_ray(do: Callable[[RayStand], None]) -> Strike:
    def strike(stand: Stand) -> None:
        assert isinstance(stand, RayStand)
        do(stand)

    return strike


def _shut(stand: RayStand) -> None:
    stand.bucket.gate.shut()
    time.sleep(OUTAGE_S)
    stand.bucket.gate.open()


BOTH: Mapping[str, Strike] = {
    "night killed": _killed("nights"),
    "disk full, nights": _disk_full("nights"),
    "shop 429": _shop(429, **{"retry-after": "2"}),
    "shop 503": _shop(503),
    "clock of the nights ahead": _skewed("nights", SKEW_S),
    "clock of the nights behind": _skewed("nights", -SKEW_S),
}
INLINE: Mapping[str, Strike] = {
    **BOTH,
    "service killed": _killed("service"),
    "orders locked": _locked("online.db"),
    "records locked": _locked("records.db"),
    "workflows locked": _locked("workflows.db"),
    "disk full, service": _disk_full("service"),
    "clock of the service ahead": _skewed("service", SKEW_S),
    "clock of the service behind": _skewed("service", -SKEW_S),
}
RAY: Mapping[str, Strike] = {
    **BOTH,
    "ingress killed": _replica("api"),
    "renderer killed": _replica("renderer"),
    "model killed": _replica("fake-matte"),
    "orchestrator killed": _replica("orchestrator"),
    "node killed": _on_ray(RayStand.lose_node),
    "head killed": _on_ray(RayStand.lose_head),
    "PostgreSQL restarted": _on_ray(lambda stand: stand.postgres.restart()),
    "S3 503": _on_ray(_shut),
    "disk full, ingress": _disk_full("api"),
    "disk full, orchestrator": _disk_full("orchestrator"),
    "clock of the node ahead": _skewed("node", SKEW_S),
    "clock of the node behind": _skewed("node", -SKEW_S),
}
FAULTS: Mapping[str, Strike] = {**INLINE, **RAY}
