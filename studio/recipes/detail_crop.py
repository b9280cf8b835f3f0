"""The studio `detail-crop`: sharp, salient parts of a photo at their own pixels."""

from __future__ import annotations

from collections.abc import Sequence

from studio.briefs.detail_crop import DetailCropBrief
from studio.product import Product, ProductImage
from studio.recipes.base import Recipe
from studio.setups import Family, Setup
from studio.steps.calibrate import Calibrate
from studio.steps.compose import Compose
from studio.steps.crop import Crop
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.steps.encode import Encode
from studio.steps.inspect import Inspect
from studio.steps.recolour import RecolourStep
from studio.steps.scene import SceneStep
from studio.template import Template


def build() -> Recipe:
    """From the photo to the measured detail."""
    product = (Decode(), Calibrate(), CutoutStep(), RecolourStep(), Crop())
    return Recipe("detail-crop", (*product, SceneStep(), Compose(), Encode(), Inspect()), details)


def details(product: Product, template: Template, photos: Sequence[ProductImage], family: Family) -> list[Setup]:
    """`detail-1`, `detail-2` ... of the first photo; of a further photo `back-detail-1` and so on."""
    brief = template.brief
    count = brief.count if isinstance(brief, DetailCropBrief) else 1
    found = []
    for place, photo in enumerate(photos):
        before = "" if not place else f"{photo.role}-{place + 1}-"
        found += [Setup(slot=f"{before}detail-{rank}", images=(photo,)) for rank in range(1, count + 1)]
    return found
