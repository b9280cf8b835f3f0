"""How long a replica took until it could work, phase by phase: measured in the replica, said in its log, asked for by doctor."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

log = logging.getLogger(__name__)


class Phases:
    """Seconds by phase. The first, `process`, is what passed between the process's start and this object: Ray's own start and
    imports, and any time for which Ray had kept the process ready."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seconds: dict[str, float] = {"process": max(0.0, time.time() - psutil.Process().create_time())}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Counts what the block takes; also that of one which fails."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - started

    def done(self) -> dict[str, float]:
        """Every phase, rounded to milliseconds; one line of the log."""
        seconds = {name: round(value, 3) for name, value in self._seconds.items()}
        log.info("%s is ready", self._name, extra={"replica": self._name, "pid": os.getpid(), "ready_s": seconds})
        return seconds
