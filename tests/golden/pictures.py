"""What the golden pictures show, and how one is made: a true matte, the photography steps, no model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from studio.destination import Destination
from studio.errors import PackshotError, UnknownModel
from studio.imaging.resample import extended
from studio.models.base import ModelCard
from studio.product import Product, ProductImage
from studio.shot import Shot
from studio.steps.base import Step
from studio.steps.compose import Compose
from studio.steps.encode import Encode
from studio.steps.ground import Ground
from studio.steps.place import Place
from studio.steps.scene import SceneStep
from studio.take import Matte, Take
from studio.template import Template, Upscale
from tests import shipped

HERE = Path(__file__).resolve().parent
INPUTS = HERE / "inputs"
SIDE = 512
CASES = (
    ("amazon-white", "amazon-main", "NL-MUG-01"),
    ("lifestyle-wood", "web-hero", "NL-STL-01"),
    ("dark-luxury", "shopify", "NL-RNG-01"),
    ("transparent", "web-transparent", "NL-MUG-01"),
)
"""Template, destination, product."""


class NoModels:
    """Nothing here may ask a model."""

    async def predict(self, name: str, items: Sequence[Any]) -> list[Any]:
        raise UnknownModel(name)

    def card(self, name: str) -> ModelCard:
        raise UnknownModel(name)


def matte(sku: str) -> Matte:
    """The shipped photo with its true alpha, its edge freed of the old ground."""
    rgb = np.asarray(Image.open(INPUTS / f"{sku}.jpg").convert("RGB"))
    alpha = np.asarray(Image.open(INPUTS / f"{sku}_alpha.png").convert("L")).astype(np.float32) / 255
    clean = extended(rgb, (alpha > 0.97).astype(np.float32), 6)
    clean[alpha >= 1] = rgb[alpha >= 1]
    return Matte(alpha, clean, 0.0, "alpha")


def shot(template: Template, destination: Destination, sku: str = "SKU") -> Shot:
    image = ProductImage(uri=f"{sku}.jpg", digest="0" * 64)
    return Shot(product=Product(sku=sku), template=template, destination=destination, images=(image,))


def small(destination: Destination, side: int = SIDE) -> Destination:
    """The destination with its longer side at `side` pixels."""
    scale = side / max(destination.width, destination.height)
    size = {"width": round(destination.width * scale), "height": round(destination.height * scale)}
    return destination.model_copy(update=size)


def without_model(template: Template) -> Template:
    return template.model_copy(update={"upscale": Upscale(above=1000)})


def run(take: Take, steps: Sequence[Step], models: Any = None) -> Take:
    """Run steps over one take; the error of a step is raised."""

    async def go() -> None:
        for step in steps:
            (result,) = await step.process([take], models or NoModels())
            if isinstance(result, PackshotError):
                raise result

    asyncio.run(go())
    return take


def finished(template: str, destination: str, sku: str) -> Take:
    """One golden case, encoded."""
    library = shipped.library()
    where = small(library.destination(destination))
    take = Take(shot(without_model(library.template(template)), where, sku), b"", matte=matte(sku))
    return run(take, (Place(), SceneStep(), Ground(), Compose(), Encode()))


def path(template: str, destination: str, sku: str) -> Path:
    suffix = "png" if destination == "web-transparent" else "jpg"
    return HERE / f"{template}_{sku}.{suffix}"
