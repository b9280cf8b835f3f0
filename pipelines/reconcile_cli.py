"""`packshot reconcile`: a connection's source, our records and its galleries held against each other."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from cluster.connections import Opened
    from cluster.settings import Settings
    from connectors.publications import GalleryRecord
    from connectors.reconcile import Checked
    from connectors.repair import Mended
    from connectors.sync_state import Seen

out = Console(highlight=False, soft_wrap=True)
FOUND = 3
"""Exit code when something is left that is not as it should be."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reconcile")(reconcile)


def reconcile(
    name: Annotated[str, typer.Argument(help="Connection, as the settings name it")],
    repair: Annotated[bool, typer.Option("--repair", help="Mend what was found, by policy")] = False,
    restore: Annotated[
        bool, typer.Option("--restore", help="With --repair: put back pictures of ours that were taken off")
    ] = False,
    drift: Annotated[
        bool, typer.Option("--drift", help="Also look for pictures that today's looks would make otherwise")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout")] = False,
) -> None:
    """Find missed events, deleted products, galleries changed by hand and unfinished publications. Exit code 0: nothing is left,
    3: something is, 1: could not run."""
    from cluster.connections import open_connection
    from cluster.settings import load_settings
    from connectors.reconcile import Reconciliation
    from connectors.repair import Mended, Repairs

    settings = load_settings()
    opened = open_connection(settings, name)
    looked = Reconciliation(
        opened.connection,
        opened.vendor,
        opened.state,
        opened.publications,
        drift=_drift(settings, opened) if drift else None,
        target=(opened.target, opened.gallery),
    )
    findings = list(looked.findings())
    if repair:
        publisher = opened.publisher if opened.gallery else None
        repairs = Repairs(name, opened.state, opened.publications, publisher, restore=restore, target=opened.target.name)
        mended = list(repairs.mend(findings, now=datetime.now(UTC)))
    else:
        mended = [Mended(finding, "not asked to") for finding in findings]
    if as_json:
        typer.echo(json.dumps(document(name, looked.checked, mended)))
    else:
        show(name, looked.checked, mended, repaired=repair)
    raise typer.Exit(FOUND if any(one.left for one in mended) else 0)


def document(name: str, checked: Checked, mended: Sequence[Mended]) -> dict[str, Any]:
    """The report as JSON: what was looked at, counts by kind, a line for each finding."""
    lines = [
        {**asdict(one.finding), "repair": str(one.finding.repair), "mended": not one.left, "left": one.left} for one in mended
    ]
    return {"connection": name, "checked": asdict(checked), "counts": Counter(line["kind"] for line in lines), "findings": lines}


def show(name: str, checked: Checked, mended: Sequence[Mended], *, repaired: bool) -> None:
    """The report as a table."""
    if mended:
        table = Table("kind", "product", "SKU", "what", "mended" if repaired else "mended by")
        for one in mended:
            found = one.finding
            last = (one.left or "yes") if repaired else str(found.repair)
            detail = f"{found.at}: {found.detail}" if found.at else found.detail
            table.add_row(*(escape(text) for text in (found.kind, found.ref, found.sku, detail, last)))
        out.print(table)
    left = sum(bool(one.left) for one in mended)
    out.print(
        f"{name}: {checked.products} products on {checked.pages} pages, {checked.published} published, "
        f"{checked.under_way} under way; {checked.gallery_reads} galleries and {checked.lookups} products read beyond the pages; "
        f"{len(mended)} findings, {left} left",
        markup=False,
    )


def _drift(settings: Settings, opened: Opened) -> Callable[[Seen, GalleryRecord], str]:
    from cluster.engine import registry
    from connectors.sync import in_store
    from pipelines.drift import Drift
    from pipelines.relatives import CatalogueRelatives
    from templates.library import Library
    from templates.shotlist import ShotList

    name = opened.connection.name
    library = Library.default(extra=settings.template_folders, fonts=settings.weights_folder)
    relatives = CatalogueRelatives(lambda: (in_store(seen.product) for seen in opened.state.all_seen(name)))
    return Drift(ShotList(library, relatives), opened.connection.templates, opened.store, registry(settings).card)
