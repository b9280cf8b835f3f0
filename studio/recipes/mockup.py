"""The studio `mockup`: artwork printed on a blank, which then stands in its own photo or on any ground of a template."""

from __future__ import annotations

from collections.abc import Sequence

from studio.briefs.mockup import MockupBrief
from studio.errors import MissingInput
from studio.product import Product, ProductImage
from studio.recipes.base import Recipe
from studio.setups import Family, Setup, each_photo
from studio.steps.artwork import ArtworkStep
from studio.steps.backdrop import Backdrop
from studio.steps.compose import Compose
from studio.steps.encode import Encode
from studio.steps.examine import Examine
from studio.steps.generate import Generate
from studio.steps.harmonise import HarmoniseStep
from studio.steps.inspect import Inspect
from studio.steps.print import PrintStep
from studio.steps.relight import RelightStep
from studio.steps.scene import SceneStep
from studio.steps.stand import KeepPhoto, ShadeBlank, StandBlank
from studio.template import Template


def build() -> Recipe:
    """From the artwork to the measured file."""
    product = (ArtworkStep(), PrintStep(), StandBlank(), KeepPhoto())
    surroundings = (Backdrop(), SceneStep(), Generate(), ShadeBlank())
    picture = (RelightStep(), HarmoniseStep(), Compose(), Encode(), Examine(), Inspect())
    return Recipe("mockup", product + surroundings + picture, setups)


def setups(product: Product, template: Template, photos: Sequence[ProductImage], family: Family) -> list[Setup]:
    """A picture of every artwork, or one of them all where the blank's surfaces take several. Raises MissingInput."""
    brief = template.brief
    if not isinstance(brief, MockupBrief):
        return each_photo(product, template, photos, family)
    if brief.colour == "swatch" and not product.swatches:
        raise MissingInput(f"{product.sku}: template {template.id} dyes the blank; add the product's colour as a swatch")
    needed = 1 + max(surface.artwork for surface in brief.surfaces)
    if needed == 1:
        return each_photo(product, template, photos, family)
    if len(photos) < needed:
        raise MissingInput(f"{product.sku}: {template.id} needs {needed} images of the role artwork, there are {len(photos)}")
    return [Setup(slot=str(photos[0].role), images=tuple(photos[:needed]))]
