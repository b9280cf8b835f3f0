"""`packshot qa`: anybody's images held against the rules of a destination."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from studio.errors import TemplateError

out = Console(highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("qa")(qa)


def qa(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Pictures, made by anybody")],
    destination: Annotated[str, typer.Option("--destination", "-d", help="Destination id, e.g. amazon-main")],
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout")] = False,
    junit_file: Annotated[Path | None, typer.Option("--junit", help="Write a JUnit XML file")] = None,
    annotate: Annotated[Path | None, typer.Option(help="Folder for pictures of what failed and where")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Rule to leave out; may be repeated")] = None,
    model: Annotated[str, typer.Option(help="Matting model that finds the product")] = "u2netp",
) -> None:
    """Check finished images against every rule of a destination. Exit code 0: all pass, 3: some do not, 1: could not run."""
    from cluster.engine import registry
    from cluster.settings import load_settings
    from pipelines.qa_files import check_files
    from pipelines.qa_output import document, junit, table
    from studio.models.base import LocalModels
    from studio.qa.preflight import RULES
    from templates.library import Library

    settings = load_settings()
    where = Library.default(extra=settings.template_folders).destination(destination)
    unknown = sorted(set(without or ()) - set(RULES))
    if unknown:
        raise TemplateError(f"no rule {', '.join(unknown)}; known: {', '.join(RULES)}")
    found = list(check_files(files, where, LocalModels(registry(settings)), matting=model, without=without or (), pages=annotate))
    if junit_file is not None:
        junit_file.write_bytes(junit(found, where))
    if as_json:
        typer.echo(json.dumps(document(found, where)))
    else:
        table(out, found, where)
    raise typer.Exit(0 if all(one.passed for one in found) else 3)
