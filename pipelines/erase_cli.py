"""`packshot erase`: a product, a person's picture or an order, with all that was made of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(erase)


def erase(
    sku: Annotated[list[str] | None, typer.Option("--sku", help="A product; repeat")] = None,
    person: Annotated[list[str] | None, typer.Option("--person", help="Id in a people file; repeat")] = None,
    photo: Annotated[
        list[str] | None, typer.Option("--photo", help="A photo's file, or its BLAKE3 as GET /v1/assets names it; repeat")
    ] = None,
    order: Annotated[list[str] | None, typer.Option("--order", help="An order; repeat")] = None,
    ended_before: Annotated[datetime | None, typer.Option(help="Orders that ended before then (UTC)")] = None,
    lapsed: Annotated[bool, typer.Option("--lapsed", help="People of people files whose consent has expired")] = False,
    folder: Annotated[list[Path] | None, typer.Option("--out", help="Output folder of runs, to be cleared too; repeat")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go and change nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout")] = False,
) -> None:
    """Erase for good: store, records, orders, runs' files, output folders and shops. Exit code 0: gone, 3: something could not be
    reached (call again), 1: nothing was done."""
    from cluster.settings import load_settings
    from connectors.audit import this_user
    from connectors.erasure.subject import HEX
    from pipelines.erase import Eraser, Wish, expired, long_ended
    from studio.errors import InputError
    from studio.keys import digest_bytes

    settings = load_settings()
    people = (*(person or ()), *(expired(settings) if lapsed else ()))
    orders = (*(order or ()), *(long_ended(settings, ended_before) if ended_before else ()))
    photos = tuple(digest_bytes(Path(one).read_bytes()) if Path(one).is_file() else one for one in photo or ())
    wish = Wish(tuple(sku or ()), people, photos, orders)
    if not wish.told:
        if lapsed or ended_before:
            out.print("there is nothing to erase")
            return
        raise InputError("say what to erase: --sku, --person, --photo, --order, --ended-before or --lapsed")
    if wrong := [digest for digest in wish.photos if not HEX.fullmatch(digest)]:
        raise InputError(f"--photo takes a file or the 64 hex digits of a BLAKE3 digest, not {wrong[0][:80]!r}")
    if (wish.people or wish.photos) and (wish.skus or wish.orders):
        raise InputError("erase people's pictures and products in two calls: the first go wherever they are used")
    found = Eraser(settings, wish, folders=tuple(folder or ())).look()
    if not dry_run:
        if not yes and not as_json:
            typer.confirm(
                f"{found.rows} rows, {found.blobs} blobs, {found.actions} actions will be gone for good. Go on?", abort=True
            )
        found = Eraser(settings, wish, folders=tuple(folder or ())).erase(this_user())
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, **asdict(found)}))
        raise typer.Exit(found.exit_code)
    for name, value in asdict(found).items():
        if isinstance(value, int):
            out.print(f"{name.replace('_', ' ')}: {value}")
    for line in (*found.notes, *found.problems):
        err.print(line, markup=False)
    raise typer.Exit(found.exit_code)
