"""The studio `in-hand`: the product beside something of known size."""

from __future__ import annotations

from collections.abc import Sequence

from studio.briefs.in_hand import InHandBrief
from studio.product import Product, ProductImage
from studio.recipes.base import Recipe
from studio.setups import Family, Setup, each_photo
from studio.steps.beside import Beside, Compare, chosen
from studio.steps.calibrate import Calibrate
from studio.steps.compose import Compose
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.steps.encode import Encode
from studio.steps.ground import Ground
from studio.steps.inspect import Inspect
from studio.steps.place import Place
from studio.steps.recolour import RecolourStep
from studio.steps.scene import SceneStep
from studio.template import Template


def build() -> Recipe:
    """From the photo to the measured comparison."""
    product = (Decode(), Calibrate(), CutoutStep(), RecolourStep(), Beside(), Place())
    return Recipe("in-hand", (*product, SceneStep(), Ground(), Compose(), Compare(), Encode(), Inspect()), setups)


def setups(product: Product, template: Template, photos: Sequence[ProductImage], family: Family) -> list[Setup]:
    """A picture of every photo. Raises MissingInput before anything is spent on a product whose data lacks what is drawn."""
    if isinstance(template.brief, InHandBrief):
        chosen(product, template.brief)
    return each_photo(product, template, photos, family)
