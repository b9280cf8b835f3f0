"""Figures of the HTTP service for Prometheus, by the names of `cluster.monitoring.catalogue`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from cluster.monitoring.catalogue import FIGURES
from cluster.monitoring.meter import LocalMeter, Meter, in_ray, process_meter
from cluster.monitoring.readings import Sample
from serve_apps.http.tracing import answered

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MEDIA_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """Counters of one ingress process. Each app has its own registry; on Ray, Ray's agent shows the counters instead."""

    def __init__(self) -> None:
        self._meter: Meter = process_meter() if in_ray() else LocalMeter()

    def request(self, scope: Mapping[str, Any], status: int, seconds: float) -> None:
        """Count a finished request."""
        route = str(getattr(scope.get("route"), "path", "") or "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._meter.add("packshot_http_requests", method=method, route=route, status=str(status))
        self._meter.observe("packshot_http_request_seconds", seconds, route=route)
        answered(scope, method, route, status, seconds)

    def lookup(self, *, hit: bool) -> None:
        """Count an order whose images the ingress looked for in the store."""
        self._meter.add("packshot_cache_lookups", result="hit" if hit else "miss")

    def accepted(self, priority: str, count: int = 1) -> None:
        """Count accepted orders."""
        self._meter.add("packshot_orders_accepted", count, priority=priority)

    def text(self, waiting: Mapping[str, int], read: Iterable[Sample] = ()) -> bytes:
        """Everything in Prometheus' text format. `waiting`: orders queued or running, by priority; `read`: what is read from
        databases and runs for this scrape."""
        orders = (Sample("packshot_orders_waiting", (name,), waiting.get(name, 0)) for name in ("standard", "urgent"))
        counted = self._meter.text()
        if process_meter() is not self._meter:
            counted += process_meter().text()
        return counted + generate_latest(_Once([*orders, *read]))


class _Once(CollectorRegistry):
    """Readings taken for one scrape."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        super().__init__()
        self._samples = list(samples)

    def collect(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for sample in self._samples:
            figure = FIGURES[sample.name]
            if sample.name not in families:
                families[sample.name] = GaugeMetricFamily(figure.name, figure.help, labels=figure.labels)
            families[sample.name].add_metric(sample.labels, sample.value)
        yield from families.values()
