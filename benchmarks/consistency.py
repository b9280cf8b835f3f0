"""Consistency of main-image styles over real photos: `python -m benchmarks.consistency [--styles ID,...] [--photos N]`.

Every photo of the sample catalogue and, where it is there, of ../shared/data is cut out once and rendered in every style at its
first destination. A photo passes the input checks when the product is found, is not cut by the photo's edge, and the matting
model is sure of it; the pictures of those that the policy releases make the set.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from studio.destination import Destination
from studio.errors import PackshotError
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.product import Product, ProductImage
from studio.qa import policy
from studio.qa.checks.features import CHECKS as FEATURES
from studio.qa.consistency import Consistency, Picture, Rate, consistency, tolerances
from studio.qa.subject import Subject
from studio.recipes.catalogue import recipe
from studio.shot import Shot
from studio.steps.base import CachedStep
from studio.take import Take
from studio.template import Template
from templates.library import Library

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ROOT / ".packshot" / "models"
SHARED = ROOT.parent / "shared" / "data"
FOLDERS = {
    "sample": (ROOT / "examples/catalog/images", "*.jpg"),
    "spree": (SHARED / "spree/images", "*.webp"),
    "saleor": (SHARED / "saleor/cutouts", "*.webp"),
    "sylius": (SHARED / "sylius", "*/*.jpg"),
    "catalogue": (SHARED / "catalogue/images", "*_front.jpg"),
}


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo and where it is from."""

    source: str
    path: Path


def photos(most: int = 0) -> list[Photo]:
    """The photos by source; of a limited number, every source's share."""
    seen: set[str] = set()
    found = []
    for source, (folder, pattern) in FOLDERS.items():
        for path in sorted(folder.glob(pattern)):
            digest = digest_bytes(path.read_bytes())
            if digest not in seen:
                seen.add(digest)
                found.append(Photo(source, path))
    return [found[place * len(found) // most] for place in range(most)] if 0 < most < len(found) else found


def pictures(
    template: Template, where: Destination, some: Sequence[Photo], models: LocalModels, cutouts: dict[Path, bytes]
) -> Iterator[tuple[Photo, str, Picture | None]]:
    """Each photo with what became of it (released, a reason, or `input: ...`) and, where it was released, its picture."""
    for photo in some:
        take, verdict = asyncio.run(_rendered(template.at(where), where, photo, models, cutouts))
        if verdict != "released" or take is None:
            yield photo, verdict, None
            continue
        yield photo, verdict, Picture(photo.source, take.measurements, f"{where.width}x{where.height} {take.media_type}")


async def _rendered(
    template: Template, where: Destination, photo: Photo, models: LocalModels, cutouts: dict[Path, bytes]
) -> tuple[Take | None, str]:
    data = photo.path.read_bytes()
    image = ProductImage(uri=str(photo.path), digest=digest_bytes(data))
    shot = Shot(product=Product(sku=photo.path.stem, images=(image,)), template=template, destination=where, images=(image,))
    take = Take(shot, data)
    try:
        for step in recipe(template.recipe).steps:
            if isinstance(step, CachedStep) and step.name == "cutout" and photo.path in cutouts:
                step.load(take, cutouts[photo.path])
            else:
                (result,) = await step.process([take], models)
                if isinstance(result, PackshotError):
                    return None, f"input: {result.code}" if step.name in {"decode", "cutout"} else result.code
            if isinstance(step, CachedStep) and step.name == "cutout":
                cutouts.setdefault(photo.path, step.dump(take))
            if step.name == "cutout" and (problem := _unfit(take)):
                return None, f"input: {problem}"
    except PackshotError as error:
        return None, error.code
    subject = Subject(take)
    for check in FEATURES:
        value = check.measure(subject) if check.concerns(template) else None
        if value is not None:
            take.measurements.setdefault(check.name, value)
    return take, policy.decide(take.measurements, policy.limits(template, where)).reason or "released"


def _unfit(take: Take) -> str:
    matte = take.need_matte()
    if any(matte.cropped):
        return "cut by the photo's edge"
    return "unsure cut-out" if matte.uncertainty > 0.5 else ""


def smaller(where: Destination, side: int) -> Destination:
    """The destination with its longer side at `side` pixels and without its rules about pixels: features are fractions of the
    canvas, and no enlarging model is called."""
    scale = side / max(where.width, where.height)
    qa = {name: limit for name, limit in where.qa.items() if name not in {"pixels_longest", "pixels_shortest", "megapixels"}}
    return where.model_copy(update={"width": round(where.width * scale), "height": round(where.height * scale), "qa": qa})


def measure(styles: Sequence[str], most: int, side: int) -> dict[str, tuple[Counter[str], Consistency]]:
    """By style: what became of the photos, and how alike the released pictures are."""
    cv2.setNumThreads(1)
    library, models, cutouts = Library.default(), LocalModels(Registry(WEIGHTS)), dict[Path, bytes]()
    some, results = photos(most), {}
    for name in styles or [t.id for t in library.templates() if t.use == "main" and t.recipe == "photography"]:
        template = library.template(name)
        where = smaller(library.destination(template.outputs[0]), side)
        made = list(pictures(template, where, some, models, cutouts))
        released = [picture for _, _, picture in made if picture is not None]
        results[template.id] = Counter(verdict for _, verdict, _ in made), consistency(released, tolerances(template))
    return results


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--styles", default="", help="comma separated; default: every main style")
    parser.add_argument("--photos", type=int, default=0, help="at most so many (0: all)")
    parser.add_argument("--side", type=int, default=720, help="longer side of the canvas in pixels")
    given = parser.parse_args()
    started, inside, of = time.monotonic(), 0, 0
    for name, (verdicts, found) in measure([s for s in given.styles.split(",") if s], given.photos, given.side).items():
        low, high = found.rate.interval
        print(f"\n{name}: {found.rate.inside} of {found.rate.of} consistent, {found.rate.share:.1%} ({low:.1%} to {high:.1%})")
        print("  photos: " + ", ".join(f"{verdict} {count}" for verdict, count in verdicts.most_common()))
        print("  by source: " + ", ".join(f"{source} {rate.inside}/{rate.of}" for source, rate in found.categories.items()))
        print("  features: " + ", ".join(f"{feature} {rate.share:.1%}" for feature, rate in found.features.items()))
        inside, of = inside + found.rate.inside, of + found.rate.of
    total = Rate(inside, of)
    low, high = total.interval
    print(
        f"\nall: {inside} of {of}, {total.share:.2%} (Wilson 95 %: {low:.2%} to {high:.2%}), {time.monotonic() - started:.0f} s"
    )


if __name__ == "__main__":
    main()
