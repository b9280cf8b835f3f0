"""Nights of 1e6, 1e7 and 1e8 SKUs, simulated: `python -m benchmarks.ops.scale [--quick]`; docs/scale.md says what is assumed.

Everything in the catalogue is new, or 3 % of it. Fleets: the shipped profile, or as many of its replicas as a night of eight
hours needs. `over lower bound` divides the time from the command to the last picture by all work on all threads from the first
second on; what nodes need to come, what spot takes away and what faults cost is in it. `busy` is work over the thread-seconds
that there were while there was work: what ordering and chunks leave unused.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.ops.driver import costs
from benchmarks.ops.fleet import Fleet, Night, Nodes
from benchmarks.ops.workload import FAULTY, KINDS, PIXELS_S, PLACES, chunks
from benchmarks.tables import table
from cluster.metering.prices import load_prices
from cluster.profile import Profile, Replicas, load_profile

HOURS = 8.0
DUTY = 0.9
"""Share of a GPU's time that calls fill; how many GPUs there must be follows from it."""
CPUS_A_NODE = 16
AT_ONCE = replace(Nodes(), upscaling_speed=1000.0, launches=1000)
"""`upscaling_speed: 1000` in the launcher's file and AUTOSCALER_MAX_CONCURRENT_LAUNCHES=1000 in the head's environment."""


@dataclass(frozen=True, slots=True)
class Case:
    """One night: what is due, on which fleet."""

    label: str
    skus: int
    due: float = 1.0
    shape: Replicas | None = None
    nodes: Nodes = field(default_factory=Nodes)


def run(largest: float = 1e8) -> dict[str, Any]:
    """Figures by case, and what a picture costs the driver."""
    profile = load_profile("production")
    return {"nights": [figures(case, profile) for case in cases(profile, largest)], "driver": costs()}


def cases(profile: Profile, largest: float = 1e8) -> list[Case]:
    """The table's rows."""
    shape, own = standard(profile), begun(profile)
    found = [
        Case("shipped profile", 1_000_000, shape=own),
        Case("shipped profile, 3 % due", 1_000_000, 0.03, own),
        Case("shipped profile, in a service that stood at none", 1_000_000, shape=shape),
    ]
    for skus in (size for size in (1_000_000, 10_000_000, 100_000_000) if size <= largest):
        found.append(Case("for 8 h, Ray's launch limits", skus, shape=fleet(shape, skus)))
        found.append(Case("for 8 h, nodes at once", skus, shape=fleet(shape, skus), nodes=AT_ONCE))
        if skus == largest:
            rough = replace(AT_ONCE, lost_per_hour=0.1)
            found.append(Case("for 8 h, nodes at once, 10 % of them lost an hour", skus, shape=fleet(shape, skus), nodes=rough))
        if skus > 1_000_000:
            found.append(Case("for 8 h of 3 %, nodes at once", skus, 0.03, fleet(shape, skus * 0.03), AT_ONCE))
    return found


def standard(profile: Profile) -> Replicas:
    """The renderers of a night."""
    return profile.renderer.standard or profile.renderer


def begun(profile: Profile) -> Replicas:
    """The same in a Serve app that the night starts for itself: `cold` follows from its chunks, here more than are in flight."""
    return standard(profile).model_copy(update={"cold": profile.cold_for(profile.in_flight)})


def fleet(shape: Replicas, skus: float) -> Replicas:
    """So many of these replicas that the SKUs are made in 97 % of a night, all of them asked for by the first call."""
    work = skus * len(PLACES) * PIXELS_S * (1 + FAULTY)
    count = max(4, 4 * math.ceil(work / (HOURS * 3600 * 0.97) / shape.threads / 4))
    return shape.model_copy(update={"max_replicas": count, "cold": count})


def figures(case: Case, profile: Profile) -> dict[str, Any]:
    """A night of it."""
    shape = case.shape or standard(profile)
    due, in_flight = round(case.skus * case.due), math.ceil(shape.max_replicas * shape.shared * 1.2)
    night = Fleet(shape, case.nodes, in_flight, chunks(due, workers=shape.max_replicas, largest=profile.batch.chunk)).run()
    gpus = night.gpu_s / night.wall_s / DUTY
    return {
        "case": case.label,
        "skus": case.skus,
        "due": due,
        "replicas": shape.max_replicas,
        "hours": night.wall_s / 3600,
        "nights": math.ceil(night.wall_s / 3600 / HOURS),
        "over_lower": night.over_lower,
        "busy": night.cpu_s / night.thread_s,
        "full_s": night.full_s,
        "nodes_lost": night.nodes_lost,
        "redone": night.redone_s / night.cpu_s,
        "faults": night.faults,
        "gpus": gpus,
        "cost": cost(night),
        "cost_per_1000": cost(night) / due / len(PLACES) * 1000,
        "chunks": night.chunks,
        "chunks_per_s": night.chunks / night.wall_s,
        "pictures_per_s": due * len(PLACES) / night.wall_s,
    }


def cost(night: Night) -> float:
    """Spot nodes as long as they are there, and GPU-seconds at their duty, by the standard table of prices."""
    rate = load_prices("standard").rates[-1]
    return night.node_hours * CPUS_A_NODE * rate.cpu_hour.at("spot") + night.gpu_s / DUTY / 3600 * rate.gpu_hour["default"].at(
        "spot"
    )


def report(result: dict[str, Any]) -> str:
    """Both tables as Markdown."""
    head = ["night", "SKUs due", "renderers", "hours", "nights", "over lower bound", "busy", "full after s", "nodes lost",
            "redone %", "GPUs", "cost $", "$ / 1,000 pictures"]  # fmt: skip
    rows = [
        [
            f"{one['case']}, {one['skus']:.0e}",
            f"{one['due']:,}",
            str(one["replicas"]),
            f"{one['hours']:.2f}",
            str(one["nights"]),
            f"{one['over_lower']:.4f}",
            f"{one['busy']:.4f}",
            f"{one['full_s']:.0f}",
            str(one["nodes_lost"]),
            f"{one['redone'] * 100:.2f}",
            f"{one['gpus']:.1f}",
            f"{one['cost']:,.0f}",
            f"{one['cost_per_1000']:.3f}",
        ]
        for one in result["nights"]
    ]
    return table(head, rows) + "\n\n" + bottlenecks(result)


def bottlenecks(result: dict[str, Any]) -> str:
    """How busy the one driving process would be in each night, at what it was measured to take."""
    driver = result["driver"]
    rows = []
    for one in result["nights"]:
        pictures, rate = one["due"] * len(PLACES), one["pictures_per_s"]
        rows.append([
            f"{one['case']}, {one['skus']:.0e}",
            f"{rate:.0f}",
            f"{one['chunks_per_s']:.1f}",
            f"{pictures * driver['plan_s'] / 3600:.2f}",
            f"{rate * driver['feed_s']:.2f}",
            f"{rate * driver['take_s']:.2f}",
            f"{pictures * driver['plan_bytes'] / 1e9:.2f}",
            f"{pictures * driver['journal_bytes'] / 1e9:.2f}",
            f"{pictures * driver['seen_bytes'] / 1e9:.2f}",
        ])  # fmt: skip
    head = ["night", "pictures/s", "chunks/s", "plan written, CPU-h", "feeding, cores", "taking in, cores", "plan GB",
            "journal GB", "driver's memory GB"]  # fmt: skip
    measured = ", ".join(f"{name} {driver[name] * 1e3:.3f} ms" for name in ("plan_s", "feed_s", "take_s"))
    return f"{table(head, rows)}\n\nA picture costs the driver {measured} of CPU."


def kinds() -> str:
    """The kinds of product as a table."""
    rows: Sequence[Sequence[Any]] = [
        [f"{kind.per_mille / 10:g} %", " + ".join(kind.calls), f"{kind.gpu_s:g}", f"{PIXELS_S * len(PLACES):g}"] for kind in KINDS
    ]
    return table(["share", "the plan's model calls", "GPU-s a photo", "CPU-s a photo"], rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ops.scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to 1e6 SKUs only")
    print(report(run(1e6 if parser.parse_args().quick else 1e8)))


if __name__ == "__main__":
    main()
