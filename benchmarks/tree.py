"""What a process and all its descendants use: CPU-seconds, and the highest sum of proportional set sizes (PSS)."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

TICK = os.sysconf("SC_CLK_TCK")
CPU_EVERY_S, PSS_EVERY_S = 0.25, 0.25


class Tree:
    """Watches this process and its descendants while the `with` block runs (Linux).

    A process that was seen once stays counted when it ends or is adopted by init; what it used since the last look, at most a
    quarter of a second, is lost. What the watching itself uses is taken off. `split` is CPU-seconds by kind of process;
    `default_worker.py` is Ray's workers before they know what they are: their start.
    """

    def __init__(self, *, pss: bool = False) -> None:
        self._pss = pss
        self._own = 0.0
        self._known: dict[tuple[int, float], float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_pss = 0
        self.cpu_s = self.wall_s = 0.0
        self.split: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._look()
        self.split = {}
        self._started = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        self.wall_s = time.perf_counter() - self._started
        self._look()
        self.split["watching"] = -self._own
        self.cpu_s = sum(self.split.values())

    def _watch(self) -> None:
        while not self._stop.wait(PSS_EVERY_S if self._pss else CPU_EVERY_S):
            self._look()
            self._own = time.thread_time()

    def _look(self) -> None:
        total = 0
        for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
            try:
                times = process.cpu_times()
                key = (process.pid, process.create_time())
                used, name = times.user + times.system, _kind(process)
                self.split[name] = self.split.get(name, 0.0) + used - self._known.get(key, 0.0)
                self._known[key] = used
                total += _pss(process.pid) if self._pss else 0
            except (psutil.NoSuchProcess, psutil.ZombieProcess, ProcessLookupError, FileNotFoundError, PermissionError):
                continue
        self.peak_pss = max(self.peak_pss, total)


def _kind(process: psutil.Process) -> str:
    if process.pid == os.getpid():
        return "driver"
    line = process.cmdline()
    first = line[0] if line else process.name()
    if first.startswith("ray::"):
        return first.split("(")[0][:48]
    words = " ".join(line)
    for mark in ("default_worker.py", "gcs_server", "raylet", "haproxy", "monitor.py", "dashboard", "log_monitor", "runtime_env"):
        if mark in words:
            return mark
    return Path(first).name[:32]


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
