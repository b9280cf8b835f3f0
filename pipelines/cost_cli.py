"""`packshot cost` and `packshot times`: what was spent on what, how budgets stand, and how long pictures took to the shop."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from studio.errors import InputError

if TYPE_CHECKING:
    from cluster.metering.budgets import BudgetState
    from connectors.lead_times import Spread
    from connectors.spend import Sum

out = Console(highlight=False, soft_wrap=True)
FIGURES = ("images", "released", "cpu_s", "gpu_s", "lost_s", "price")
WIDE = 240
DAYS = 30
"""What is looked at when no day is named."""
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout")]
Since = Annotated[str, typer.Option(help="First day, YYYY-MM-DD, UTC; default: 30 days ago")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("cost")(cost)
    app.command("times")(times)


def cost(
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="run, day, tier, brand, template, destination, step or model; repeat, or with commas"),
    ] = None,
    since: Since = "",
    until: Annotated[str, typer.Option(help="Last day, YYYY-MM-DD, UTC")] = "",
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="GROUP=VALUE, as run=orders: that alone; repeat"),
    ] = None,
    as_json: Json = False,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write the groups as CSV to this file")] = None,
) -> None:
    """What was spent, in groups, beside the budgets and what a photo studio would have cost.

    Exit code 0; 4 when a budget that stops is spent.
    """
    from cluster.metering.budgets import BudgetBook
    from cluster.metering.comparison import compare
    from cluster.metering.tariff import Tariff
    from cluster.settings import load_settings
    from connectors.spend import Spend

    settings = load_settings()
    spend, tariff = Spend(settings.records), Tariff(settings.prices)
    groups = _groups(by)
    first, last, chosen = _first(since), _day(until, "--until") if until else None, _only(only)
    sums = spend.sums(groups, since=first, until=last, only=chosen)
    total = spend.sums(since=first, until=last, only=chosen)[0]
    states = BudgetBook(settings.budgets, spend, tariff.currency).states(chosen.get("run", ""))
    beside = compare(total.released, total.price, tariff.currency, settings.photo_studio)
    if csv_file is not None:
        csv_file.write_text(_csv(groups, sums, tariff.currency), newline="")
    if as_json:
        document = {
            "since": str(first), "until": str(last) if last else None, "currency": tariff.currency, "prices": tariff.source,
            "by": groups, "groups": [_document(groups, one) for one in sums], "total": _document((), total),
            "budgets": [state.document() for state in states], "studio": {**asdict(beside), "saved": beside.saved},
        }  # fmt: skip
        typer.echo(json.dumps(document))
    else:
        _show(groups, sums, total, tariff.currency)
        out.print(f"since {first}; prices: {escape(tariff.source)}")
        _show_budgets(states, tariff.currency)
        if beside.pictures:
            out.print(escape(beside.say()))
    raise typer.Exit(4 if any(state.level == "stop" for state in states) else 0)


def times(
    since: Since = "",
    connection: Annotated[str, typer.Option(help="One connection alone")] = "",
    as_json: Json = False,
) -> None:
    """Time to market: source change to released picture to live in the shop, and order and run to release, by percentile."""
    from cluster.settings import load_settings
    from connectors.database import Database
    from connectors.lead_times import of_orders, of_runs, of_trips, trips
    from connectors.online.store import online
    from connectors.tables import SCHEMA_VERSION, metadata

    settings = load_settings()
    records = Database(settings.records, metadata, "records", SCHEMA_VERSION)
    orders = online(settings.online)
    first = _first(since)
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    spreads = of_trips(trips(records, orders, start, connection=connection))
    if not connection:
        spreads += [*of_orders(orders, start), of_runs(records, start)]
    if as_json:
        typer.echo(json.dumps({"since": str(first), "connection": connection, "times": [asdict(one) for one in spreads]}))
        return
    _show_times(spreads)
    out.print(f"since {first}; seconds at the percentile, nearest rank")


def _groups(by: Sequence[str] | None) -> tuple[str, ...]:
    """Raises InputError where nothing is named."""
    return tuple(dict.fromkeys(name.strip() for text in by or ("step,model",) for name in text.split(",") if name.strip()))


def _first(since: str) -> date:
    return _day(since, "--since") if since else datetime.now(UTC).date() - timedelta(days=DAYS)


def _day(text: str, option: str) -> date:
    """Raises InputError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option}: {text!r} is no day; write YYYY-MM-DD") from None


def _only(given: Sequence[str] | None) -> dict[str, str]:
    """Raises InputError."""
    pairs = [text.partition("=") for text in given or ()]
    if wrong := [name for name, sign, _ in pairs if not sign]:
        raise InputError(f"--only: write GROUP=VALUE, not {', '.join(wrong)}")
    return {name: value for name, _, value in pairs}


def _document(groups: Sequence[str], one: Sum) -> dict[str, Any]:
    figures = {name: getattr(one, name) for name in FIGURES}
    return {**dict(zip(groups, one.group, strict=True)), **figures, "price_an_image": _each(one)}


def _each(one: Sum) -> float | None:
    return one.price / one.images if one.images else None


def _csv(groups: Sequence[str], sums: Sequence[Sum], currency: str) -> str:
    """Numbers as they are; text that a spreadsheet would take for a formula gets an apostrophe."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow([*groups, *FIGURES, "currency"])
    for one in sums:
        names = [f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name for name in one.group]
        writer.writerow([*names, *(getattr(one, name) for name in FIGURES), currency])
    return stream.getvalue()


def _show(groups: Sequence[str], sums: Sequence[Sum], total: Sum, currency: str) -> None:
    table = Table()
    for name in groups:
        table.add_column(name, overflow="fold")
    for name in ("images", "released", "CPU s", "GPU s", "lost s", currency, "an image", "%"):
        table.add_column(name, justify="right")
    for one in sums:
        share = f"{100 * one.price / total.price:.1f}" if total.price else ""
        table.add_row(*(escape(name) or "-" for name in one.group), *_figures(one), share)
    table.add_section()
    table.add_row("total", *[""] * (len(groups) - 1), *_figures(total), "")
    _wide().print(table)


def _wide() -> Console:
    """A file or a pipe has no width to fold a table to."""
    return out if out.is_terminal else Console(highlight=False, soft_wrap=True, width=WIDE)


def _figures(one: Sum) -> list[str]:
    each = f"{one.price / one.images:.3g}" if one.images else ""
    counts = [f"{one.images:,}" if one.images else "", f"{one.released:,}" if one.images else ""]
    return [
        *counts,
        f"{one.cpu_s:,.1f}",
        f"{one.gpu_s:,.1f}",
        f"{one.lost_s:,.1f}",
        f"{one.price:.4g}",
        each,
    ]


def _show_budgets(states: Sequence[BudgetState], currency: str) -> None:
    colours = {"ok": "green", "warn": "yellow", "over": "yellow", "stop": "red"}
    for state in states:
        out.print(f"[{colours[state.level]}]{state.level:4}[/] {escape(state.say(currency))}")


def _show_times(spreads: Sequence[Spread]) -> None:
    table = Table("from -> to")
    for name in ("count", "p50", "p90", "p95", "p99", "longest"):
        table.add_column(name, justify="right")
    for one in spreads:
        seconds = [f"{value:,.1f}" for value in (*one.percentiles, one.longest)] if one.count else [""] * 5
        table.add_row(one.name, str(one.count), *seconds)
    _wide().print(table)
