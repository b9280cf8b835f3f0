"""The product page's studios on the sample catalogue: exactness against the truth, what OCR reads back, and CPU time.

`python -m benchmarks.studios.listing_set`; the camera truth of `../shared/data/catalogue` is used when it is there.
"""

from __future__ import annotations

import asyncio
import csv
import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from studio.errors import PackshotError
from studio.imaging.drawings.view import view_of
from studio.keys import digest_bytes
from studio.lengths import length
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.product import Dimensions, ImageRole, Product, ProductImage
from studio.recipes.catalogue import recipe
from studio.setups import fitting
from studio.shot import Shot
from studio.steps.base import Step
from studio.take import Take
from templates.fonts import font_assets, lettered
from templates.library import Library
from templates.shotlist import NoRelatives, ShotList

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "examples" / "catalog" / "catalog.csv"
TRUTH = ROOT.parent / "shared" / "data" / "catalogue"
WEIGHTS = ROOT / ".packshot" / "models"
LOOKS = ("listing-dimensions", "listing-callouts", "listing-in-hand", "listing-detail")
SKUS = ("NL-MUG-01", "FJ-CAN-01", "NL-LMP-01")


def products() -> dict[str, Product]:
    """The sample catalogue's products with their front photos."""
    found = {}
    with CATALOGUE.open(newline="") as stream:
        for row in csv.DictReader(stream):
            data = (CATALOGUE.parent / row["image_front"]).read_bytes()
            image = ProductImage(uri=str(CATALOGUE.parent / row["image_front"]), role=ImageRole.FRONT, digest=digest_bytes(data))
            size = Dimensions(**{f"{side}_mm": float(row[f"{side}_mm"]) for side in ("width", "height", "depth")})
            attributes = {"material": row["material"], "colour": row["colour"]}
            found[row["sku"]] = Product(
                sku=row["sku"], title=row["title"], attributes=attributes, dimensions=size, images=(image,)
            )
    return found


def scales(known: dict[str, Product]) -> dict[str, float]:
    """Pixels a millimetre as estimated from box and size against the camera's truth: share of error by SKU."""
    truth = json.loads((TRUTH / "catalog.json").read_text())
    errors = {}
    for image in truth["images"]:
        if image["set"] != "studio":
            continue
        camera, (_, _, w, h) = image["camera"], image["bbox_px_xywh"]
        far = float(np.linalg.norm(np.subtract(camera["position_mm"], camera["target_mm"])))
        true = image["size_px"][0] / (2 * math.tan(math.radians(camera["fov_deg_larger_axis"] / 2)) * far)
        view = view_of((w, h), known[image["sku"]].dimensions)
        assert view is not None
        errors[image["sku"]] = view.px_per_mm / true - 1
    return errors


def made(product: Product, look: str, models: LocalModels, library: Library) -> Take:
    """One picture, as it is delivered."""
    shots = ShotList(library, NoRelatives())
    template = lettered(library.template(look), product, None)
    setup = shots.setups(product, template, fitting(product, template))[0]
    shot: Shot = next(iter(shots.shots(product, template, setup)))
    take = Take(shot, Path(product.images[0].uri).read_bytes(), dict(font_assets(WEIGHTS)))

    async def go() -> None:
        for step in recipe(template.recipe).steps:
            if step.applies(shot):
                await _one(step, take, models)

    asyncio.run(go())
    return take


async def _one(step: Step, take: Take, models: LocalModels) -> None:
    (result,) = await step.process([take], models)
    if isinstance(result, PackshotError):
        raise result


def read_back(take: Take, models: LocalModels) -> tuple[int, int]:
    """Lengths that OCR finds again in the delivered pixels, and how many were drawn."""
    image = take.need_image()
    (answer,) = asyncio.run(models.predict("ocr", [image]))
    if isinstance(answer, PackshotError):
        return 0, 0
    seen = " ".join(line.text for line in answer.value)
    plain = re.sub(r"\s", "", seen)
    size = take.shot.product.dimensions
    drawn = [length(mm, "cm") for mm in (size.width_mm, size.height_mm, size.depth_mm) if mm]
    return sum(re.sub(r"\s", "", text) in plain for text in drawn), len(drawn)


def run() -> dict[str, Any]:
    """Every figure, as JSON-able data."""
    known, library, models = products(), Library.default(), LocalModels(Registry(WEIGHTS))
    figures: dict[str, Any] = {"truth": TRUTH.is_dir()}
    if TRUTH.is_dir():
        errors = {sku: abs(error) for sku, error in scales(known).items() if not sku.startswith("NL-LIP")}
        figures["scale_error"] = {
            "median": float(np.median(list(errors.values()))),
            "worst": max(errors.values()),
            "n": len(errors),
        }
    found, wanted, shares, seconds = 0, 0, Counter[str](), []
    line, over, kept = 0.0, 0.0, []
    for sku in SKUS:
        for look in LOOKS:
            take = made(known[sku], look, models, library)
            shares.update(take.seconds)
            seconds.append(take.cpu_s)
            over = max(over, take.measurements.get("label_overlap", 0.0))
            if look == "listing-dimensions":
                line = max(line, take.measurements["line_error"])
                again, drawn = read_back(take, models)
                found, wanted = found + again, wanted + drawn
            if look == "listing-detail":
                kept.append(take.measurements["scale"])
    total = sum(shares.values())
    figures |= {
        "line_error_px": line,
        "label_overlap_px2": over,
        "lengths_read_back": [found, wanted],
        "detail_scale": [round(scale, 3) for scale in kept],
        "cpu_s_a_picture": {"mean": float(np.mean(seconds)), "worst": max(seconds), "n": len(seconds)},
        "share_by_step": {name: round(value / total, 3) for name, value in shares.most_common(8)},
    }
    print(json.dumps(figures, indent=2))
    return figures


if __name__ == "__main__":
    run()
