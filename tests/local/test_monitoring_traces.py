"""The observed renderer: every shot counts once, and has its span below the order's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cluster.engine import reader, registry, storage
from cluster.logs import about, start_logging
from cluster.monitoring.meter import LocalMeter
from cluster.monitoring.observed import ObservedRenderer
from cluster.monitoring.otel import root_of, start_tracing, stop_tracing
from cluster.monitoring.settings import Monitoring
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.product import Product, ProductImage
from studio.shot import Done, Shot
from templates.library import Library
from tests import sample
from tests.local.receiver import receiving
from tests.local.running import photo, running
from tests.unit.test_monitoring_meter import value


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    start_tracing(exporter, at_once=True)
    yield exporter
    stop_tracing()


def test_a_shot_counts_once_also_when_two_ask_for_it_at_once(renderer: ObservedRenderer, meter: LocalMeter, shot: Shot) -> None:
    async def both() -> None:
        await asyncio.gather(renderer.render([shot]), renderer.render([shot, shot]))

    asyncio.run(both())
    assert value(meter, "packshot_shots_total") == 3
    assert value(meter, "packshot_reuse_total", result="shot") == 2
    assert value(meter, "packshot_model_calls_total") == 1
    assert value(meter, "packshot_render_seconds_count") == 2


@pytest.fixture
def shot(tmp_path: Path) -> Shot:
    sample.photo(tmp_path / "a.png", 1)
    image = ProductImage(uri=str(tmp_path / "a.png"), digest=digest_bytes((tmp_path / "a.png").read_bytes()))
    library = Library.default(extra=(sample.art(tmp_path / "art"),))
    product = Product(sku="A", title="A", category="Test", images=(image,))
    return Shot(product=product, template=library.template("tiny-grey"), destination=library.destination("tiny"), images=(image,))


@pytest.fixture
def meter() -> LocalMeter:
    return LocalMeter()


@pytest.fixture
def renderer(tmp_path: Path, meter: LocalMeter) -> ObservedRenderer:
    settings = sample.settings(tmp_path)
    store = storage(settings)
    return ObservedRenderer(LocalModels(registry(settings)), store, reader(settings, store), settings.prices, meter)


def named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [one for one in spans.get_finished_spans() if one.name == name]


def above(spans: InMemorySpanExporter, span: ReadableSpan) -> list[str]:
    """Names from a span up to its root."""
    by_id = {one.context.span_id: one for one in spans.get_finished_spans() if one.context}
    found = [span.name]
    while span.parent and span.parent.span_id in by_id:
        span = by_id[span.parent.span_id]
        found.append(span.name)
    return found


def test_another_process_hangs_its_spans_below_the_request(
    spans: InMemorySpanExporter, renderer: ObservedRenderer, shot: Shot
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"

    async def replica() -> Done:
        with about(trace=trace):
            (outcome,) = await renderer.render([shot])
        assert isinstance(outcome, Done)
        return outcome

    outcome = asyncio.run(replica())
    finished = spans.get_finished_spans()
    assert {format(one.context.trace_id, "032x") for one in finished if one.context} == {trace}
    (render,) = named(spans, "render")
    assert render.parent
    assert format(render.parent.span_id, "016x") == root_of(trace)
    (asset,) = named(spans, "asset")
    assert above(spans, asset) == ["asset", "render"]
    assert asset.attributes
    assert asset.attributes["packshot.asset"] == outcome.asset.digest
    steps = [one.name for one in finished if one.name.startswith("step ")]
    assert steps[0] == "step decode"
    assert {"step cutout", "step encode"} <= set(steps)


def test_a_trace_goes_from_the_request_to_the_asset(spans: InMemorySpanExporter, tmp_path: Path) -> None:
    with running(tmp_path) as service, service.client() as http:
        asset = http.post("/v1/assets", content=photo(5)).json()["hash"]
        body = {"input": {"asset": asset}, "template": "tiny-grey"}
        answer = http.post("/v1/images", json=body, headers={"prefer": "wait=60"})
        made = answer.json()
        assert made["state"] == "succeeded", answer.text
    _, trace, own, flags = answer.headers["traceparent"].split("-")
    assert (own, flags) == (root_of(trace), "01")
    here = [one for one in spans.get_finished_spans() if one.context and format(one.context.trace_id, "032x") == trace]
    (shown,) = [one for one in here if one.name == "asset"]
    assert above(spans, shown) == ["asset", "render", "order render", "order", "POST /v1/images"]
    assert shown.attributes
    assert shown.attributes["packshot.asset"] == made["assets"][0]["hash"]
    (request,) = [one for one in here if one.name == "POST /v1/images"]
    assert request.parent is None
    assert request.context
    assert format(request.context.span_id, "016x") == own
    assert {one.name for one in here} >= {"order publish", "step cutout"}
    (order,) = [one for one in here if one.name == "order"]
    assert order.attributes
    assert order.attributes["packshot.order"] == made["id"]


def test_a_callers_trace_is_taken_up(spans: InMemorySpanExporter, tmp_path: Path) -> None:
    theirs = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with running(tmp_path) as service, service.client() as http:
        answer = http.get("/v1/orders", headers={"traceparent": theirs})
        assert http.get("/healthz").status_code == 200
    (request,) = named(spans, "GET /v1/orders")
    assert request.context
    assert request.parent
    assert format(request.context.trace_id, "032x") == theirs.split("-")[1]
    assert format(request.parent.span_id, "016x") == theirs.split("-")[2]
    assert answer.headers["traceparent"].split("-")[2] == format(request.context.span_id, "016x")


def test_spans_go_to_a_collector_where_the_settings_say_so(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra `otlp` is not installed")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    root, trace = logging.getLogger(), "ab" * 16
    before = list(root.handlers)
    with receiving() as collector:
        monitoring = Monitoring(otlp=f"{collector.url}/v1/traces")
        try:
            start_logging(tmp_path, monitoring=monitoring)
            with about(order="ord_1", trace=trace), about(step="render"):
                pass
        finally:
            stop_tracing()
            for handler in set(root.handlers) - set(before):
                root.removeHandler(handler)
                handler.close()
    (sent,) = collector.at("/v1/traces")
    assert sent.headers["content-type"] == "application/x-protobuf"
    (resource,) = ExportTraceServiceRequest.FromString(sent.body).resource_spans
    found = [span for scope in resource.scope_spans for span in scope.spans]
    assert sorted(span.name for span in found) == ["order", "order render"]
    assert {span.trace_id.hex() for span in found} == {trace}
    assert {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"] == "packshot"


def test_a_share_of_the_traces_is_the_same_in_every_process() -> None:
    kept: list[set[str]] = []
    traces = [f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}{number * 0xC2B2AE3D27D4EB4F % 2**64:016x}" for number in range(1, 400)]
    for _ in range(2):
        exporter = InMemorySpanExporter()
        start_tracing(exporter, share=0.25, at_once=True)
        for trace in traces:
            with about(trace=trace, order="ord_1"):
                pass
        kept.append({format(one.context.trace_id, "032x") for one in exporter.get_finished_spans() if one.context})
        stop_tracing()
    assert kept[0] == kept[1]
    assert 60 < len(kept[0]) < 140


def test_nothing_is_recorded_while_it_is_off(renderer: ObservedRenderer, shot: Shot, tmp_path: Path) -> None:
    with running(tmp_path / "service") as service, service.client() as http:
        answer = http.get("/v1/orders")
    assert answer.headers["traceparent"].endswith("-00")
    with about(order="ord_1", trace="f" * 32):
        assert isinstance(asyncio.run(renderer.render([shot]))[0], Done)
