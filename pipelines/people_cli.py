"""`packshot people report`: whom a look shows a catalogue on, against what the people file asks for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from studio.people import Person, asked, choose, representation

out = Console(highlight=False, soft_wrap=True)
people = typer.Typer(no_args_is_help=True, help="People that products are shown on.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(people, name="people")


@people.command("report")
def report(
    catalog: Annotated[str, typer.Argument(help="CSV, JSON Lines, Parquet, Shopify export or Vendure products.csv")],
    template: Annotated[str, typer.Option("--template", "-t", help="A look of the model studio, e.g. on-model-glasses")],
    as_json: Annotated[bool, typer.Option("--json", help="The report on stdout")] = False,
) -> None:
    """Count body types, skin tones, ages and stances over the catalogue's products. Exit code 1: a consent does not hold."""
    from cluster.settings import load_settings
    from connectors.sources.registry import open_source
    from studio.briefs.on_model import OnModelBrief
    from studio.errors import PackshotError, TemplateError
    from studio.product import Product
    from studio.recipes.on_model import usable
    from templates.library import PACKAGED, Library
    from templates.people import peopled

    folders = load_settings().template_folders
    try:
        look = peopled(Library.default(extra=folders).template(template), [*folders, PACKAGED])
        if not isinstance(look.brief, OnModelBrief):
            raise TemplateError(f"{template} shows nobody: it is of the studio {look.recipe}")
        products = [row for row in open_source(catalog) if isinstance(row, Product)]
        cast = usable(look.brief, "every product", look.id, datetime.now(UTC).date())
    except PackshotError as error:
        out.print(f"{error.code}: {error.message}", markup=False, style="red")
        raise typer.Exit(1) from None
    told = counted([choose(cast, product.variant_of or product.sku) for product in products], cast)
    if as_json:
        typer.echo(json.dumps(told))
        return
    for trait, values in told.items():
        out.print(
            f"{trait}: " + ", ".join(f"{value} {found:.0%} (asked {wanted:.0%})" for value, (found, wanted) in values.items())
        )


def counted(chosen: list[Person], cast: list[Person]) -> dict[str, dict[str, tuple[float, float]]]:
    """Trait -> value -> share found and share asked for."""
    found, wanted = representation(chosen), asked(cast)
    return {
        trait: {value: (round(found[trait].get(value, 0.0), 4), round(share, 4)) for value, share in shares.items()}
        for trait, shares in wanted.items()
    }
