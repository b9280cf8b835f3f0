"""A night's chunks at any size: shots of four kinds, ordered and cut as the planner does it, a window at a time.

`chunks` works on arrays, so that 1e8 SKUs take a minute and no memory. The weight by which photos are ordered is the planner's
own (`pipelines.estimate.weight` of a real `Planned` of each kind), the pieces are those of `cluster.chunks`, the window is
`pipelines.runfiles.WINDOW`. `planned_chunks` writes a real plan of the same shots; a test holds the two against each other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.chunks import even, guided, shrinking
from pipelines.estimate import weight
from pipelines.plan import Planned
from pipelines.runfiles import WINDOW, RunFiles
from studio.keys import digest_of
from studio.product import Product, ProductImage
from studio.shot import Shot
from templates.library import Library

Floats = NDArray[np.float64]
TEMPLATE, PLACES = "amazon-white", ("amazon-main", "ebay")
"""Every SKU has one photo and a picture for each of two marketplaces."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of product: how many of a thousand, the models its plan names, and GPU-seconds that one really takes in the mean."""

    per_mille: int
    calls: dict[str, int]
    gpu_s: float


KINDS = (
    Kind(900, {"u2netp": 1}, 0.05),
    Kind(60, {"u2netp": 1, "span-x2": 1}, 0.45),
    Kind(10, {"u2netp": 1, "span-x4": 1}, 0.65),
    Kind(30, {"u2netp": 1, "scene": 1}, 5.0),
)
PIXELS_S = 0.8
"""CPU-seconds of the renderer a picture (`cluster.estimates.DEFAULT_SHOT_S`, measured)."""
SIGMA = 0.6
"""Of the lognormal factor on all seconds of a photo, which no plan knows."""
STRAGGLERS, STRAGGLER_ALPHA, STRAGGLER_MOST = 0.001, 1.5, 60.0
"""Share of photos that take a Pareto factor longer still."""
FAULTY = 0.01
"""Share of photos whose first attempt fails at its end and is made again."""


@dataclass(frozen=True, slots=True)
class Chunks:
    """Chunks of one window in the plan's order: photos, CPU-seconds, GPU-seconds, and the longest photo of each: its pictures are
    made side by side, as `cluster.renderer` does it."""

    photos: NDArray[np.int64]
    cpu_s: Floats
    gpu_s: Floats
    longest_s: Floats
    faults: int


def chunks(skus: int, *, workers: int, largest: int, seed: int = 1) -> Iterator[Chunks]:
    """Windows of a catalogue in which everything is due."""
    rng, each = np.random.default_rng(seed), len(PLACES)
    known = each * weights()
    for count, whole in windows(skus, workers=workers, largest=largest):
        kinds = kinds_of(rng, count)
        order = np.argsort(-known[kinds], kind="stable")
        cpu, gpu, faults = _seconds(rng, kinds)
        most = max(1, largest // each)
        pieces = even(range(count), largest=most) if whole else guided(range(count), workers=workers, largest=most)
        starts = np.array([piece[0] for piece in pieces], np.int64)
        cpu, gpu = cpu[order], gpu[order]
        yield Chunks(
            np.diff(np.append(starts, count)),
            np.add.reduceat(cpu, starts),
            np.add.reduceat(gpu, starts),
            np.maximum.reduceat(cpu / each + gpu, starts),
            faults,
        )


def windows(skus: int, *, workers: int, largest: int) -> Iterator[tuple[int, bool]]:
    """Photos that are ordered together, and whether more come after them."""
    each = len(PLACES)
    left, full = skus, math.ceil((WINDOW + shrinking(workers=workers, largest=largest)) / each)
    while left:
        count = WINDOW // each if left >= full else left
        left -= count
        yield count, left > 0


def kinds_of(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Kinds of `count` SKUs."""
    shares = np.array([kind.per_mille / 1000 for kind in KINDS])
    return rng.choice(len(KINDS), count, p=shares)


def _seconds(rng: np.random.Generator, kinds: NDArray[np.int64]) -> tuple[Floats, Floats, int]:
    """CPU- and GPU-seconds of photos as they turn out, and how many were made twice."""
    count = len(kinds)
    factor = rng.lognormal(-SIGMA * SIGMA / 2, SIGMA, count)
    slow = rng.random(count) < STRAGGLERS
    factor[slow] *= np.minimum(1 + rng.pareto(STRAGGLER_ALPHA, int(slow.sum())), STRAGGLER_MOST)
    faulty = rng.random(count) < FAULTY
    factor *= 1.0 + faulty
    gpu = np.array([kind.gpu_s for kind in KINDS])
    return factor * PIXELS_S * len(PLACES), factor * gpu[kinds], int(faulty.sum())


def weights() -> Floats:
    """The planner's weight of a shot of each kind, mean over its marketplaces."""
    return np.array([np.mean([weight(item) for item in planned(0, kind)]) for kind in range(len(KINDS))])


def planned(number: int, kind: int) -> list[Planned]:
    """What the planner would say of a SKU of this kind."""
    library = _library()
    uri, digest = f"photos/{number:09}.jpg", digest_of(number)
    image = ProductImage(uri=uri, digest=digest)
    product = Product(sku=f"SKU-{number:09}", images=(image,))
    shots = [Shot.of(product, library.template(TEMPLATE), library.destination(to), (image,), slot="front") for to in PLACES]
    return [Planned(shot=shot, key=digest_of(shot.id), why="new", parts={}, calls=KINDS[kind].calls) for shot in shots]


def planned_chunks(folder: Path, skus: int, *, workers: int, largest: int, seed: int = 1) -> list[tuple[int, float]]:
    """The same catalogue through the planner's own `write_plan`: photos and weight of every chunk in the plan."""
    files, rng = RunFiles(str(folder), "run"), np.random.default_rng(seed)
    files.make()

    def shots() -> Iterator[Planned]:
        done = 0
        for count, _ in windows(skus, workers=workers, largest=largest):
            kinds = kinds_of(rng, count)
            _seconds(rng, kinds)
            for number, kind in enumerate(kinds, done):
                yield from planned(number, int(kind))
            done += count

    files.write_plan(shots(), workers=workers, largest=largest, weight=weight)
    return [_summed(json.loads(items)) for _, items in files.chunks()]


def _summed(items: list[dict[str, Any]]) -> tuple[int, float]:
    found = [Planned.model_validate(item) for item in items]
    return len({item.shot.images[0].digest for item in found}), sum(map(weight, found))


@cache
def _library() -> Library:
    return Library.default()
