"""What a person sees in a terminal: progress, plans, summaries, tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from pipelines.estimate import Estimate
from pipelines.ledger import Totals
from pipelines.nightly import Summary
from pipelines.plan import Planned, Tally
from studio.models.registry import Registry
from templates.library import Library

SHOWN_PROBLEMS = 20
SHOWN_CHOICES = 40


class Quiet:
    """Looks on and says nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def phase(self, name: str) -> None:
        """Nothing."""

    def planned(self, due: int, tally: Tally) -> None:
        """Nothing."""

    def progress(self, totals: Totals) -> None:
        """Nothing."""


class Bar(Quiet):
    """A progress bar with rate, time left and counts; without a terminal, a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[counts]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("planning", total=None, rate="", counts="")
        self._due, self._said = 0, 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def phase(self, name: str) -> None:
        """Show what is being done."""
        self._progress.update(self._task, description=name)
        if not self._console.is_terminal:
            self._console.print(f"packshot: {name}")

    def planned(self, due: int, tally: Tally) -> None:
        """Show how much there is to do, and what is wrong with the catalogue."""
        self._due = due
        self._progress.update(self._task, total=due)
        for problem in tally.problems[:SHOWN_PROBLEMS]:
            self._console.print(f"[yellow]skipped[/yellow] {escape(str(problem))}")
        if len(tally.problems) > SHOWN_PROBLEMS:
            self._console.print(f"[yellow]... and {len(tally.problems) - SHOWN_PROBLEMS} more[/yellow]")

    def progress(self, totals: Totals) -> None:
        """Show how far it is."""
        done = sum(totals.status.values())
        counts = f"released {totals.status['released']} rejected {totals.status['rejected']} failed {totals.status['failed']}"
        speed = self._progress.tasks[0].speed or 0.0
        self._progress.update(self._task, completed=done, counts=counts, rate=f"{speed:.1f}/s" if speed else "")
        if not self._console.is_terminal and (done == self._due or done - self._said >= max(1, self._due / 10)):
            self._said = done
            self._console.print(f"packshot: {done}/{self._due}  {counts}")


def print_plan(console: Console, catalog: str, due: Sequence[Planned], tally: Tally, guess: Estimate) -> None:
    """The plan as a table: how many shots by template and reason, then what it takes."""
    table = Table(
        title=f"{escape(catalog)}: {len(due)} images due, {sum(tally.unchanged.values())} up to date", title_justify="left"
    )
    for column in ("template", "destination", "why", "images"):
        table.add_column(column, justify="right" if column == "images" else "left")
    groups: dict[tuple[str, str, str], int] = {}
    for item in due:
        place = (item.shot.template.key, item.shot.destination.id, item.why)
        groups[place] = groups.get(place, 0) + 1
    for (template, destination, why), count in sorted(groups.items()):
        table.add_row(template, destination, why, str(count))
    console.print(table)
    _print_choices(console, due, tally)
    calls = ", ".join(f"{name} {count}" for name, count in sorted(tally.calls.items())) or "none"
    console.print(f"model calls (at most): {calls}; images read for this plan: {tally.images_read}")
    console.print(
        f"estimate ({guess.basis}): {guess.wall_s:.0f} s on this profile, {sum(guess.seconds.values()):.0f} s of work, "
        f"{guess.cost:.4f} {guess.currency}"
    )
    for problem in tally.problems[:SHOWN_PROBLEMS]:
        console.print(f"[yellow]skipped[/yellow] {escape(str(problem))}")
    if tally.unmatched:
        console.print(f"[yellow]{tally.unmatched} products have no photo that a template can use[/yellow]")


def _print_choices(console: Console, due: Sequence[Planned], tally: Tally) -> None:
    """Which rule gave how many products their templates, and for products with something due, why."""
    if not tally.rules:
        return
    console.print(f"templates by rule: {', '.join(f'{rule} {count}' for rule, count in tally.rules.most_common())}")
    told: dict[str, list[str]] = {}
    reasons: dict[str, str] = {}
    for item in due:
        if item.because:
            looks = told.setdefault(item.shot.product.sku, [])
            looks += [item.shot.template.key] * (item.shot.template.key not in looks)
            reasons[item.shot.product.sku] = item.because
    for sku, looks in list(told.items())[:SHOWN_CHOICES]:
        console.print(f"  {escape(sku)}: {', '.join(looks)}, by rule {escape(reasons[sku])}")
    if len(told) > SHOWN_CHOICES:
        console.print(f"  ... and {len(told) - SHOWN_CHOICES} more products (--json has all)")


def print_summary(console: Console, summary: Summary) -> None:
    """How the run ended, and where the report is."""
    up_to_date = sum(summary.unchanged.values())
    console.print(
        f"run {summary.run}: {summary.due} due, [green]{summary.released} released[/green], "
        f"[yellow]{summary.rejected} rejected[/yellow], [red]{summary.failed} failed[/red], {up_to_date} up to date, "
        f"{summary.cached} from the store, {summary.wall_s:.1f} s, {summary.cost:.4f} {summary.currency}"
    )
    for reason, count in sorted(summary.reasons.items(), key=lambda pair: -pair[1]):
        console.print(f"  {count} x {escape(reason)}")
    if summary.problems:
        console.print(
            f"[yellow]{len(summary.problems)} problems in the catalogue[/yellow] (first: {escape(summary.problems[0])})"
        )
    if summary.quote_error is not None:
        error = f"{100 * summary.quote_error:+.1f} %"
        console.print(f"quoted {summary.quote:.4g} {summary.currency} ({summary.quote_basis}); the cost is {error} off")
    if summary.lost_s:
        console.print(f"{summary.lost_s:.1f} s of attempts were lost with their machines; they are in the cost")
    for warning in summary.warnings:
        console.print(f"[yellow]{escape(warning)}[/yellow]")
    if summary.held_back:
        brands = ", ".join(f"{brand} {count}" for brand, count in summary.held_back.items())
        console.print(f"[yellow]held back, their brand's budget is spent: {escape(brands)}[/yellow]")
    if summary.budget:
        console.print(f"[yellow]stopped: {escape(summary.budget)}; raise it and go on with: --resume {summary.run}[/yellow]")
    if summary.state == "interrupted":
        console.print(f"stopped; go on with: packshot run --resume {summary.run}")
    console.print(f"ledger {summary.ledger}")
    console.print(f"report {summary.report}")


def print_models(console: Console, registry: Registry, weights: Path) -> None:
    """Models as a table."""
    table = Table("model", "task", "licence", "commercial use", "memory", "weights")
    for name in registry.names():
        card = registry.card(name)
        here = "built in" if not card.file else ("here" if (weights / card.file).exists() else "missing: packshot models fetch")
        if not card.source and card.sha256 == "" and card.task != "fake":
            here = "yours to configure" if not card.revision else here
        table.add_row(card.name, card.task, card.licence, "yes" if card.commercial_use else "no", f"{card.memory_mb} MB", here)
    console.print(table)


def print_templates(console: Console, library: Library) -> None:
    """Templates as a table."""
    table = Table("template", "use", "title", "recipe", "outputs", "photos")
    for template in library.templates():
        table.add_row(
            template.key,
            template.use,
            template.title,
            template.recipe,
            ", ".join(template.outputs),
            ", ".join(template.applies_to.roles),
        )
    console.print(table)
