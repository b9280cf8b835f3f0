"""The model studio: which real photos of people can carry what, what a picture costs, how evenly people are shown.

`python -m benchmarks.studios.on_model`. Needs `packshot models fetch pose face` and the Sylius photos of ../shared/data.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from benchmarks.goods import DATA, WEIGHTS, scratch
from cluster.engine import registry, storage
from cluster.renderer import Renderer
from cluster.settings import load_settings
from connectors.fetch import Fetcher
from studio.body import Wearer
from studio.briefs.on_model import OnModelBrief
from studio.errors import MissingInput
from studio.imaging.worn.wearing import fitting
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.people import Person, asked, choose, representation
from studio.product import Dimensions, Product, ProductImage
from studio.shot import Shot
from studio.steps.meet import borne_out
from templates.library import Library

ITEMS = ("glasses", "hat", "earrings", "necklace", "watch", "bag")
WIDTH_MM = 42.0
BATCH = 2000


def run() -> dict[str, Any]:
    """All figures; `skipped` says why there are none."""
    photos = sorted((DATA / "sylius").rglob("*.jpg"))
    if not photos:
        return {"skipped": f"no photos of people in {DATA / 'sylius'}"}
    nets = Registry(WEIGHTS)
    pose, face = nets.create("pose"), nets.create("face")
    pose.load()
    face.load()
    carried: Counter[str] = Counter()
    able = []
    for path in photos:
        rgb = np.asarray(Image.open(path).convert("RGB"))
        body = pose.predict([rgb])[0]
        wearer = Wearer(rgb, body, tuple(one for one in face.predict([rgb])[0] if borne_out(one, body)))
        for item in ITEMS:
            if _carries(wearer, OnModelBrief.model_validate({"item": item}), str(path)):
                carried[item] += 1
                able += [path] if item == "watch" else []
                print(f"{path.relative_to(DATA)}: {item}")
    counts = {"photos": len(photos), "carried": {item: carried[item] for item in ITEMS}}
    return counts | {"pictures": _pictures(able[:3]), "shares": _shares()}


def _carries(wearer: Wearer, brief: OnModelBrief, where: str) -> bool:
    try:
        fitting(wearer, brief, width_mm=100.0, sku="bench", where=where)
    except MissingInput:
        return False
    return True


def _pictures(people: list[Path]) -> list[dict[str, Any]]:
    """A watch on each, at 1600 x 2000: verdict, CPU seconds, and the steps' share of the time."""
    if not people:
        return []
    with scratch() as folder:
        item = _watch(folder / "watch.png")
        library = Library.default()
        settings = load_settings(home=folder / "home", weights=WEIGHTS)
        renderer = Renderer(LocalModels(registry(settings)), storage(settings), Fetcher().read)
        look, place = library.template("on-model-watch"), library.destination("web-portrait")
        product = Product(sku="WATCH", images=(_image(item, "front"),), dimensions=Dimensions(width_mm=WIDTH_MM))
        told = []
        for person in people:
            images = (_image(item, "front"), _image(person, "on-model"))
            shot = Shot(product=product, template=look, destination=place, images=images, slot=person.stem)
            (outcome,) = asyncio.run(renderer.render([shot]))
            report, total = outcome.report, sum(outcome.report.seconds.values())
            share = {
                step: round(seconds / total, 3) for step, seconds in sorted(report.seconds.items(), key=lambda kv: -kv[1])[:5]
            }
            told.append({"photo": person.name, "status": outcome.status, "cpu_s": round(report.cpu_s, 2), "share": share})
        return told


def _image(path: Path, role: str) -> ProductImage:
    return ProductImage.model_validate({"uri": str(path), "role": role, "digest": digest_bytes(path.read_bytes())})


def _watch(path: Path) -> Path:
    """A drawn watch with alpha: 42 mm case, strap upright."""
    rgb, alpha = np.full((1000, 420, 3), (70, 45, 30), np.uint8), np.zeros((1000, 420), np.uint8)
    cv2.rectangle(alpha, (120, 0), (300, 1000), 255, -1)
    for radius, colour in ((200, (190, 190, 195)), (165, (20, 25, 35))):
        cv2.circle(rgb, (210, 500), radius, colour, -1)
    cv2.circle(alpha, (210, 500), 200, 255, -1)
    Image.fromarray(np.dstack([rgb, alpha])).save(path)
    return path


def _shares() -> dict[str, float]:
    """Of `BATCH` products: the largest gap between how often a trait is shown and how often the shares ask for it."""
    consent = {"given": "2026-01-01", "expires": "2099-01-01", "document": "bench", "uses": ["shop"]}
    rows = [("a", 2, "slim", 2.0), ("b", 5, "average", 1.0), ("c", 7, "plus", 1.0), ("d", 9, "curvy", 2.0)]
    cast = [
        Person.model_validate(
            {"id": name, "photo": name, "licence": "bench", "consent": consent, "body_type": body, "skin_tone": tone}
            | {"age": "25-34", "stance": "front", "share": share}
        )
        for name, tone, body, share in rows
    ]
    found, wanted = representation([choose(cast, f"SKU-{i}") for i in range(BATCH)]), asked(cast)
    gaps = [abs(found[trait].get(value, 0.0) - share) for trait, shares in wanted.items() for value, share in shares.items()]
    return {"products": BATCH, "largest_gap": round(max(gaps), 4)}


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
