"""Quote beside cost: `python -m benchmarks.cost_quote [shots]`. A small first run gives the means, a large one is quoted by them.

Real photos and the real cut-out network, in this process; two looks of each photo, so that cut-outs are shared. Then a third look
of the same photos, which finds every cut-out in the store and has no history of its own. 500 shots take a core a quarter of
an hour; each run is told as it ends.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.goods import SOURCES, real_photos, scratch, tree, write_catalogue
from cluster.settings import Settings
from pipelines.nightly import Night, Request, Summary
from pipelines.screen import Quiet

SIDE, FIRST = 800, 30
LIMITS = """qa: {delta_e_local: {max: 80}, delta_e_p95: {max: 80}, delta_e_mean: {max: 80}, halo: {max: 100}, haze: {max: 1},
  enlargement: {max: 40}, edge_contrast: {min: 0}, sharpness_ratio: {min: 0}, uncertainty: {max: 1}, banding: {max: 1},
  blur: {max: 1}, source_detail: {min: -200}}
"""
LOOK = """
id: {id}
title: Measured for its cost
outputs: [quote-square]
background: {{kind: colour, colour: '{colour}'}}
shadow: {{contact: {shadow}, cast: {shadow}}}
cutout: {{model: u2netp, second_pass: false, keep_alpha: never}}
upscale: {{above: 9}}
"""
LOOKS = {
    "quote-white": LOOK.format(id="quote-white", colour="#ffffff", shadow=0.0),
    "quote-grey": LOOK.format(id="quote-grey", colour="#d8d8d8", shadow=0.4),
    "quote-sand": LOOK.format(id="quote-sand", colour="#e8dcc4", shadow=0.4),
}
SQUARE = "id: quote-square\ntitle: Square\nwidth: 700\nheight: 700\naccepts: [jpeg]\nmax_bytes: 9000000\n" + SOURCES


def run(shots: int = 500) -> dict[str, Any]:
    """Quote, cost and error of each run, and what the quote of no history would have been."""
    with scratch() as folder:
        settings = _settings(folder)
        photos, kind = real_photos(folder / "images", shots // 2 + FIRST, SIDE)
        first = write_catalogue(folder / "first.csv", photos[:FIRST])
        large = write_catalogue(folder / "large.csv", photos[FIRST:])
        pair = ("quote-white", "quote-grey")
        asked = {
            "first, no history": (first, pair),
            "large, after the first": (large, pair),
            "third look, cut-outs in the store": (large, ("quote-sand",)),
        }
        rows = {}
        for name, (catalog, looks) in asked.items():
            rows[name] = _row(_night(settings, catalog, looks))
            print(f"{name}: {rows[name]}", file=sys.stderr, flush=True)
        return {"photos": kind, "rows": rows}


def _settings(folder: Path) -> Settings:
    settings = tree(folder, "quote-white")
    for name, text in LOOKS.items():
        (folder / "art" / "styles" / f"{name}.yaml").write_text(text + LIMITS)
    (folder / "art" / "destinations" / "quote-square.yaml").write_text(SQUARE)
    return settings


def _night(settings: Settings, catalog: Path, templates: tuple[str, ...]) -> Summary:
    return Night(settings, Request(str(catalog), templates, mode="inline"), Quiet()).run()


def _row(summary: Summary) -> dict[str, Any]:
    names = ("due", "released", "rejected", "failed", "quote", "quote_basis", "cost", "quote_error", "cpu_s", "wall_s")
    told = asdict(summary)
    return {name: told[name] for name in names}


if __name__ == "__main__":
    print(json.dumps(run(*map(int, sys.argv[1:])), indent=1))
