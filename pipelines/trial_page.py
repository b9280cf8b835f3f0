"""The page of styles tried out: one HTML file that needs nothing else."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path

import jinja2

from pipelines.template_trial import Trial

_STYLE = """
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 14px; margin: 10px 0; }
.sides img { width: 100%; height: auto; border-radius: 10px; border: 1px solid var(--line); background:
  repeating-conic-gradient(var(--check) 0 25%, var(--card) 0 50%) 0 0 / 16px 16px; }
figure { margin: 0; } article { margin: 18px 0 0; }
"""


def write_page(trials: Iterable[Trial], out: Path) -> Path:
    """The trials as one HTML page that needs nothing else; text is escaped, nothing is loaded. It appears whole or not at all."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    pages = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    pages.filters |= {"number": _number, "value": _value}
    style = pages.get_template("report_style.html.j2").render() + _STYLE
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = pages.get_template("trial.html.j2").render(trials=list(trials), style=style, style_hash=digest)
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(out.name + ".part")
    draft.write_text(page, encoding="utf-8")
    draft.replace(out)
    return out


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _value(value: object) -> str:
    """A field's value as in YAML's short form; nothing where there is none."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
