"""CPU of a warm batch against decode + net + cheapest encode alone: `python -m benchmarks.batch_efficiency [photos]`.

Ours runs the recipe `cutout` over a real catalogue through `mode serve`, with Ray, Serve app and models warm: planning, Ray
Data, journal, store, records, previews, ledger and report included. `same mask` stops at the network's own mask, as the peers
do; `refined` is what shops get. Rejected shots count as made: the work is the same.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks.cutout_peers import alone, in_pool, in_ray_data
from benchmarks.goods import carry_out, quiet_ray, real_photos, scratch, tree, write_catalogue
from benchmarks.tree import Tree
from cluster.profile import load_profile
from cluster.runtime import connected

PROFILE = """
name: bench
renderer: {num_cpus: 0.2, max_replicas: 1, ongoing: 3, threads: 2}
models:
  u2netp: {num_cpus: 0.2, max_replicas: 1, ongoing: 8, threads: 2, batch: 1}
batch: {chunk: 8}
ray: {num_cpus: 4, object_store_mb: 512}
"""


def run(count: int = 160) -> dict[str, Any]:
    """Ideal, ours and peers in one run on the same photos."""
    quiet_ray()
    with scratch() as folder:
        photos, origin = real_photos(folder / "photos", count)
        warm = write_catalogue(folder / "warm.csv", real_photos(folder / "warm", 8, 1184)[0])
        catalog = write_catalogue(folder / "catalog.csv", photos)
        for name in ("alone", "pool", "data"):
            (folder / name).mkdir()
        parts = alone(photos, folder / "alone")
        ideal = sum(parts.values())
        rows: dict[str, Any] = {"pool(2), same mask": in_pool(photos, folder / "pool")}
        settings = tree(folder, "bench-cutout", profile=PROFILE)
        with connected(settings, load_profile(settings.profile)):
            for label, template in (("ours, same mask", "bench-cutout"), ("ours, refined", "bench-refined")):
                for _ in range(2):
                    carry_out(settings, warm, mode="serve", templates=(template,), force=True)
                rows[label], split = _ours(settings, catalog, template)
                if template == "bench-cutout":
                    first = split
            rows["ray data, 3 stages, same mask"] = in_ray_data(photos, folder / "data")
        return {
            "photos": count,
            "origin": origin,
            "ideal_cpu_s": ideal,
            "ideal_parts": {name: round(value, 2) for name, value in parts.items()},
            "rows": {name: {"cpu_s": cpu, "wall_s": wall, "efficiency": ideal / cpu} for name, (cpu, wall) in rows.items()},
            "split": dict(sorted(first.items(), key=lambda item: -item[1])),
        }


def _ours(settings: Any, catalog: Path, template: str) -> tuple[tuple[float, float], dict[str, float]]:
    with Tree() as used:
        summary = carry_out(settings, catalog, mode="serve", templates=(template,))
    made = summary.released + summary.rejected
    if (made, summary.failed, summary.cached) != (summary.due, 0, 0):
        raise RuntimeError(f"the batch did not do the work: {summary}")
    return (used.cpu_s, used.wall_s), used.split


if __name__ == "__main__":
    for key, value in run(int(sys.argv[1]) if len(sys.argv) > 1 else 160).items():
        print(key, value)
