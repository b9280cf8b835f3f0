"""Diffusion calls of a lifestyle style over many SKUs: `python -m benchmarks.scene_reuse [SKUs]`.

Every SKU is rendered for three destinations (two share an aspect ratio) in two looks that differ by seed. The generator is the
fake one, which notes its calls; everything else is the real path of a night (`mode inline`), in two nights, the second with a
tenth more SKUs. Bounds that blocks of 64 pixels cannot meet are set wide, so that no shot is tried again: a retry with another
seed adds at most one set for each look and aspect ratio, and none for each SKU.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.goods import SOURCES, blocks, carry_out, scratch, tree, write_catalogue

PHOTO_PX = 96
PLACES = {"reuse-square": (64, 64), "reuse-small": (48, 48), "reuse-wide": (112, 64)}
SEEDS = (1, 2)
STYLE = """
id: reuse-{seed}
title: A generated table, seed {seed}
use: lifestyle
outputs: [{places}]
background: {{kind: colour, colour: '#d8d0c8'}}
shadow: {{contact: 0.0, cast: 0.0}}
cutout: {{model: fake-matte, refiner: none, second_pass: false, decontaminate: false}}
scene: {{engine: diffusers, model: fake-scene, mode: backdrop, seed: {seed}}}
prompt: {{scene: a sunlit oak kitchen counter}}
qa: {{delta_e_local: {{max: 80}}, delta_e_p95: {{max: 80}}, delta_e_mean: {{max: 80}}, halo: {{max: 100}}, haze: {{max: 1}},
  enlargement: {{max: 40}}, edge_contrast: {{min: 0}}, sharpness_ratio: {{min: 0}}, uncertainty: {{max: 1}}, banding: {{max: 1}},
  same_product: {{min: -1}}, silhouette_iou: {{min: 0}}, keypoint_inliers: {{min: 0}}, keypoint_shift: {{max: 9}},
  blur: {{max: 1}}}}
"""
PLACE = "id: {name}\ntitle: Tiny\nwidth: {width}\nheight: {height}\naccepts: [jpeg]\nmax_bytes: 1000000\n"


def run(count: int = 1000) -> dict[str, Any]:
    """Calls of two nights, pictures made, and what there would be without sharing."""
    with scratch() as folder:
        trace = folder / "calls"
        trace.touch()
        settings = _settings(folder, trace)
        photos = blocks(folder / "images", count + max(1, count // 10), PHOTO_PX)
        started = time.perf_counter()
        first = carry_out(settings, write_catalogue(folder / "catalog.csv", photos[:count]), mode="inline")
        first_s, calls = time.perf_counter() - started, _calls(trace)
        second = carry_out(settings, write_catalogue(folder / "catalog.csv", photos), mode="inline")
        later = _calls(trace) - calls
    aspects = len({width / height for width, height in PLACES.values()})
    return {
        "skus": count,
        "pictures": first.due,
        "released": first.released,
        "reasons": dict(first.reasons),
        "aspects": aspects,
        "seeds": len(SEEDS),
        "diffusion_calls": calls,
        "second_night_pictures": second.due,
        "second_night_calls": later,
        "without_sharing": first.due,
        "expected": aspects * len(SEEDS),
        "wall_s": first_s,
    }


def _settings(folder: Path, trace: Path) -> Any:
    names = tuple(f"reuse-{seed}" for seed in SEEDS)
    settings = tree(folder, names[0], models={"configured": {"fake-scene": f"trace={trace}"}})
    for seed in SEEDS:
        text = STYLE.format(seed=seed, places=", ".join(PLACES))
        (folder / "art" / "styles" / f"reuse-{seed}.yaml").write_text(text)
    for name, (width, height) in PLACES.items():
        text = PLACE.format(name=name, width=width, height=height) + SOURCES
        (folder / "art" / "destinations" / f"{name}.yaml").write_text(text)
    return settings.model_copy(update={"templates": names})


def _calls(trace: Path) -> int:
    """Pictures that the generator painted so far."""
    return sum(int(line.split()[3]) for line in trace.read_text().splitlines())


if __name__ == "__main__":
    for name, value in run(int(sys.argv[1]) if len(sys.argv) > 1 else 1000).items():
        print(f"{name:44} {value}")
