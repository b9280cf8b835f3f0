"""Photography: glass against its truth, one scale over angles, depth of field: `python -m benchmarks.studios.photography`."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from studio.errors import PackshotError
from studio.imaging.colour import linear_to_srgb, u8_to_linear
from studio.imaging.depth import softness
from studio.imaging.glass import backdrop, glass_of
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.product import ImageRole, Product, ProductImage
from studio.qa import policy
from studio.recipes.catalogue import recipe
from studio.shot import Shot
from studio.take import Take
from templates.library import Library

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
SAMPLES = ROOT / "examples" / "studios" / "photography.csv"
GROUNDS = {"dark": (0.02, 0.02, 0.03), "blue": (0.2, 0.4, 0.7), "wood": (0.45, 0.28, 0.15)}
SHOES = ("saleor-blue-plimsolls-1", "saleor-blue-plimsolls-3", "saleor-blue-plimsolls-4")


def run() -> dict[str, Any]:
    """All figures; those that need ../shared/data say so where it is not there."""
    cv2.setNumThreads(1)
    missing = f"{SHARED} is not here"
    return {
        "glass": glass() if SHARED.exists() else missing,
        "angles": angles() if SHARED.exists() else missing,
        "pictures": pictures(),
    }


def glass() -> dict[str, Any]:
    """Mean error of the transmission inside the true silhouette, and of the picture on three grounds, sRGB levels: with the old
    backdrop left inside, and as made here."""
    figures = {}
    for sku, role, top in (("NL-PRF-01", "front", True), ("NL-PRF-01", "casual", True), ("NL-RNG-01", "front", None)):
        photo = u8_to_linear(_read(f"images/{sku}_{role}.jpg"))
        alpha = _read(f"alpha/{sku}_{role}.png")[..., 0].astype(np.float32) / 255
        truth = _read(f"alpha/{sku}_{role}_transmission.png").astype(np.float32) / 255
        inside = alpha > 0.99
        if top is None:
            error = float(np.abs(truth)[inside].mean())
            figures[f"{sku} {role}"] = {"treated_as": "metal: nothing seen through the stone", "error": round(error, 3)}
            continue
        found, (behind, _) = glass_of(photo, alpha, top=top), backdrop(photo, alpha)
        own = np.maximum(photo - truth * behind, 0)
        figures[f"{sku} {role}"] = {
            "error": round(float(np.abs(found.transmission - truth)[inside].mean()), 3),
            "error_of_none": round(float(truth[inside].mean()), 3),
            "opaque_leak": round(float(found.transmission[inside & (truth.mean(axis=2) < 0.02)].mean()), 3),
            "backdrop_unevenness": round(found.unevenness, 3),
            "levels_old_and_new": {
                name: _levels(photo, own + truth * c, found.own + found.transmission * c, inside)
                for name, c in ((name, np.array(colour, np.float32)) for name, colour in GROUNDS.items())
            },
        }
    return figures


def angles() -> dict[str, float]:
    """Three real photos of one pair of shoes: spread of scale and baseline over the finished pictures."""
    folder = SHARED / "saleor" / "cutouts"
    photos = [folder / f"{name}.webp" for name in SHOES]
    takes = [_shot("photography-angles", "shopify", {}, [photo, *(p for p in photos if p != photo)]) for photo in photos]
    scales = [take.measurements["scale"] for take in takes]
    lines = [take.measurements["baseline"] for take in takes]
    return {
        "scale_spread": round(max(scales) / min(scales) - 1, 6),
        "baseline_spread": round(max(lines) - min(lines), 6),
        "measured_scale_error": max(take.measurements["angle_scale"] for take in takes),
    }


def pictures() -> list[dict[str, Any]]:
    """Samples at full size: verdict, CPU seconds, and the share of the dearest steps."""
    rows = {row["sku"]: row for row in csv.DictReader(SAMPLES.open())}
    asked = (
        ("NL-PRF-01", "photography-glass", "web-square"),
        ("NL-KTL-01", "photography-slate", "web-square"),
        ("NL-STL-01", "photography-depth", "web-square"),
        ("NL-PRF-01", "photography-depth", "web-square"),
    )
    results = []
    for sku, template, place in asked:
        row = rows[sku]
        take = _shot(template, place, row, [(SAMPLES.parent / row["image_front"]).resolve()])
        library = Library.default()
        verdict = policy.decide(take.measurements, policy.limits(library.template(template), library.destination(place)))
        whole = sum(take.seconds.values())
        shares = sorted(((seconds / whole, step) for step, seconds in take.seconds.items()), reverse=True)[:6]
        figures: dict[str, Any] = {"sku": sku, "template": template, "verdict": verdict.reason or "released"}
        figures["cpu_s"] = round(take.cpu_s, 2)
        figures["shares"] = {step: f"{share:.0%}" for share, step in shares}
        if take.ground is not None and template == "photography-depth":
            high = take.ground.shape[0]
            near, far = (softness(take.ground, slice(round(a * high), round(b * high))) for a, b in ((0.84, 0.88), (0.61, 0.65)))
            figures["ground_detail_near_and_far"] = (round(near, 2), round(far, 2))
        results.append(figures)
    return results


def _shot(template: str, place: str, row: dict[str, str], photos: list[Path]) -> Take:
    library, models = Library.default(), LocalModels(Registry(ROOT / ".packshot" / "models"))
    images = tuple(
        ProductImage(uri=str(path), digest=digest_bytes(path.read_bytes()), role=ImageRole.ANGLE if i else ImageRole.FRONT)
        for i, path in enumerate(photos)
    )
    product = Product(sku=row.get("sku", photos[0].stem), attributes={"material": row.get("material", "")}, images=images)
    where = library.destination(place)
    shot = Shot(product=product, template=library.template(template).at(where), destination=where, images=images)
    take = Take(shot, photos[0].read_bytes())
    take.opened = {image.digest: Path(image.uri).read_bytes() for image in images}
    asyncio.run(_steps(take, models))
    return take


async def _steps(take: Take, models: LocalModels) -> None:
    for step in recipe("photography").steps:
        if step.applies(take.shot):
            (result,) = await step.process([take], models)
            if isinstance(result, PackshotError):
                raise result


def _read(part: str) -> Any:
    picture = cv2.imread(str(SHARED / "catalogue" / part), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.ascontiguousarray(picture[..., ::-1])


def _levels(old: Any, truth: Any, made: Any, inside: Any) -> tuple[float, float]:
    wanted = linear_to_srgb(np.clip(truth, 0, 1))
    old_error, error = (np.abs(linear_to_srgb(np.clip(one, 0, 1)) - wanted)[inside].mean() * 255 for one in (old, made))
    return round(float(old_error), 1), round(float(error), 1)


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=1))
