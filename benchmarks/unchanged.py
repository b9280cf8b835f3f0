"""A catalogue that has not changed, and one of which 1 % has: `python -m benchmarks.unchanged [photos]`.

Photos of 96 px, a destination of 64 px, the fake matting model and `mode inline`, so that the first run takes minutes and
not hours. The first run is therefore as cheap as a run can be: the factors are lower bounds. `vs_u2netp` replaces its model
calls by the measured seconds of U2-Netp.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.goods import WEIGHTS, block, blocks, carry_out, scratch, tree, write_catalogue
from benchmarks.tree import Tree
from cluster.engine import registry

PHOTO_PX = 96


def run(count: int = 5000) -> dict[str, Any]:
    """The first run, an unchanged one, and one after 1 % of the photos changed."""
    with scratch() as folder:
        catalog = write_catalogue(folder / "catalog.csv", blocks(folder / "images", count, PHOTO_PX))
        settings = tree(folder, "bench-tiny")
        first, made = _timed(settings, catalog)
        again = [_timed(settings, catalog) for _ in range(3)]
        second, unchanged = min(again, key=lambda pair: pair[1].wall_s)
        changed = range(0, count, 100)
        for index in changed:
            block(folder / "images" / f"p{index:05}.png", count + index, PHOTO_PX)
        third, partly = _timed(settings, catalog)
    call_s = _call_s(settings)
    real_s = made.wall_s + count * call_s / 2 if call_s else None
    return {
        "photos": count,
        "released": first.released,
        "first_wall_s": made.wall_s,
        "first_cpu_s": made.cpu_s,
        "second_wall_s": unchanged.wall_s,
        "second_cpu_s": unchanged.cpu_s,
        "second_model_calls": sum(second.model_calls.values()),
        "second_image_reads": second.images_read,
        "second_due": second.due,
        "factor": made.wall_s / unchanged.wall_s,
        "factor_vs_u2netp": real_s / unchanged.wall_s if real_s else None,
        "us_a_shot": unchanged.wall_s / count * 1e6,
        "changed": len(changed),
        "changed_made": third.due,
        "changed_why": third.why,
        "changed_image_reads": third.images_read,
        "changed_cpu_s": partly.cpu_s,
        "changed_work_share": (partly.cpu_s - unchanged.cpu_s) / made.cpu_s,
        "changed_total_share": partly.cpu_s / made.cpu_s,
    }


def _timed(settings: Any, catalog: Path) -> tuple[Any, Tree]:
    with Tree() as used:
        summary = carry_out(settings, catalog, mode="inline")
    return summary, used


def _call_s(settings: Any) -> float | None:
    """CPU-seconds of one U2-Netp call on one core; None without its weights."""
    if not (WEIGHTS / "u2netp.onnx").is_file():
        return None
    model = registry(settings).create("u2netp")
    model.load()
    model.predict([model.example()])
    started = time.process_time()
    for _ in range(8):
        model.predict([model.example()])
    return (time.process_time() - started) / 8


if __name__ == "__main__":
    for name, value in run(int(sys.argv[1]) if len(sys.argv) > 1 else 5000).items():
        print(f"{name:24} {value}")
