"""`packshot review`: what reviewers decided, as figures about limits and as training data."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
review_app = typer.Typer(help="What reviewers decided in the console.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(review_app, name="review")


@review_app.command("thresholds")
def thresholds(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout")] = False) -> None:
    """Would the limits have agreed with the reviewers, and which bound would have."""
    from cluster.reviewed import held_against_limits
    from cluster.settings import load_settings
    from connectors.reviews import Reviews
    from templates.library import Library

    settings = load_settings()
    lines = held_against_limits(Reviews(settings.records), Library.default(settings.template_folders))
    if as_json:
        typer.echo(json.dumps([asdict(line) | {"agreed": line.agreed} for line in lines]))
        return
    table = Table("limit", "bound", "held back", "let through", "agreed", "better bound", "agreed then")
    for line in lines:
        better = "" if line.better is None else f"{line.better:.6g}"
        then = "" if line.better is None else f"{line.then / line.held:.0%}"
        bound = f"{'at most' if line.side == 'max' else 'at least'} {line.bound:.6g}"
        table.add_row(line.name, bound, str(line.held), str(line.accepted), f"{line.agreed:.0%}", better, then)
    out.print(table if lines else "nothing was decided yet")


@review_app.command("export")
def export(file: Annotated[Path, typer.Argument(help="JSON Lines file to write")]) -> None:
    """Write what was decided as examples for the defect classifier, one JSON object a line."""
    from cluster.reviewed import training_rows
    from cluster.settings import load_settings
    from connectors.reviews import Reviews

    count = 0
    with file.open("w", encoding="utf-8") as stream:
        for row in training_rows(Reviews(load_settings().records)):
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    out.print(f"{count} examples in {file}", markup=False)
