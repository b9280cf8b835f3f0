"""Contact sheets of every style on real products: docs/gallery, a sheet an industry, and how many of the pictures were released.

`python -m benchmarks.gallery [INDUSTRY...] [--art FOLDER] [--to FOLDER]`. Pictures are made by the real renderer on canvases of
1080 px: limits on pixels do not count here, everything else is checked as always."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.goods import DATA, ROOT, scratch, tree
from cluster.engine import host_threads, open_renderer, storage
from cluster.settings import Settings
from studio.destination import Destination
from studio.keys import digest_bytes
from studio.product import Product, ProductImage
from studio.shot import Failed, Outcome, Shot
from studio.template import Template
from templates.library import Library

U8 = NDArray[np.uint8]

OURS = ROOT / "examples" / "catalog" / "images"
SIDE, ROW, GAP = 1080, 216, 6
"""Long side of a canvas, height of a row of the sheet, and the white between pictures, in pixels."""
MOST_BYTES = 60_000
PLACES = (("main", "amazon-main"), ("main", "shopify"), ("lifestyle", "amazon-secondary"), ("lifestyle", "meta-portrait"),
          ("lifestyle", "web-hero"))  # fmt: skip
"""Columns of a sheet: the style's use, the destination."""

PRODUCTS: dict[str, tuple[str, ...]] = {
    "electronics": ("NL-SPK-01", "NL-HPH-01"),
    "cosmetics": ("NL-LIP-EMB", "NL-PRF-01"),
    "skincare": ("NL-CRM-01", "NL-PRF-01"),
    "fashion": ("saleor/cutouts/saleor-blue-hoodie.webp", "saleor/cutouts/saleor-dark-polygon-tee-front.webp"),
    "footwear": ("saleor/cutouts/saleor-blue-plimsolls-1.webp", "saleor/cutouts/saleor-dash-force-1.webp"),
    "bags": ("NL-CSH-01", "saleor/cutouts/saleor-neck-warmer.webp"),
    "jewellery": ("NL-RNG-01",),
    "watches": ("NL-RNG-01", "spree/images/rotary-shaver-9000-chrome.webp"),
    "eyewear": ("saleor/cutouts/saleor-sunnies-dark.webp", "saleor/cutouts/saleor-sunnies.webp"),
    "home-decor": ("NL-VAS-01", "saleor/cutouts/saleor-cushion-blue.webp"),
    "furniture": ("NL-STL-01",),
    "lighting": ("NL-LMP-01",),
    "kitchenware": ("NL-MUG-01", "NL-KTL-01"),
    "appliances": ("spree/images/2-slice-toaster-stainless-steel.webp", "spree/images/high-speed-blender-white.webp"),
    "beverages": ("FJ-CAN-01", "saleor/cutouts/saleor-apple-drink.webp"),
    "food": ("saleor/cutouts/saleor-bean-drink.webp", "NL-CRM-01"),
    "toys": ("NL-CSH-01", "NL-MUG-01"),
    "baby": ("spree/images/ultrasonic-humidifier-2l.webp", "NL-CSH-01"),
    "pet": ("NL-MUG-01", "saleor/cutouts/saleor-cushion-blue.webp"),
    "sports": ("saleor/cutouts/saleor-pauls-blanace-420-1.webp", "NL-HPH-01"),
    "outdoor": ("NL-KTL-01", "saleor/cutouts/saleor-neck-warmer.webp"),
    "tools": ("spree/images/beard-trimmer-7000-gunmetal.webp", "spree/images/rotary-shaver-5000-dark-blue.webp"),
    "automotive": ("NL-KTL-01", "NL-SPK-01"),
    "books": ("NL-BOK-01", "saleor/cutouts/saleor-enterprise-cloud-book.webp"),
}
"""An SKU of the sample catalogue, or a path in ../shared/data: the industry's own goods, or the nearest there are."""
NEAREST = ("bags", "watches", "toys", "baby", "pet", "sports", "outdoor", "tools", "automotive")
"""Industries that have no goods of their own among these photos (or only one of the two)."""

INTRODUCTION = """Every style on real products, made by `python -m benchmarks.gallery`. Columns: Amazon main image, shop, then the
lifestyle style as square, portrait and wide picture. Everything was checked as always, except for sizes:"""
CREDITS = """
Photos: the sample catalogue (own, CC0-1.0); Spree Commerce demo images, Vendo, CC BY 4.0, cut out and set on new grounds; Saleor
placeholders, BSD-3-Clause, set on new grounds.
"""


@dataclass(frozen=True, slots=True)
class Made:
    """One picture, uint8 (H, W, 3) sRGB (grey where it failed), and how it ended."""

    name: str
    picture: U8
    end: str
    detail: str


def photo_of(name: str) -> Path:
    """Where a product's photo is; the sample catalogue's speaker where the shared data is absent."""
    found = OURS / f"{name}_front.jpg" if "/" not in name else DATA / name
    return found if found.is_file() else OURS / "NL-SPK-01_front.jpg"


def reduced(place: Destination) -> Destination:
    """The destination on a small canvas, without its rules about pixels."""
    scale = SIDE / max(place.width, place.height)
    rules = {name: limit for name, limit in place.qa.items() if not name.startswith(("pixels", "megapixels"))}
    size = {"width": round(place.width * scale), "height": round(place.height * scale)}
    return place.model_copy(update={**size, "qa": rules})


def shots_of(library: Library, industry: str) -> list[Shot]:
    """Every product of an industry at every place of the sheet, row by row."""
    return [
        _shot(photo_of(name), library.template(f"{industry}-{use}"), library.destination(place))
        for name in PRODUCTS[industry]
        for use, place in PLACES
    ]


def _shot(photo: Path, template: Template, place: Destination) -> Shot:
    image = ProductImage(uri=str(photo), digest=digest_bytes(photo.read_bytes()))
    product = Product(sku=photo.stem, images=(image,))
    return Shot(product=product, template=template.at(place), destination=reduced(place), images=(image,))


def render(settings: Settings, shots: Sequence[Shot]) -> list[Made]:
    """The pictures, in order."""

    async def go() -> list[Outcome]:
        host_threads(2)
        return await open_renderer(settings).render(shots)

    return [_made(settings, shot, outcome) for shot, outcome in zip(shots, asyncio.run(go()), strict=True)]


def _made(settings: Settings, shot: Shot, outcome: Outcome) -> Made:
    size = shot.destination.height, shot.destination.width, 3
    if isinstance(outcome, Failed) or outcome.asset is None:
        return Made(shot.id, np.full(size, 128, np.uint8), "failed", getattr(outcome, "message", ""))
    data = np.frombuffer(storage(settings).get_blob(outcome.asset.digest), np.uint8)
    picture = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    detail = "" if outcome.status == "released" else outcome.detail
    return Made(shot.id, np.asarray(picture, np.uint8), outcome.status, detail)


def sheet(pictures: Sequence[U8]) -> U8:
    """Rows of as many pictures as there are places, each scaled to the height of a row: uint8 (H, W, 3)."""
    rows = [pictures[i : i + len(PLACES)] for i in range(0, len(pictures), len(PLACES))]
    return np.concatenate([_band(row) for row in rows], axis=0)


def _band(pictures: Iterable[U8]) -> U8:
    parts: list[U8] = []
    for picture in pictures:
        width = round(picture.shape[1] * ROW / picture.shape[0])
        small = cv2.resize(picture, (width, ROW), interpolation=cv2.INTER_AREA)
        parts.append(np.asarray(cv2.copyMakeBorder(small, 0, GAP, 0, GAP, cv2.BORDER_CONSTANT, value=(210, 210, 210)), np.uint8))
    return np.concatenate(parts, axis=1)


def small_jpeg(picture: U8) -> bytes:
    """The best JPEG within the byte limit."""
    for quality in range(90, 30, -4):
        _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        if data.size <= MOST_BYTES:
            break
    return data.tobytes()


def page(library: Library, made: dict[str, list[Made]]) -> str:
    """The gallery's README."""
    ends = Counter(m.end for pictures in made.values() for m in pictures)
    told = ", ".join(f"{count} {end}" for end, count in sorted(ends.items(), reverse=True))
    lines = ["# Gallery\n", f"{INTRODUCTION} {told}.\n"]
    lines += [f"Shown on the nearest goods at hand: {', '.join(NEAREST)}.", CREDITS]
    for industry, pictures in made.items():
        main, life = (library.template(f"{industry}-{use}") for use in ("main", "lifestyle"))
        lines += [f"## {industry}\n", f"![{industry}]({industry}.jpg)\n", f"`{main.id}`: {main.description}\n"]
        lines += [f"`{life.id}`: {life.description}\n"]
        lines += [f"- held back: {m.name}: {m.detail}" for m in pictures if m.end != "released"]
        lines += [""] if any(m.end != "released" for m in pictures) else []
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Make the sheets asked for (all of them, and the page, where none is named)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("industries", nargs="*", metavar="INDUSTRY", help=", ".join(PRODUCTS))
    parser.add_argument("--art", type=Path, default=ROOT / "templates")
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "gallery")
    options = parser.parse_args()
    library, made = Library(options.art), dict[str, list[Made]]()
    options.to.mkdir(parents=True, exist_ok=True)
    with scratch() as folder:
        settings = tree(folder, "amazon-white")
        for industry in options.industries or PRODUCTS:
            made[industry] = render(settings, shots_of(library, industry))
            (options.to / f"{industry}.jpg").write_bytes(small_jpeg(sheet([m.picture for m in made[industry]])))
            held = {m.name: m.detail for m in made[industry] if m.end != "released"}
            print(json.dumps({"industry": industry, "pictures": len(made[industry]), "held_back": held}), flush=True)
    if not options.industries:
        (options.to / "README.md").write_text(page(library, made))


if __name__ == "__main__":
    main()
