"""`packshot listing`: the pictures of product pages, named, checked, reported and packed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from pipelines.listing import Listing

out = Console(highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("listing")(listing)


def listing(
    catalog: Annotated[str, typer.Argument(help="CSV, JSON Lines, Parquet, Shopify export or Vendure products.csv")],
    template: Annotated[str, typer.Option("--template", "-t", help="A listing set, e.g. listing-amazon")],
    to: Annotated[Path, typer.Option("-o", "--out", help="Folder: one for each product, and the report")],
    zipped: Annotated[bool, typer.Option("--zip", help="A zip for each product beside its folder")] = False,
    sku: Annotated[list[str] | None, typer.Option(help="Only this product; may be repeated")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Stop after that many products (0: all)")] = 0,
    mapping: Annotated[Path | None, typer.Option(help="Column mapping (YAML)")] = None,
    fmt: Annotated[str, typer.Option("--format", help="Catalogue format when it cannot be told from the file")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The report on stdout")] = False,
) -> None:
    """Make the listing set of every product. Exit code 0: all pass every rule, 3: some do not, 1: could not run."""
    from cluster.settings import load_settings
    from pipelines.listing import Desk, Order
    from pipelines.listing_report import document, write_report
    from studio.errors import RowError

    order = Order(catalog, template, to, skus=tuple(sku or ()), limit=limit, mapping=mapping, format=fmt, zipped=zipped)
    made: list[Listing] = []
    broken = 0
    for found in Desk(load_settings(), order).listings():
        if isinstance(found, RowError):
            broken += 1
            out.print(f"[red]row[/red] {escape(str(found))}")
            continue
        made.append(found)
        if not as_json:
            out.print(_line(found))
    page, _ = write_report(made, template, to)
    if as_json:
        typer.echo(json.dumps(document(made, template)))
    else:
        out.print(str(page), markup=False)
    raise typer.Exit(0 if made and not broken and all(one.passed for one in made) else 3)


def _line(one: Listing) -> str:
    state = "[green]passes[/green]" if one.passed else "[red]does not pass[/red]"
    files = sum(entry.path is not None for entry in one.entries)
    left = f", left out: {', '.join(one.left_out)}" if one.left_out else ""
    why = f": {escape(one.problem)}" if one.problem else ""
    return f"{escape(one.product.sku)}: {files} pictures, {state}{escape(left)}{why}"
