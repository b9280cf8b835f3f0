"""Logs of the service: JSON lines that say which order, product, step and trace they are about."""

from __future__ import annotations

import json
import logging
import logging.handlers
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path

from cluster.monitoring.otel import TRACE, otlp, span, start_tracing, tracing
from cluster.monitoring.settings import Monitoring

__all__ = ["ORDER", "SKU", "STEP", "TRACE", "JsonLines", "about", "start_logging"]

ORDER: ContextVar[str] = ContextVar("order", default="")
SKU: ContextVar[str] = ContextVar("sku", default="")
STEP: ContextVar[str] = ContextVar("step", default="")
SUBJECTS = {"trace": TRACE, "order": ORDER, "sku": SKU, "step": STEP}
OURS = ("studio", "connectors", "templates", "cluster", "pipelines", "serve_apps")
FILE = Path("logs") / "service.jsonl"
_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@contextmanager
def about(**subjects: str) -> Iterator[None]:
    """Inside the block, log lines carry these: trace, order, sku, step. Raises KeyError for any other name. An order, and a step
    of one, is a span."""
    with ExitStack() as stack:
        for name, value in subjects.items():
            stack.callback(SUBJECTS[name].reset, SUBJECTS[name].set(value))
        if tracing() and (what := subjects.get("step") or ("order" if "order" in subjects else "")):
            said = {name: value for name, variable in SUBJECTS.items() if name != "trace" and (value := variable.get())}
            stack.enter_context(span("order" if what == "order" else f"order {what}", **said))
        yield


class JsonLines(logging.Formatter):
    """One JSON object a record: time, level, logger, process, message, the subjects that are known, what `extra` adds."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        line |= {name: value for name, variable in SUBJECTS.items() if (value := variable.get())}
        line |= {name: value for name, value in vars(record).items() if name not in _KNOWN and name[0] != "_"}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def start_logging(home: Path, level: int = logging.INFO, *, monitoring: Monitoring | None = None) -> Path:
    """Write this process's log lines to `<home>/logs/service.jsonl`, which all processes of the service append to and which may
    be moved away at any time (log rotation). Calling it again changes nothing. Other libraries: warnings and worse. Record spans
    where `monitoring` says so. Raises SettingsError."""
    if monitoring is not None and monitoring.otlp and not tracing():
        start_tracing(otlp(monitoring.otlp), share=monitoring.traces)
    path = (home / FILE).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    root = logging.getLogger()
    if any(isinstance(h, logging.handlers.WatchedFileHandler) and Path(h.baseFilename) == path for h in root.handlers):
        return path
    handler = logging.handlers.WatchedFileHandler(path, encoding="utf-8")
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    return path
