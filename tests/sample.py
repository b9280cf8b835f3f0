"""A small catalogue made on the spot: coloured shapes on plain ground, a tiny destination, the fake matting model."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from studio.errors import NotFound
from studio.product import Product

TEMPLATE = """
id: tiny-grey
version: 1
title: Tiny grey
recipe: photography
outputs: [tiny]
background: {kind: colour, colour: '#f4f4f4'}
shadow: {contact: 0.0, cast: 0.0}
cutout: {model: fake-matte, refiner: none, second_pass: false, decontaminate: false}
qa: {uncertainty: {max: 1}, delta_e_local: {max: 50}, halo: {max: 100}, haze: {max: 1}, banding: {max: 1}}
"""

DESTINATION = """
id: tiny
title: Tiny test square
width: 160
height: 160
accepts: [jpeg]
max_bytes: 1000000
sources: [{title: made for tests, date: 2026-11-22}]
"""


class Shelf:
    """Products where a studio looks for others."""

    def __init__(self, *products: Product) -> None:
        self._products = products

    def product(self, sku: str) -> Product:
        for product in self._products:
            if product.sku == sku:
                return product
        raise NotFound(f"no product {sku!r}")

    def variants(self, of: str) -> list[Product]:
        return [product for product in self._products if product.variant_of == of]


def photo(path: Path, seed: int, size: int = 240, colour: tuple[int, int, int] | None = None) -> None:
    """A product-like block with a stripe, its colours from the seed, on light grey."""
    rng = np.random.default_rng(seed)
    image = np.full((size, size, 3), 236, np.uint8)
    body = colour or tuple(int(v) for v in rng.integers(20, 150, 3))
    top, left = (int(v) for v in rng.integers(size // 8, size // 4, 2))
    image[top : size - top, left : size - left] = body
    image[size // 2 : size // 2 + 4, left + 4 : size - left - 4] = 255 - np.array(body, np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, "PNG", compress_level=1)


def catalogue(folder: Path, count: int, *, poison: tuple[int, ...] = ()) -> Path:
    """`count` SKUs with one photo each; photos of `poison` are magenta, which makes a poisoned fake model kill its process."""
    with (folder / "catalog.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["sku", "title", "category", "image_front"])
        for i in range(count):
            photo(folder / "images" / f"p{i:05}.png", i, colour=(255, 0, 255) if i in poison else None)
            writer.writerow([f"SKU-{i:05}", f"Product {i}", "Test", f"images/p{i:05}.png"])
    return folder / "catalog.csv"


def art(folder: Path) -> Path:
    """A folder of styles and destinations for `Settings.template_folders`."""
    for name, text in (("styles/tiny-grey.yaml", TEMPLATE), ("destinations/tiny.yaml", DESTINATION)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def tree(folder: Path) -> dict[str, str]:
    """SHA-256 of every image under a folder, by relative path."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and ".packshot" not in p.parts)
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def settings(tmp: Path, **more: Any) -> Any:
    """Settings whose every file lies under `tmp`."""
    from cluster.settings import load_settings

    root = Path(__file__).resolve().parents[1]
    defaults: dict[str, Any] = {
        "home": tmp / "home",
        "templates": ("tiny-grey",),
        "template_folders": (art(tmp / "art"),),
        "weights": root / ".packshot" / "models",
    }
    return load_settings(**(defaults | more))
