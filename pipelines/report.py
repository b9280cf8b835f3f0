"""The report of a run: one HTML file that needs nothing else, drawn from the ledger."""

from __future__ import annotations

import functools
import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from pipelines.report_cards import cards, choose
from pipelines.report_consistency import Earlier, sets
from pipelines.report_figures import figures
from pipelines.report_totals import totals
from studio.template import Template

THUMBNAILS = 400
"""Rows shown with pictures; a page of more would be too heavy to open."""
TABLE_ROWS = 20_000
"""Rows listed without pictures."""

Image = Callable[[str], bytes]


def write_report(
    rows: Iterable[Mapping[str, Any]],
    out: Path,
    *,
    run: Mapping[str, Any],
    image: Image,
    thumbnails: int = THUMBNAILS,
    template: Callable[[str], Template | None] = lambda _: None,
    earlier: Sequence[Earlier] = (),
) -> Path:
    """Write the page for ledger rows (fields of `pipelines.ledger.SCHEMA`) to `out` and return it.

    `run` is the run's summary; what it lacks is left out of the page. `image` reads a preview blob by digest; a preview that
    cannot be read is shown as missing. `template` finds a template by key, for its tolerances; `earlier` are runs to compare the
    look with, latest first. Text of rows is escaped, the page loads nothing, and only its own script may run.
    The file appears whole or not at all.
    """
    kept = list(rows)
    shown = choose(kept, thumbnails)
    environment = _environment()
    script = environment.get_template("report_script.html.j2").render()
    page = environment.get_template("report.html.j2").stream(
        run=run,
        totals=totals(kept, run),
        figures=figures(kept),
        sets=sets(kept, template, earlier),
        cards=cards(shown, image),
        shown=len(shown),
        rows=kept[:TABLE_ROWS],
        count=len(kept),
        thumbnails=thumbnails,
        script=script,
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(out.name + ".part")
    page.dump(str(draft), encoding="utf-8")
    draft.replace(out)
    return out


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": _figure, "duration": _duration, "size": _size, "share": _share}
    return environment


def _figure(value: float) -> str:
    """A number as people read it: 12,345, 0.86 or 0.0012."""
    if value == 0:
        return "0"
    if abs(value) >= 1000 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _share(value: float) -> str:
    """A share in per cent: 98.5 %, or 100 % where it is all."""
    return f"{100 * value:.4g}\u00a0%"


def _duration(seconds: float) -> str:
    """Seconds as 0.42 s, 12.3 s, 3 min 05 s or 2 h 10 min."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _size(count: int) -> str:
    """Bytes as kB or MB, decimal."""
    return f"{count / 1e6:.2f}\u00a0MB" if count >= 1e6 else f"{count / 1e3:.0f}\u00a0kB"
