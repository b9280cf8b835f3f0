"""The studio `variant-strip`: a product in all its colours."""

from __future__ import annotations

from collections.abc import Sequence

from studio.briefs.variant_strip import VariantStripBrief
from studio.errors import MissingInput
from studio.product import Product, ProductImage
from studio.recipes.base import Recipe
from studio.setups import Family, Setup
from studio.steps.calibrate import Calibrate
from studio.steps.compose import Compose
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.steps.encode import Encode
from studio.steps.inspect import Inspect
from studio.steps.others import CutOthers
from studio.steps.scene import SceneStep
from studio.steps.strip import Strip, StripWords
from studio.template import Template


def build() -> Recipe:
    """From the photos to the measured strip."""
    product = (Decode(), Calibrate(), CutoutStep(), CutOthers(), Strip())
    return Recipe("variant-strip", (*product, SceneStep(), Compose(), StripWords(), Encode(), Inspect()), strip)


def strip(product: Product, template: Template, photos: Sequence[ProductImage], family: Family) -> list[Setup]:
    """One picture of the product and its variants, each with its first photo of the same role. Raises MissingInput."""
    brief = template.brief if isinstance(template.brief, VariantStripBrief) else VariantStripBrief()
    if brief.source == "swatches":
        _enough(product, len(product.swatches), brief.least, "swatches (colour_hex)")
        return [Setup(slot="variants", images=(photos[0],))]
    named = product.variant_of or product.sku
    kin = [_shown(other, photos[0]) for other in family.variants(named)]
    known = {other.sku: other for other in kin if other.images}
    if product.sku not in known:
        known = {product.sku: product.model_copy(update={"images": (photos[0],)}), **known}
    _enough(product, len(known), brief.least, "variants (variant_of) with a photo each")
    chosen = list(known.values())[: brief.most]
    if product.sku not in {other.sku for other in chosen}:
        chosen = [known[product.sku], *chosen[:-1]]
    return [Setup(slot="variants", images=(photos[0],), companions=tuple(chosen))]


def _shown(other: Product, like: ProductImage) -> Product:
    """A variant with just the photo that is used of it."""
    return other.model_copy(update={"images": tuple(image for image in other.images if image.role == like.role)[:1]})


def _enough(product: Product, found: int, least: int, what: str) -> None:
    if found < least:
        raise MissingInput(f"{product.sku}: a strip takes {least} {what} or more, {found} found: supply them")
