"""Figures of the HTTP service for Prometheus. Labels are few: routes by template, states, priorities; never ids or keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MEDIA_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """Counters of one ingress process. Each app has its own registry."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter("packshot_http_requests", "Requests.", ("method", "route", "status"), registry=self._registry)
        self._seconds = Histogram(
            "packshot_http_request_seconds", "Time to answer.", ("route",), buckets=_BUCKETS, registry=self._registry
        )
        self._hits = Counter(
            "packshot_cache_lookups", "Orders looked up in the store by the ingress.", ("result",), registry=self._registry
        )
        self._orders = Counter(
            "packshot_orders_accepted", "Orders accepted by this process.", ("priority",), registry=self._registry
        )

    def request(self, scope: Mapping[str, Any], status: int, seconds: float) -> None:
        """Count a finished request."""
        route = str(getattr(scope.get("route"), "path", "") or "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def lookup(self, *, hit: bool) -> None:
        """Count an order whose images the ingress looked for in the store."""
        self._hits.labels("hit" if hit else "miss").inc()

    def accepted(self, priority: str, count: int = 1) -> None:
        """Count accepted orders."""
        self._orders.labels(priority).inc(count)

    def text(self, waiting: Mapping[str, int]) -> bytes:
        """Everything in Prometheus' text format. `waiting`: orders queued or running, by priority."""
        return generate_latest(self._registry) + generate_latest(_Once(waiting))


class _Once(CollectorRegistry):
    """A reading taken for one scrape."""

    def __init__(self, waiting: Mapping[str, int]) -> None:
        super().__init__()
        self._waiting = waiting

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily("packshot_orders_waiting", "Orders queued or running.", labels=["priority"])
        for priority in ("standard", "urgent"):
            family.add_metric([priority], self._waiting.get(priority, 0))
        yield family
