"""Colour: recolouring against photographed variants, the product's colour after encoding, relighting, false ColorCheckers.

`python -m benchmarks.colour [photos]`. Relighting was drawn up on six products of the sample catalogue (mug, vase, headphones,
book, kettle, can). Held out are spree, saleor and sylius photos, split by product:
the half whose name's digest is odd is measured.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.goods import DATA, ROOT, WEIGHTS
from studio.errors import PackshotError
from studio.imaging.chart import find_chart
from studio.imaging.colour import delta_e_2000, srgb_to_lab
from studio.imaging.recolour import recoloured
from studio.imaging.relight import RIGS, drift, relit
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.product import Product, ProductImage
from studio.recipes.catalogue import recipe
from studio.shot import Shot
from studio.take import Take
from studio.template import Recolour, Relight, Template
from templates.library import Library

LIPSTICKS, VIEWS = ("NL-LIP-EMB", "NL-LIP-RSW", "NL-LIP-FIG"), ("front", "casual")
DIFFERENT = 6.0
"""CIEDE2000 between two shades' photos from which a pixel shows the bullet."""
STYLE, PLACE = "amazon-white", "amazon-main"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value beside what is wanted."""

    name: str
    value: float
    wanted: str


def recolour_figures() -> Iterator[Figure]:
    """Every shade of lipstick turned into every other, against the photo of that other: six pairs, two views."""
    medians, pixels = [], []
    for view in VIEWS:
        photos = {sku: _rgb(DATA / "catalogue" / "images" / f"{sku}_{view}.jpg") for sku in LIPSTICKS}
        labs = {sku: srgb_to_lab(photo) for sku, photo in photos.items()}
        alpha = np.asarray(Image.open(DATA / "catalogue" / "alpha" / f"{LIPSTICKS[0]}_{view}.png").convert("L")) / np.float32(255)
        for before, after in permutations(LIPSTICKS, 2):
            bullet = (delta_e_2000(labs[before], labs[after]) > DIFFERENT) & (alpha > 0.98)
            target, source = (np.median(labs[sku][bullet], axis=0) for sku in (after, before))
            wanted = Recolour(target=tuple(float(v) for v in target), source=_nearest_hex(photos[before][bullet], source))
            result = srgb_to_lab(recoloured(photos[before], alpha, wanted).rgb)
            medians.append(float(delta_e_2000(np.median(result[bullet], axis=0), target)))
            pixels.append(float(np.median(delta_e_2000(result[bullet], labs[after][bullet]))))
    yield Figure("recolour to swatch, median of the region: worst of 12", max(medians), "<= 2")
    yield Figure("recolour to swatch, median of the region: mean of 12", float(np.mean(medians)), "<= 2")
    yield Figure("recoloured pixel against the photographed shade, median: worst of 12", max(pixels), "-")


def shot_figures(photos: Iterable[Path]) -> Iterator[Figure]:
    """Photos through the whole recipe, unrelit; then their placed products under every preset at the default strength."""
    library, models = Library.default(), LocalModels(Registry(WEIGHTS))
    template = library.template(STYLE)
    means, p95s, lit, failed = [], [], {preset: [] for preset in RIGS}, 0
    for path in photos:
        take = _rendered(path, template, library, models)
        if take is None or take.placed is None or "delta_e_mean" not in take.measurements:
            failed += 1
            continue
        means.append(take.measurements["delta_e_mean"])
        p95s.append(take.measurements["delta_e_p95"])
        for preset, values in lit.items():
            after = relit(take.placed, template.light, Relight(preset=preset))
            values.append(drift(take.placed.rgb, after, take.placed.alpha))
    yield Figure("photos measured", len(means), "-")
    yield Figure("photos without a picture (no product found, too small)", failed, "-")
    yield Figure("product dE00 after encoding, mean over photos", float(np.mean(means)), "<= 0.5")
    yield Figure("product dE00 after encoding, worst photo's mean", max(means), "-")
    yield Figure("product dE00 after encoding, p95 within a photo, mean over photos", float(np.mean(p95s)), "<= 1.7")
    yield Figure("product dE00 after encoding, p95 within a photo, worst photo", max(p95s), "-")
    for preset, values in lit.items():
        yield Figure(f"relit {preset}: dE00 mean, worst photo", max(v[0] for v in values), "<= 3")
        yield Figure(f"relit {preset}: hue error in degrees, worst photo", max(v[1] for v in values), "<= 3")


def chart_figures(photos: Iterable[Path]) -> Iterator[Figure]:
    """ColorCheckers seen in photos that show none."""
    found = [find_chart(_rgb(path)) is not None for path in photos]
    yield Figure(f"ColorCheckers seen in {len(found)} photos without one", sum(found), "0")


def held_out(limit: int) -> list[Path]:
    """Up to `limit` held-out photos, evenly over the sets; photos of one product stay on one side."""
    files = [path for name in ("spree/images", "saleor/cutouts", "sylius") for path in _pictures(DATA / name)]
    odd = [path for path in files if int(digest_bytes("-".join(path.stem.split("-")[:2]).encode())[:8], 16) % 2]
    return odd[:: max(1, -(-len(odd) // limit))]


def _rendered(path: Path, template: Template, library: Library, models: LocalModels) -> Take | None:
    image = ProductImage(uri=str(path), digest=digest_bytes(path.read_bytes()))
    shot = Shot(product=Product(sku=path.stem), template=template, destination=library.destination(PLACE), images=(image,))
    take = Take(shot, path.read_bytes())

    async def go() -> Take | None:
        for step in recipe(template.recipe).steps:
            (result,) = await step.process([take], models)
            if isinstance(result, PackshotError):
                return None
        return take

    return asyncio.run(go())


def _nearest_hex(pixels: Any, lab: Any) -> str:
    """The pixel whose colour is nearest to a Lab colour, as #rrggbb."""
    best = pixels[int(np.argmin(delta_e_2000(srgb_to_lab(pixels), lab)))]
    return "#{:02x}{:02x}{:02x}".format(*best)


def _rgb(path: Path) -> Any:
    return np.asarray(Image.open(path).convert("RGB"))


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"})


def main() -> None:
    """Print one table."""
    if not DATA.is_dir():
        print("the shared photos are not here")
        return
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    every = [path for folder in (DATA, ROOT / "examples" / "catalog") for path in _pictures(folder) if "alpha" not in str(path)]
    figures = [*recolour_figures(), *shot_figures(held_out(limit)), *chart_figures(every)]
    rows = [[figure.name, f"{figure.value:.3g}", figure.wanted] for figure in figures]
    width = max(len(row[0]) for row in rows)
    for name, value, wanted in rows:
        print(f"{name:<{width}}  {value:>8}  {wanted}")


if __name__ == "__main__":
    main()
