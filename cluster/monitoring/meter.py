"""Where figures go: into a registry of this process, or, in a Ray worker, through Ray to the node's metrics agent.

Of several replicas behind one address a scrape reaches one, so their counters must not be read there: Ray's agent has them all,
with the worker as a label (`prometheus.yml` takes the prefix `ray_` off again).
"""

from __future__ import annotations

import sys
import threading
from abc import ABC, abstractmethod
from functools import cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from cluster.monitoring.catalogue import FIGURES, MOST, OTHER, Figure


class Meter(ABC):
    """Counts by the names of the catalogue. Thread-safe; a name or label that is not in the catalogue raises KeyError."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self._seen: dict[tuple[str, str], set[str]] = {}
        self._lock = threading.Lock()

    def add(self, name: str, amount: float = 1.0, **labels: str) -> None:
        """Count on; 0 makes the series appear."""
        self._add(self._metric(name), amount, self._bounded(name, labels))

    def observe(self, name: str, value: float, **labels: str) -> None:
        """One more value of a histogram, in seconds."""
        self._observe(self._metric(name), value, self._bounded(name, labels))

    def text(self) -> bytes:
        """Everything in Prometheus' text format; empty where somebody else shows it."""
        return b""

    @abstractmethod
    def _make(self, figure: Figure) -> Any: ...

    @abstractmethod
    def _add(self, metric: Any, amount: float, labels: dict[str, str]) -> None: ...

    @abstractmethod
    def _observe(self, metric: Any, value: float, labels: dict[str, str]) -> None: ...

    def _metric(self, name: str) -> Any:
        if name not in self._made:
            with self._lock:
                if name not in self._made:
                    self._made[name] = self._make(FIGURES[name])
        return self._made[name]

    def _bounded(self, name: str, labels: dict[str, str]) -> dict[str, str]:
        """The labels in the catalogue's order; a value too many becomes `other`."""
        found = {}
        for label in FIGURES[name].labels:
            value, seen = labels[label], self._seen.setdefault((name, label), set())
            if value not in seen:
                with self._lock:
                    if len(seen) < MOST:
                        seen.add(value)
            found[label] = value if value in seen else OTHER
        return found


class LocalMeter(Meter):
    """A registry of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._registry = CollectorRegistry()

    def text(self) -> bytes:
        """Everything counted so far."""
        return generate_latest(self._registry)

    def _make(self, figure: Figure) -> Any:
        named: dict[str, Any] = {"labelnames": figure.labels, "registry": self._registry}
        if figure.kind == "histogram":
            return Histogram(figure.name, figure.help, buckets=figure.buckets, **named)
        return (Counter if figure.kind == "counter" else Gauge)(figure.name, figure.help, **named)

    def _add(self, metric: Any, amount: float, labels: dict[str, str]) -> None:
        (metric.labels(**labels) if labels else metric).inc(amount)

    def _observe(self, metric: Any, value: float, labels: dict[str, str]) -> None:
        (metric.labels(**labels) if labels else metric).observe(value)


class RayMeter(Meter):
    """`ray.util.metrics`: Ray adds the worker as a label and puts `ray_` before the name."""

    def _make(self, figure: Figure) -> Any:
        from ray.util import metrics

        if figure.kind == "histogram":
            return metrics.Histogram(figure.name, figure.help, boundaries=list(figure.buckets), tag_keys=figure.labels)
        return metrics.Counter(figure.name, figure.help, tag_keys=figure.labels)

    def _add(self, metric: Any, amount: float, labels: dict[str, str]) -> None:
        if amount > 0:  # Ray refuses 0
            metric.inc(amount, tags=labels)

    def _observe(self, metric: Any, value: float, labels: dict[str, str]) -> None:
        metric.observe(value, tags=labels)


def in_ray() -> bool:
    """Whether this process belongs to a Ray that runs."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


@cache
def process_meter() -> Meter:
    """The meter of this process. Chosen at the first call."""
    return RayMeter() if in_ray() else LocalMeter()
