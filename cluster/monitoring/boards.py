"""Grafana dashboards as rows of panels. `python -m cluster.monitoring.boards` writes `dashboards/*.json` from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parent / "dashboards"
RATE = "$__rate_interval"
_DATA = {"type": "prometheus", "uid": "${datasource}"}
_SCHEMA = 39
"""`schemaVersion` of Grafana 11; newer ones read it."""
_WIDTH, _HEIGHT, _ACROSS = 8, 8, 3


@dataclass(frozen=True, slots=True)
class Line:
    """One expression of a panel, and what its series are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph, or one number. `unit` is one of Grafana's."""

    title: str
    lines: tuple[Line, ...]
    unit: str = "short"
    kind: Literal["timeseries", "stat"] = "timeseries"
    says: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard. `name` is its file's."""

    name: str
    title: str
    panels: tuple[Panel, ...]


def _share(part: str, whole: str) -> str:
    """A share that is 0, and not nothing, while there is no work."""
    return f"{part} / scalar(clamp_min({whole}, 1e-9))"


def _rate(name: str, by: str = "", where: str = "") -> str:
    return f"sum{f' by ({by}) ' if by else ''}(rate({name}{where}[{RATE}]))"


def _quantile(share: float, name: str, by: str, where: str = "") -> str:
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({name}_bucket{where}[{RATE}])))"


_REJECTED = '{outcome="rejected"}'
_FAILS = '{status=~"5..", status!="503"}'

BOARDS = (
    Board(
        "overview",
        "Packshot: overview",
        (
            Panel("Orders open", (Line("max by (priority) (packshot_orders_waiting)", "{{priority}}"),)),
            Panel("Oldest queued order", (Line("max by (priority) (packshot_order_age_seconds)", "{{priority}}"),), "s"),
            Panel("Alerts firing", (Line('count(ALERTS{alertstate="firing"}) or vector(0)'),), kind="stat"),
            Panel("Shots", (Line(_rate("packshot_shots_total", "outcome"), "{{outcome}}"),), "ops"),
            Panel(
                "Shots that the store knew",
                (Line(_share(_rate("packshot_reuse_total", "result"), _rate("packshot_reuse_total")), "{{result}}"),),
                "percentunit",
            ),
            Panel("Orders ended in the last hour", (Line("max by (state) (packshot_orders_ended)", "{{state}}"),)),
            Panel("Requests", (Line(_rate("packshot_http_requests_total", "status"), "{{status}}"),), "reqps"),
            Panel(
                "Requests that fail",
                (
                    Line(
                        _share(
                            f"({_rate('packshot_http_requests_total', where=_FAILS)} or vector(0))",
                            _rate("packshot_http_requests_total"),
                        )
                    ),
                ),
                "percentunit",
            ),
            Panel("Time to answer, p95", (Line(_quantile(0.95, "packshot_http_request_seconds", "route"), "{{route}}"),), "s"),
            Panel("Orders accepted", (Line(_rate("packshot_orders_accepted_total", "priority"), "{{priority}}"),), "ops"),
            Panel("Orders answered at once", (Line(_rate("packshot_cache_lookups_total", "result"), "{{result}}"),), "ops"),
            Panel("Readings that work", (Line("min by (source) (packshot_reading)", "{{source}}"),), kind="stat"),
        ),
    ),
    Board(
        "pictures",
        "Packshot: pictures",
        (
            Panel("Step, p50", (Line(_quantile(0.5, "packshot_step_seconds", "step"), "{{step}}"),), "s"),
            Panel("Step, p95", (Line(_quantile(0.95, "packshot_step_seconds", "step"), "{{step}}"),), "s"),
            Panel("A renderer's call, p95", (Line(_quantile(0.95, "packshot_render_seconds", "tier"), "{{tier}}"),), "s"),
            Panel("Rejections by reason", (Line(_rate("packshot_rejections_total", "reason"), "{{reason}}"),), "ops"),
            Panel(
                "Rejected, by template",
                (
                    Line(
                        f"{_rate('packshot_shots_total', 'template', _REJECTED)} / {_rate('packshot_shots_total', 'template')}",
                        "{{template}}",
                    ),
                ),
                "percentunit",
            ),
            Panel("Failures by code", (Line(_rate("packshot_failures_total", "code"), "{{code}}"),), "ops"),
            Panel("Items that models answered", (Line(_rate("packshot_model_calls_total", "model"), "{{model}}"),), "ops"),
            Panel(
                "Drift of consistency since the run before",
                (Line("max by (template) (packshot_consistency_drift)", "{{template}}"),),
                says="In tolerances: beyond 1 the two runs do not look alike.",
            ),
            Panel("Shots by template", (Line(_rate("packshot_shots_total", "template"), "{{template}}"),), "ops"),
        ),
    ),
    Board(
        "shops",
        "Packshot: shops and webhooks",
        (
            Panel("Products waiting", (Line("max by (connection) (packshot_products_waiting)", "{{connection}}"),)),
            Panel("Publish lag", (Line("max by (connection) (packshot_publish_lag_seconds)", "{{connection}}"),), "s"),
            Panel("Messages late", (Line("max by (direction) (packshot_webhook_lag_seconds)", "{{direction}}"),), "s"),
            Panel("Webhook deliveries", (Line("max by (state) (packshot_deliveries)", "{{state}}"),)),
            Panel("Sets published in the last hour", (Line("max by (outcome) (packshot_publications)", "{{outcome}}"),)),
            Panel(
                "A shop's message, p99",
                (Line(_quantile(0.99, "packshot_http_request_seconds", "route", '{route=~"/hooks/.*"}'), "{{route}}"),),
                "s",
            ),
        ),
    ),
    Board(
        "cost",
        "Packshot: cost and runs",
        (
            Panel("Cost per hour", (Line(f"3600 * {_rate('packshot_cost_total', 'currency, tier')}", "{{tier}} {{currency}}"),)),
            Panel(
                "Spent today",
                (
                    Line("max by (currency) (packshot_spent_today)", "spent {{currency}}"),
                    Line("max by (currency) (packshot_budget)", "budget {{currency}}"),
                ),
                says="Midnight to midnight, UTC. The budget is there where one is set.",
            ),
            Panel(
                "Budgets spent",
                (Line("max by (kind, name) (packshot_budget_share)", "{{kind}} {{name}}"),),
                "percentunit",
                says="Empty where no budget is set.",
            ),
            Panel("CPUs at work", (Line(_rate("packshot_cpu_seconds_total", "step"), "{{step}}"),)),
            Panel("GPUs at work", (Line(_rate("packshot_gpu_seconds_total", "step"), "{{step}}"),)),
            Panel(
                "GPU duty",
                (Line(f"{_rate('packshot_gpu_seconds_total')} / clamp_min(max(packshot_gpus), 1)"),),
                "percentunit",
                says="Share of the GPUs that the profile may hold at most. Idle GPUs that are held: Ray's own dashboard.",
            ),
            Panel("Seconds lost with their machines", (Line(f"{_rate('packshot_lost_seconds_total')} or vector(0)"),)),
            Panel("Runs running", (Line("max(packshot_runs_running)"),), kind="stat"),
            Panel("Silence of a running run", (Line("max(packshot_run_silence_seconds)"),), "s"),
        ),
    ),
)


def document(board: Board) -> dict[str, Any]:
    """The board as Grafana imports it."""
    variable = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    return {
        "uid": f"packshot-{board.name}",
        "title": board.title,
        "tags": ["packshot"],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [variable]},
        "panels": list(_panels(board)),
    }


def _panels(board: Board) -> Iterator[dict[str, Any]]:
    for place, panel in enumerate(board.panels):
        row, column = divmod(place, _ACROSS)
        yield {
            "id": place + 1,
            "title": panel.title,
            "type": panel.kind,
            "description": panel.says,
            "datasource": _DATA,
            "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
            "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
            "targets": [
                {"refId": "ABCDEF"[number], "expr": line.expr, "legendFormat": line.legend, "datasource": _DATA}
                for number, line in enumerate(panel.lines)
            ],
        }


def text(board: Board) -> str:
    """The board's file."""
    return json.dumps(document(board), indent=1) + "\n"


def write(folder: Path = FOLDER) -> None:
    """Write every board's file."""
    folder.mkdir(parents=True, exist_ok=True)
    for board in BOARDS:
        (folder / f"{board.name}.json").write_text(text(board))


if __name__ == "__main__":
    write()
