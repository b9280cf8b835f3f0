"""`packshot template`: lint, show, diff, test, release."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from pipelines.template_trial import Sample, Trial

out = Console(highlight=False, soft_wrap=True)

Name = Annotated[str, typer.Argument(metavar="ID", help="Template id, optionally @version")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout")]
Catalog = Annotated[str, typer.Option(help="Catalogue of the samples; default: the sample catalogue")]
Page = Annotated[Path | None, typer.Option("--out", "-o", help="HTML page to write")]


def register(template_app: typer.Typer) -> None:
    """Add the commands to `packshot template`."""
    template_app.command("lint")(lint)
    template_app.command("show")(show)
    template_app.command("diff")(diff)
    template_app.command("test")(try_out)
    template_app.command("release")(release)


def lint(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="[PATH]...", help="Files or folders; default: all")] = None,
    as_json: Json = False,
) -> None:
    """Check styles, destinations, brands, rules and locks. One line a problem; exit code 3 when there are some."""
    from cluster.settings import load_settings
    from pipelines.template_files import linted

    problems = linted(paths or [], load_settings().template_folders)
    if as_json:
        typer.echo(json.dumps([{"file": str(p.file), "field": p.field, "message": p.message} for p in problems]))
    for problem in [] if as_json else problems:
        out.print(f"{problem.file}:{problem.field}: {problem.message}", markup=False)
    if not problems and not as_json:
        out.print("nothing wrong")
    raise typer.Exit(3 if problems else 0)


def show(name: Name, brand: Annotated[str, typer.Option(help="Brand id")] = "", as_json: Json = False) -> None:
    """Every value of a style, and which file or default it is from."""
    from cluster.settings import load_settings
    from templates.layers import fields_of
    from templates.library import Library

    library = Library.default(load_settings().template_folders)
    template, origins = library.explained(name, brand or None)
    data = template.model_dump(mode="json")
    if as_json:
        typer.echo(json.dumps({"template": data, "origin": origins}))
        return
    table = _table("value", "from")
    for field, value in fields_of(data):
        origin = origins[".".join(field)]
        table.add_row(".".join(field), escape(_said(value)), f"[dim]{origin}[/dim]" if origin == "default" else origin)
    out.print(f"{template.title} ({template.key})", markup=False)
    out.print(table)


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="Template id, optionally @version")],
    after: Annotated[str, typer.Argument(metavar="B", help="Template id, optionally @version")],
    as_json: Json = False,
) -> None:
    """Fields in which two styles, or two versions of one, differ. Exit code 3 when there are some."""
    from cluster.settings import load_settings
    from templates.library import Library
    from templates.versions import changed, content

    library = Library.default(load_settings().template_folders)
    one, two = library.template(before), library.template(after)
    changes = changed(content(one), content(two))
    if as_json:
        typer.echo(json.dumps({name: {"before": old, "after": new} for name, (old, new) in changes.items()}))
    elif changes:
        table = _table(escape(one.key), escape(two.key))
        for name, (old, new) in changes.items():
            table.add_row(name, escape(_said(old)), escape(_said(new)))
        out.print(table)
    else:
        out.print("no difference")
    raise typer.Exit(3 if changes else 0)


def try_out(name: Name, catalog: Catalog = "", page: Page = None, as_json: Json = False) -> None:
    """Make a style's samples, beside those of the version released before. Exit code 3 when one is rejected or fails."""
    from pipelines.template_files import tried_out

    trials, written = tried_out([name], catalog, page)
    fallen = [sample for trial in trials for sample in trial.fallen]
    if as_json:
        rows = [_row(trial.template.key, sample) for trial in trials for sample in trial.samples]
        typer.echo(json.dumps({"page": str(written), "samples": rows, "model_calls": trials[0].calls}))
    else:
        _print_trials(trials)
        out.print(str(written), markup=False)
    raise typer.Exit(3 if fallen else 0)


def release(
    names: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Template ids")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every style that is not released yet")] = False,
    catalog: Catalog = "",
    page: Page = None,
) -> None:
    """Lock versions of styles for good, once their samples are made. One whose samples fall is refused (exit code 3)."""
    from cluster.settings import load_settings
    from connectors.audit import Audit, Entry, actor
    from pipelines.template_files import released, tried_out, unreleased

    if bool(names) == everything:
        raise typer.BadParameter("name styles, or give --all", param_hint="ID")
    wanted = unreleased(names or None)
    if not wanted:
        out.print("nothing to release")
        return
    trials, written = tried_out(wanted, catalog, page)
    _print_trials(trials)
    good = [trial for trial in trials if not trial.fallen]
    for path in released(good):
        out.print(f"released {path}", markup=False)
    Audit(load_settings().records).add([Entry(actor(), "template.released", trial.template.key) for trial in good])
    for trial in trials:
        if trial.fallen:
            out.print(
                f"[red]refused[/red] {escape(trial.template.key)}: {len(trial.fallen)} of {len(trial.samples)} samples fell"
            )
    out.print(str(written), markup=False)
    raise typer.Exit(3 if len(good) < len(trials) else 0)


def _table(*columns: str) -> Table:
    table = Table()
    table.add_column("field", no_wrap=True)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _print_trials(trials: Sequence[Trial]) -> None:
    for trial in trials:
        beside = f" beside {trial.before}" if trial.before else ""
        calls = ", ".join(f"{name} {count}" for name, count in sorted(trial.calls.items())) or "none"
        out.print(f"{trial.template.key}{beside}: {len(trial.samples)} images, model calls {calls}", markup=False)
        for sample in trial.samples:
            colour = {"released": "green", "rejected": "yellow"}.get(sample.after.status, "red")
            change = " (the same file as before)" if sample.same else ""
            out.print(f"  {escape(sample.product.sku)} {sample.destination}: [{colour}]{sample.after.status}[/]{change} ", end="")
            out.print(sample.after.detail, markup=False)


def _row(key: str, sample: Sample) -> dict[str, object]:
    values = {row.name: {"before": row.before, "after": row.after, "limit": row.bounds} for row in sample.values}
    row: dict[str, object] = {"template": key, "sku": sample.product.sku, "destination": sample.destination, "values": values}
    return row | {"status": sample.after.status, "detail": sample.after.detail, "same": sample.same}


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
