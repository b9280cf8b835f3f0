"""The compliance report of listings: one HTML page that needs nothing else, and the same as JSON."""

from __future__ import annotations

import hashlib
import io
import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image

from pipelines.listing import Listing
from pipelines.listing_files import Entry
from pipelines.listing_rules import Set

SHOWN_PX = 260
_STYLE = """
.set { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 14px; margin: 10px 0; }
.set img { width: 100%; height: auto; border-radius: 8px; border: 1px solid var(--line); }
figure { margin: 0; } figcaption { overflow-wrap: anywhere; } article { margin: 18px 0 0; }
"""


def document(listings: Sequence[Listing], template: str) -> dict[str, Any]:
    """The report as JSON-able data."""
    return {
        "template": template,
        "passed": all(one.passed for one in listings),
        "products": [_product(one) for one in listings],
    }


def write_report(listings: Sequence[Listing], template: str, out: Path) -> tuple[Path, Path]:
    """`listing.json` and `listing.html` in a folder; the page escapes all text and loads nothing."""
    out.mkdir(parents=True, exist_ok=True)
    data, page = out / "listing.json", out / "listing.html"
    about = document(listings, template)
    _write(data, json.dumps(about, indent=2, ensure_ascii=False) + "\n")
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    pages = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    style = pages.get_template("report_style.html.j2").render() + _STYLE
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    thumbs = {str(entry.path): _thumb(entry.path) for one in listings for entry in one.entries if entry.path}
    _write(page, pages.get_template("listing.html.j2").render(report=about, thumbs=thumbs, style=style, style_hash=digest))
    return page, data


def _product(one: Listing) -> dict[str, Any]:
    files = one.rules.files if one.rules else (None,) * len(one.entries)
    return {
        "sku": one.product.sku,
        "title": one.product.title,
        "passed": one.passed,
        "problem": one.problem,
        "left_out": one.left_out,
        "rules": _rules(one.rules),
        "pictures": [_picture(entry, file) for entry, file in zip(one.entries, files, strict=True)],
        "files": [file.name for file in one.files],
    }


def _rules(rules: Set | None) -> list[dict[str, Any]]:
    kept = rules.rules if rules else ()
    return [{"rule": r.rule, "value": r.value, "wanted": r.wanted, "passed": r.passed, "source": r.source} for r in kept]


def _picture(entry: Entry, file: Any) -> dict[str, Any]:
    outcome, findings = entry.outcome, [] if file is None else file.findings
    return {
        "slot": entry.shot.slot,
        "frame": entry.frame.name,
        "template": entry.shot.template.key,
        "destination": entry.shot.destination.id,
        "status": outcome.status,
        "detail": getattr(outcome, "detail", "") or getattr(outcome, "message", ""),
        "file": entry.name,
        "path": str(entry.path) if entry.path else "",
        "alt": entry.alt,
        "engine": outcome.report.engine,
        "passed": entry.path is not None and (file is None or file.passed),
        "findings": [
            {
                "rule": f.rule.name,
                "about": f.rule.about,
                "value": f.value,
                "wanted": f.wanted,
                "unit": f.rule.unit,
                "passed": f.passed,
                "source": f.source,
            }
            for f in findings
        ],
    }


def _thumb(path: Path) -> str:
    """A small copy as a data URI."""
    small = io.BytesIO()
    with Image.open(path) as image:
        image.thumbnail((SHOWN_PX, SHOWN_PX), Image.Resampling.LANCZOS)
        image.convert("RGB").save(small, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{b64encode(small.getvalue()).decode()}"


def _write(path: Path, text: str) -> None:
    draft = path.with_name(path.name + ".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
