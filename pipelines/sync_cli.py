"""`packshot source`, `sync` and `publish`: connections to shops, PIMs and DAMs. It parses, calls and prints."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from pipelines.source_check import Check
    from pipelines.sync_run import Shop, SyncReport

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
source_app = typer.Typer(help="Connections to shops, PIMs and DAMs, as sources of products.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="CONNECTION", help="Name of a connection in the settings")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout")]
SHOWN = 20
"""Problems that are printed; all of them are in the JSON."""


class Mode(StrEnum):
    """Over Serve deployments, in a pool of Ray Data actors, or in this process."""

    SERVE = "serve"
    POOL = "pool"
    INLINE = "inline"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(source_app, name="source")
    app.command()(sync)
    app.command()(publish)


@source_app.command("list")
def source_list() -> None:
    """Connections of the settings."""
    from cluster.settings import load_settings

    for name, connection in sorted(load_settings().connections.items()):
        out.print(f"{name}: {connection.vendor} at {connection.address}", markup=False)


@source_app.command("check")
def source_check(
    name: Name, limit: Annotated[int, typer.Option(min=1, max=1000, help="Products of the sample")] = 10, as_json: Json = False
) -> None:
    """What is missing in the settings, and what a sample of the products looks like. Writes nothing. Exit code 3: something is
    missing."""
    from cluster.settings import load_settings
    from pipelines.source_check import check

    found = check(load_settings(), name, limit)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "empty": found.empty}))
    else:
        _print_check(found)
    raise typer.Exit(3 if found.problems else 0)


def sync(
    name: Name,
    full: Annotated[bool, typer.Option("--full", help="Read every product again, not only what changed")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what changed; make, publish and remember nothing")] = False,
    mode: Annotated[Mode, typer.Option(help="Where the work is done")] = Mode.SERVE,
    retry_failed: Annotated[bool, typer.Option(help="Try again also what failed for good")] = False,
    as_json: Json = False,
) -> None:
    """Make images of what changed in a shop and publish them there. Exit code 0: all done, 3: some products are held back or went
    wrong, 1: could not run, 130: stopped; the next sync goes on where this one ended."""
    from cluster.runtime import prepare_environment
    from pipelines.screen import Bar

    prepare_environment()
    with Bar(err) as watcher:
        shop = _shop(name, watcher, mode)
        report = shop.look(full=full) if dry_run else shop.sync(full=full, retry=retry_failed)
    _end(report, as_json=as_json)


def publish(
    name: Name,
    sku: Annotated[list[str] | None, typer.Argument(help="Products; all that were taken when none is named")] = None,
    rollback: Annotated[bool, typer.Option("--rollback", help="Put back the pictures of ours that were live before")] = False,
    force: Annotated[bool, typer.Option(help="Look at every gallery, also where nothing should have changed")] = False,
    as_json: Json = False,
) -> None:
    """Put pictures that are made already onto their products. Renders nothing. Exit codes as of `sync`."""
    from pipelines.screen import Quiet

    if rollback and not sku:
        raise typer.BadParameter("name the products to roll back", param_hint="SKU")
    shop = _shop(name, Quiet(), Mode.INLINE)
    _end(shop.rollback(sku or ()) if rollback else shop.publish(sku or (), force=force), as_json=as_json)


def _shop(name: str, watcher: object, mode: Mode) -> Shop:
    from typing import cast

    from cluster.settings import load_settings
    from pipelines.nightly import Watcher
    from pipelines.sync_run import Shop

    return Shop(load_settings(), name, cast("Watcher", watcher), mode=mode.value)


def _end(report: SyncReport, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(report)))
    else:
        _print_report(report)
    raise typer.Exit(report.exit_code)


def _print_report(report: SyncReport) -> None:
    sets = ", ".join(f"{count} {outcome}" for outcome, count in sorted(report.outcomes.items())) or "none"
    out.print(f"{escape(report.connection)}: {report.changed} products changed, {report.unchanged} unchanged, {report.gone} gone")
    out.print(f"sets: {sets}; {report.held_back} products held back; {report.wrote} changes at the vendor")
    if report.night is not None:
        night = report.night
        out.print(
            f"images: {night.released} released, {night.rejected} rejected, {night.failed} failed, {night.restored} restored"
        )
        out.print(f"report: {night.report}", markup=False)
    _print_problems(report.problems)


def _print_check(found: Check) -> None:
    out.print(f"{escape(found.connection)} ({found.vendor}): {', '.join(found.can) or 'not opened'}")
    if found.hook:
        out.print(f"messages of the vendor go to POST {found.hook}")
    for row in found.sample:
        text = f"{row['sku']} [{row['ref']}] {row['title']} / {row['category']}: {row['photos']} photos, {row['ours']} of ours"
        out.print(text, markup=False)
    if found.sample:
        out.print(f"fields: {', '.join(f'{name} {count}/{len(found.sample)}' for name, count in found.fields.items())}")
        out.print(f"attributes: {', '.join(found.attributes) or 'none'}", markup=False)
        out.print(f"no product has: {', '.join(found.empty) or 'nothing is missing'}")
        for name, count in found.fits.items():
            out.print(f"template {name} has a photo of {count}/{len(found.sample)}")
        out.print(f"first photo: {found.photo_bytes} bytes")
    _print_problems(found.problems)


def _print_problems(problems: list[str]) -> None:
    for problem in problems[:SHOWN]:
        err.print(problem, markup=False)
    if len(problems) > SHOWN:
        err.print(f"and {len(problems) - SHOWN} more")
