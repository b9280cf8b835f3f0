"""The studio `lookalike`: a product in a set that follows a reference photo."""

from __future__ import annotations

from collections.abc import Sequence

from studio.errors import MissingInput
from studio.product import ImageRole, Product, ProductImage
from studio.recipes.base import Recipe
from studio.setups import Family, Setup, slots
from studio.steps.backdrop import Backdrop
from studio.steps.calibrate import Calibrate
from studio.steps.compose import Compose
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.steps.encode import Encode
from studio.steps.examine import Examine
from studio.steps.focus import Focus
from studio.steps.generate import Generate
from studio.steps.glass import SeeThrough, Transmit
from studio.steps.gleam import Gleam
from studio.steps.ground import Ground
from studio.steps.harmonise import HarmoniseStep
from studio.steps.imitate import GradeProduct, GradeSet, Imitate, brief_of, missing
from studio.steps.inspect import Inspect
from studio.steps.place import Place
from studio.steps.recolour import RecolourStep
from studio.steps.relight import RelightStep
from studio.steps.scene import SceneStep
from studio.template import Template


def build() -> Recipe:
    """As photography, with the look taken from the reference before anything is placed."""
    product = (Decode(), Calibrate(), CutoutStep(), RecolourStep(), Imitate(), Place(), Transmit())
    surroundings = (Backdrop(), SceneStep(), Generate(), GradeSet(), Focus(), Ground(), SeeThrough())
    picture = (RelightStep(), Gleam(), HarmoniseStep(), GradeProduct(), Compose(), Encode(), Examine(), Inspect())
    return Recipe("lookalike", product + surroundings + picture, like_references)


def like_references(product: Product, template: Template, photos: Sequence[ProductImage], family: Family) -> list[Setup]:
    """A picture of every photo after every reference of the product (`front`, `front-like-2`); after the template's reference
    where it brings none. Raises MissingInput where there is nothing to imitate."""
    own = [image for image in product.images if image.role is ImageRole.REFERENCE]
    shown = [image for image in photos if image.role is not ImageRole.REFERENCE]
    if not own and brief_of(template).reference is None:
        raise MissingInput(missing(product.sku))
    if not shown:
        raise MissingInput(f"{product.sku}: a lookalike needs a photo of the product beside the reference")
    named = list(zip(shown, slots(shown), strict=True))
    if not own:
        return [Setup(slot=slot, images=(image,)) for image, slot in named]
    return [
        Setup(slot=slot if number == 1 else f"{slot}-like-{number}", images=(image, reference))
        for image, slot in named
        for number, reference in enumerate(own, 1)
    ]
