"""`Pace`: how fast a vendor may be called, kept by us so that it need not be enforced by them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """A leaky bucket of `burst` units that refills at `per_s` a second. Thread-safe; one for each connection of a process."""

    def __init__(
        self,
        per_s: float,
        burst: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._per_s, self._burst, self._clock, self._sleep = per_s, burst, clock, sleep
        self._lock = threading.Lock()
        self._left, self._at, self._closed_until = burst, clock(), 0.0

    def take(self, cost: float = 1.0) -> None:
        """Wait until so many units are there, and take them. More than the whole bucket counts as the whole bucket."""
        wait = self._claim(min(cost, self._burst))
        if wait > 0:
            self._sleep(wait)

    def told(self, left: float, *, burst: float | None = None, per_s: float | None = None) -> None:
        """What the vendor says is left, and the size and speed of its bucket: it also serves others."""
        with self._lock:
            self._refill()
            self._burst, self._per_s = burst or self._burst, per_s or self._per_s
            self._left = min(self._left, left, self._burst)

    def pause(self, seconds: float) -> None:
        """The vendor asked for silence."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    def _claim(self, cost: float) -> float:
        """Take now, and say how long the caller has to wait for it: who comes later waits longer."""
        with self._lock:
            self._refill()
            self._left -= cost
            debt = max(0.0, -self._left) / self._per_s
            return max(debt, self._closed_until - self._clock(), 0.0)

    def _refill(self) -> None:
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
