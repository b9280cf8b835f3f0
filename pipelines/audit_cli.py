"""`packshot audit`: who did what, whether the log is whole, and what the installation is made of."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
audit = typer.Typer(no_args_is_help=True, help="The audit log, licences, and the bill of materials.")
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout, a line each")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(audit, name="audit")


@audit.command("log")
def log(
    action: Annotated[str, typer.Option(help="Only this action, e.g. gallery.published")] = "",
    target: Annotated[str, typer.Option(help="Only targets that begin so, e.g. a SKU")] = "",
    actor: Annotated[str, typer.Option(help="Only actors that begin so, e.g. key: or user:ann")] = "",
    since: Annotated[datetime | None, typer.Option(help="Only from then on (UTC)")] = None,
    as_json: Json = False,
) -> None:
    """Who released, published, rolled back, erased what, and when."""
    from cluster.settings import load_settings
    from connectors.audit import Audit

    for line in Audit(load_settings().records).lines(action=action, target=target, actor=actor, since=_utc(since)):
        entry = line.entry
        if as_json:
            told = {"seq": line.seq, "at": line.at.isoformat(), **asdict(entry), "previous": line.previous, "hash": line.hash}
            typer.echo(json.dumps(told))
            continue
        detail = " ".join(f"{name}={value}" for name, value in entry.detail.items())
        out.print(f"{line.seq} {line.at:%Y-%m-%d %H:%M:%S} {entry.actor} {entry.action} {entry.target} {detail}", markup=False)


@audit.command("verify")
def verify(
    head: Annotated[str, typer.Option(help="SEQ:HASH as an earlier call printed it: must still be there")] = "",
    as_json: Json = False,
) -> None:
    """Whether every line is as it was written. Prints the head; note it elsewhere. Exit code 3: the log was changed."""
    from cluster.settings import load_settings
    from connectors.audit import Audit

    found = Audit(load_settings().records).verify(head)
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        out.print(f"{found.lines} lines, head {found.head}", markup=False)
        if found.broken:
            err.print(found.broken, markup=False, style="red")
    raise typer.Exit(3 if found.broken else 0)


@audit.command("licences")
def licences(as_json: Json = False) -> None:
    """Licences of the default install. Exit code 3: a package that may not be in it, or that nobody has read."""
    from pipelines.licences import bad, parts

    found = parts()
    if as_json:
        typer.echo(json.dumps([asdict(part) for part in found]))
        raise typer.Exit(3 if bad(found) else 0)
    for part in found:
        if part.verdict != "fine":
            out.print(
                f"{part.verdict}: {part.name} {part.version}: {part.licence or 'says nothing'}: {part.reason}", markup=False
            )
    out.print(f"{len(found)} packages, {len(bad(found))} of them may not be there")
    raise typer.Exit(3 if bad(found) else 0)


@audit.command("sbom")
def bill(
    to: Annotated[Path | None, typer.Option("-o", "--out", help="File to write; default: stdout")] = None,
) -> None:
    """The bill of materials as CycloneDX 1.6 JSON: packages, licences, what needs what, model weights."""
    from cluster.engine import registry
    from cluster.settings import load_settings
    from pipelines.licences import parts
    from pipelines.sbom import sbom

    cards = registry(load_settings())
    text = json.dumps(sbom(parts(), [cards.card(name) for name in cards.names()]), indent=1, sort_keys=True) + "\n"
    if to is None:
        typer.echo(text, nl=False)
    else:
        to.write_text(text)


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at
