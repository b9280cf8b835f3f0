"""Every figure that Packshot shows to Prometheus: name, kind, labels, meaning. The table in docs/monitoring.md is made of it.

Labels are bounded: by code (states, routes, steps, models), by the library (templates) or by the settings (connections); a label
that has had `MOST` values counts every further one as `other`. Never a label: ids, SKUs, keys, addresses, runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "histogram", "gauge"]
MOST = 300
"""Values of one label in one process; a library of 300 templates is the longest list."""
OTHER = "other"
FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
WORK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0)


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric. `name` is without the `_total` that a counter gets, `buckets` are upper bounds of a histogram in seconds."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """Names under which Prometheus keeps it."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (f"{self.name}_total" if self.kind == "counter" else self.name,)


_COUNTED = (
    Figure("packshot_http_requests", "counter", "Requests.", ("method", "route", "status")),
    Figure("packshot_http_request_seconds", "histogram", "Time to answer a request.", ("route",), FAST),
    Figure("packshot_orders_accepted", "counter", "Orders accepted.", ("priority",)),
    Figure("packshot_cache_lookups", "counter", "Orders looked up in the store before anything is made.", ("result",)),
    Figure("packshot_shots", "counter", "Shots that went through a renderer.", ("outcome", "template", "tier")),
    Figure("packshot_rejections", "counter", "Shots that the policy does not release.", ("reason", "template")),
    Figure("packshot_failures", "counter", "Shots that could not be made, by error code.", ("code",)),
    Figure("packshot_reuse", "counter", "Shots by what the store knew of them: all (`shot`), some steps, nothing.", ("result",)),
    Figure("packshot_step_seconds", "histogram", "Wall time of a step of a recipe, per shot.", ("step",), WORK),
    Figure("packshot_render_seconds", "histogram", "Wall time of a renderer's call, for one chunk of shots.", ("tier",), WORK),
    Figure("packshot_cpu_seconds", "counter", "CPU-seconds of what was made.", ("step",)),
    Figure("packshot_gpu_seconds", "counter", "GPU-seconds of what was made.", ("step",)),
    Figure("packshot_lost_seconds", "counter", "Seconds of attempts that died with their process.", ("part",)),
    Figure("packshot_model_calls", "counter", "Items that models answered.", ("model",)),
    Figure("packshot_cost", "counter", "Price of what was made, at on-demand prices.", ("currency", "tier")),
)
_READ = (
    Figure("packshot_orders_waiting", "gauge", "Orders queued or running.", ("priority",)),
    Figure("packshot_order_age_seconds", "gauge", "Age of the oldest queued order; 0 without one.", ("priority",)),
    Figure("packshot_orders_ended", "gauge", "Orders of the last day that ended in the last hour.", ("state",)),
    Figure("packshot_products_waiting", "gauge", "Products that a shop told about and that are not done.", ("connection",)),
    Figure(
        "packshot_webhook_lag_seconds",
        "gauge",
        "How long the message is overdue that waits longest: `in` from shops, `out` to endpoints.",
        ("direction",),
    ),
    Figure("packshot_deliveries", "gauge", "Webhook deliveries pending, and those given up in the last hour.", ("state",)),
    Figure("packshot_publish_lag_seconds", "gauge", "Longest wait of a product to be looked at, made and live.", ("connection",)),
    Figure("packshot_publications", "gauge", "Sets published, refused or rolled back in the last hour.", ("outcome",)),
    Figure("packshot_runs_running", "gauge", "Nightly runs that have not ended."),
    Figure("packshot_run_silence_seconds", "gauge", "Longest time since a running run finished a chunk; 0 without one."),
    Figure("packshot_consistency_drift", "gauge", "How far a set moved since the run before, in tolerances.", ("template",)),
    Figure("packshot_gpus", "gauge", "GPUs that the profile's replicas may hold at most."),
    Figure("packshot_spent_today", "gauge", "What runs and orders cost since midnight UTC.", ("currency",)),
    Figure("packshot_budget", "gauge", "Budget of a day, where one is set.", ("currency",)),
    Figure("packshot_budget_share", "gauge", "Share of a budget that is spent.", ("kind", "name")),
    Figure("packshot_reading", "gauge", "1 while what is asked of a database or of the runs can be read, else 0.", ("source",)),
)
FIGURES: Mapping[str, Figure] = {figure.name: figure for figure in (*_COUNTED, *_READ)}


def series() -> frozenset[str]:
    """Every name that a rule or a panel may use."""
    return frozenset(name for figure in FIGURES.values() for name in figure.series)


def table() -> str:
    """The figures as a Markdown table."""
    lines = ["| figure | kind | labels | what it says |", "|---|---|---|---|"]
    for figure in FIGURES.values():
        name = figure.series[0] if figure.kind == "counter" else figure.name
        labels = ", ".join(f"`{label}`" for label in figure.labels)
        lines.append(f"| `{name}` | {figure.kind} | {labels} | {figure.help} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table())  # noqa: T201 - for docs/monitoring.md
