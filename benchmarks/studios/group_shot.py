"""The group studio: how true its scale is, what a picture costs, how many real groups are released.

`python -m benchmarks.studios.group_shot [--keep FOLDER]`. True scale is known for the sample catalogue's photos, whose cameras
are; real groups are made of the shop photos with sizes in ../shared/data/spree.
"""

from __future__ import annotations

import asyncio
import csv
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.goods import DATA, ROOT, WEIGHTS, scratch
from cluster.engine import registry, storage
from cluster.renderer import Renderer
from cluster.settings import load_settings
from connectors.fetch import Fetcher
from connectors.sources.registry import open_source
from pipelines.relatives import CatalogueRelatives
from studio.errors import PackshotError
from studio.imaging.groups.sizing import Size, seen
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.product import Dimensions, Product, ProductImage
from studio.setups import fitting
from studio.shot import Failed, Rejected, Shot
from templates.library import Library
from templates.shotlist import ShotList

SAMPLES = ROOT / "examples" / "studios" / "group-shot.csv"
TIMED = (
    ("NL-MUG-01", "group-row-white"),
    ("NL-MUG-01", "group-pyramid"),
    ("NL-KTL-01", "group-hero"),
    ("NL-VAS-01", "group-grid"),
)
KITCHEN = ("drip-coffee-maker", "electric-kettle-1-7l", "2-slice-toaster", "personal-blender")
CARE = ("ionic-hair-dryer", "ceramic-hair-straightener", "beard-trimmer-7000", "rotary-shaver-9000")
AIR = ("air-purifier-pro", "ultrasonic-humidifier-2l", "air-purifier-compact")
REAL = (
    (KITCHEN, "group-pyramid"),
    (KITCHEN, "group-row-white"),
    (CARE, "group-grid"),
    (CARE, "group-hero"),
    (AIR, "group-hero"),
    (AIR, "group-pyramid"),
)
SETS = (
    "2-slice-toaster",
    "electric-kettle-1-7l",
    "personal-blender",
    "ionic-hair-dryer",
    "drip-coffee-maker",
    "digital-air-fryer-6l",
)
INCH = 25.4


def true_scale() -> dict[str, Any]:
    """Error of the scale read from a photo's box and measures, against the camera that took it."""
    file = DATA / "catalogue" / "catalog.json"
    if not file.is_file():
        return {"skipped": f"no {file.name} in {file.parent}"}
    truth = json.loads(file.read_text())
    sizes = {p["sku"]: Size(*(p["dimensions_mm"][side] for side in ("width", "height", "depth"))) for p in truth["products"]}
    errors: dict[str, list[float]] = {"studio": [], "casual": []}
    for image in truth["images"]:
        if image.get("set") not in errors or "LIP" in image["sku"]:
            continue
        camera, (_, _, w, h) = image["camera"], image["bbox_px_xywh"]
        focal = max(image["size_px"]) / 2 / math.tan(math.radians(camera["fov_deg_larger_axis"] / 2))
        true = focal / math.dist(camera["position_mm"], camera["target_mm"])
        errors[image["set"]].append(abs(seen((w, h), sizes[image["sku"]]).scale / true - 1))
    both = [*errors["studio"], *errors["casual"]]
    figures = {"photos": len(both), "median_error": round(median(both), 4), "worst_error": round(max(both), 4)}
    return figures | {f"{name}_median": round(median(found), 4) for name, found in errors.items()}


class Bench:
    """Renders groups with the fetched weights; every file lies under `folder`."""

    def __init__(self, folder: Path, keep: Path | None) -> None:
        settings = load_settings(home=folder / "home", weights=WEIGHTS)
        self.fetch, self.store, self.keep = Fetcher(), storage(settings), keep
        self.renderer = Renderer(LocalModels(registry(settings)), self.store, self.fetch.read)
        self.library = Library.default()

    def shot(self, product: Product, name: str, others: ShotList) -> Shot:
        """The group of a product, for the first destination of the look. Raises PackshotError."""
        look = self.library.template(name)
        (setup,) = others.setups(product, look, fitting(product, look, named=True))
        known = setup.with_photos(self._known)
        return next(iter(others.shots(product, look, known)))

    def _known(self, image: ProductImage) -> ProductImage:
        return image.model_copy(update={"digest": digest_bytes(self.fetch.read(image.uri))})

    def made(self, shot: Shot) -> dict[str, Any]:
        """What came of it: verdict, CPU seconds, seconds by step; the picture is kept where a folder is given."""
        (outcome,) = asyncio.run(self.renderer.render([shot]))
        if isinstance(outcome, Failed):
            return {"id": shot.id, "status": "failed", "detail": outcome.message}
        if self.keep is not None and outcome.asset is not None:
            self.keep.mkdir(parents=True, exist_ok=True)
            (self.keep / f"{shot.id.replace('/', '_')}.jpg").write_bytes(self.store.get_blob(outcome.asset.digest))
        report = outcome.report
        total = sum(report.seconds.values())
        share = {name: round(value / total, 2) for name, value in report.seconds.items() if value >= 0.02 * total}
        told = {name: round(report.measurements[name], 3) for name in ("scale_spread", "dimension_misfit", "group_visible")}
        detail = outcome.detail if isinstance(outcome, Rejected) else ""
        return {
            "id": shot.id,
            "status": outcome.status,
            "detail": detail,
            "cpu_s": round(report.cpu_s, 2),
            "share": share,
            **told,
        }


class Shop:
    """The real products, as relatives of each other."""

    def __init__(self, products: list[Product]) -> None:
        self._products = {product.sku: product for product in products}

    def product(self, sku: str) -> Product:
        return self._products[sku]

    def variants(self, of: str) -> list[Product]:
        return [product for product in self._products.values() if product.variant_of == of]


def real_products() -> list[Product]:
    """Every colour of every appliance whose photo is there, with its size."""
    found = []
    with (DATA / "spree" / "products.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            photo = DATA / "spree" / "images" / row["image1_src"].rpartition("/")[2]
            if not row["width"] or not row["image1_src"] or not photo.is_file():
                continue
            sides = {f"{side}_mm": float(row[side]) * INCH for side in ("width", "height", "depth")}
            image, size = ProductImage(uri=str(photo)), Dimensions(**sides)
            found.append(Product(sku=row["sku"], dimensions=size, images=(image,), variant_of=row["slug"]))
    return found


def real_shots(bench: Bench) -> Iterator[Shot | PackshotError]:
    """Bundles and colour sets of the real products."""
    products = real_products()
    shop = ShotList(bench.library, Shop(products))
    firsts = {product.variant_of: product for product in reversed(products)}
    for slugs, look in REAL:
        first, *rest = (firsts[slug] for slug in slugs)
        yield bench.shot(first.model_copy(update={"bundle": tuple(p.sku for p in rest)}), look, shop)
    for slug in SETS:
        yield bench.shot(firsts[slug], "group-variants", shop)


def run(keep: Path | None = None) -> dict[str, Any]:
    """All figures."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    figures: dict[str, Any] = {"true_scale": true_scale()}
    if not (WEIGHTS / "u2netp.pth").is_file() and not any(WEIGHTS.glob("u2netp*")):
        return figures | {"skipped": "no weights: run `packshot models fetch`"}
    with scratch() as folder:
        bench = Bench(folder, keep)
        ours = {product.sku: product for product in open_source(SAMPLES) if isinstance(product, Product)}
        family = ShotList(bench.library, CatalogueRelatives(lambda: open_source(SAMPLES)))
        for sku, look in TIMED:
            bench.made(bench.shot(ours[sku], look, family))
        with_cutouts = [bench.shot(ours[sku], look, family) for sku, look in TIMED]
        figures["timed"] = [_again(bench, shot) for shot in with_cutouts]
        if (DATA / "spree").is_dir():
            rows = [bench.made(shot) for shot in real_shots(bench) if isinstance(shot, Shot)]
            figures["real"] = rows
            figures["real_verdicts"] = dict(Counter(row["status"] for row in rows))
        else:
            figures["real"] = "skipped: no ../shared/data/spree"
    return figures


def _again(bench: Bench, shot: Shot) -> dict[str, Any]:
    """The picture at another light, so that only its cut-outs come from the store."""
    light = shot.template.light.model_copy(update={"elevation_deg": shot.template.light.elevation_deg + 1})
    scale = shot.template.composition.model_copy(update={"fill": shot.template.composition.fill - 0.01})
    return bench.made(
        shot.model_copy(update={"template": shot.template.model_copy(update={"light": light, "composition": scale})})
    )


if __name__ == "__main__":
    kept = Path(sys.argv[sys.argv.index("--keep") + 1]) if "--keep" in sys.argv else None
    print(json.dumps(run(kept), indent=2))
