"""OpenTelemetry spans from the request to the asset: off, and free, until `start_tracing` is called.

What travels between processes, rows and log lines is the trace id alone (32 hex digits). A trace that begins with us therefore
has its root's span id derived from the trace id (`root_of`), so that an order that is carried out later, elsewhere, hangs below
its request. Of several changing requests in one trace of the caller's all have that id.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING, Any

from studio.errors import SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

TRACE: ContextVar[str] = ContextVar("trace", default="")
"""W3C trace id, 32 lowercase hex digits: the same from the HTTP request to the asset's lineage."""
_PREFIX = "packshot."
_provider: TracerProvider | None = None
_tracer: Tracer | None = None
_span_id: ContextVar[str] = ContextVar("packshot_span_id", default="")


def root_of(trace: str) -> str:
    """Span id (16 hex digits) of the request that began a trace."""
    return hashlib.blake2b(bytes.fromhex(trace), digest_size=8, person=b"packshot-root").hexdigest()


def tracing() -> bool:
    """Whether spans are recorded in this process."""
    return _tracer is not None


def start_tracing(exporter: SpanExporter, *, share: float = 1.0, at_once: bool = False) -> None:
    """Record spans of this process from now on, of a share of the traces: the same ones in every process. `at_once` exports each
    span as it ends, instead of in batches. A second call replaces the first."""
    global _provider, _tracer
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    stop_tracing()
    _provider = TracerProvider(
        sampler=TraceIdRatioBased(share),
        resource=Resource.create({"service.name": "packshot"}),
        id_generator=_ids(),
        shutdown_on_exit=True,
    )
    _provider.add_span_processor(SimpleSpanProcessor(exporter) if at_once else BatchSpanProcessor(exporter))
    _tracer = _provider.get_tracer("packshot")


def stop_tracing() -> None:
    """Export what is left and record nothing more."""
    global _provider, _tracer
    if _provider is not None:
        _provider.shutdown()
    _provider = _tracer = None


def otlp(endpoint: str) -> SpanExporter:
    """Exports over OTLP/HTTP to `endpoint` (`http://collector:4318/v1/traces`). Raises SettingsError without the extra `otlp`."""
    try:
        module = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ModuleNotFoundError as error:
        raise SettingsError(f"monitoring.otlp: install packshot[otlp] ({error.name} is missing)") from None
    exporter: SpanExporter = module.OTLPSpanExporter(endpoint=endpoint)
    return exporter


@contextmanager
def span(name: str, **said: Any) -> Iterator[None]:
    """The block as a span below the one around it; without one, below the root of this task's trace."""
    if _tracer is None:
        yield
        return
    with _tracer.start_as_current_span(name, _parent(), attributes={_PREFIX + key: value for key, value in said.items()}):
        yield


def request_span(name: str, seconds: float, *, trace: str, span_id: str, parent: str = "", **said: Any) -> None:
    """The span of a request that has just been answered after so many seconds, with the ids that its answer told."""
    if _tracer is None:
        return
    from opentelemetry.trace import SpanKind, StatusCode

    end = time.time_ns()
    trace_token, id_token = TRACE.set(trace), _span_id.set(span_id)
    try:
        made = _tracer.start_span(
            name,
            _remote(trace, parent) if parent else _nobody(),
            SpanKind.SERVER,
            {_PREFIX + key: value for key, value in said.items()},
            start_time=end - int(seconds * 1e9),
        )
    finally:
        _span_id.reset(id_token)
        TRACE.reset(trace_token)
    if said.get("status", 0) >= 500:
        made.set_status(StatusCode.ERROR)
    made.end(end)


def _parent() -> Any:
    """None for the span around this one; the root of the task's trace where there is none, or it belongs to another trace."""
    from opentelemetry import trace as api

    trace, around = TRACE.get(), api.get_current_span().get_span_context()
    if not trace or (around.is_valid and around.trace_id == int(trace, 16)):
        return None
    return _remote(trace, root_of(trace))


def _remote(trace: str, span_id: str) -> Any:
    from opentelemetry import trace as api

    flags = api.TraceFlags(api.TraceFlags.SAMPLED)
    above = api.SpanContext(int(trace, 16), int(span_id, 16), is_remote=True, trace_flags=flags)
    return api.set_span_in_context(api.NonRecordingSpan(above), _nobody())


def _nobody() -> Any:
    from opentelemetry.context import Context

    return Context()


def _ids() -> Any:
    """Ids of the SDK's, except where a request has told its own already."""
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            return int(TRACE.get(), 16) if TRACE.get() else super().generate_trace_id()

        def generate_span_id(self) -> int:
            return int(_span_id.get(), 16) if _span_id.get() else super().generate_span_id()

    return Ids()
