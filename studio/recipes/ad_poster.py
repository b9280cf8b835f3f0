"""The ad-poster studio: a photo of a product becomes an ad with headline, price, badge, logo and small print."""

from __future__ import annotations

from collections.abc import Sequence

from studio.briefs.ad_poster import AdPosterBrief
from studio.product import Product, ProductImage
from studio.recipes.base import Recipe
from studio.recipes.photography import build as photography
from studio.setups import Family, Setup, slots
from studio.steps.base import Step
from studio.steps.compose import Compose
from studio.steps.encode import Encode
from studio.steps.place import Place
from studio.steps.typeset import Frame, ReadBack, Typeset
from studio.template import Template


def build() -> Recipe:
    """As photography, with the words' room kept free before the product is placed, and ink on the finished set."""
    steps: list[Step] = []
    for step in photography().steps:
        steps += [Frame()] * isinstance(step, Place) + [step] + [Typeset()] * isinstance(step, Compose)
        steps += [ReadBack()] * isinstance(step, Encode)
    return Recipe("ad-poster", tuple(steps), setups)


def setups(product: Product, template: Template, photos: Sequence[ProductImage], family: Family) -> list[Setup]:
    """A poster of the first photo; one a variant where the brief has variants, each under its name."""
    brief, image = template.brief, photos[0]
    (slot,) = slots([image])
    if not isinstance(brief, AdPosterBrief) or not brief.variants:
        return [Setup(slot=slot, images=(image,))]
    looks = {name: template.model_copy(update={"brief": brief.as_(name)}) for name in brief.variants}
    return [Setup(slot=f"{slot}-{name}", images=(image,), template=look) for name, look in looks.items()]
