"""The group studio: several products in one scene, at true scale to each other."""

from __future__ import annotations

from collections.abc import Sequence

from studio.briefs.group_shot import GroupShotBrief
from studio.errors import MissingInput, TemplateError
from studio.imaging.groups.sizing import size_of
from studio.product import Product, ProductImage
from studio.qa.questions import questions
from studio.recipes.base import Recipe
from studio.setups import Family, Setup
from studio.steps.arrange import Arrange
from studio.steps.calibrate import Calibrate
from studio.steps.compose import Compose
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.steps.encode import Encode
from studio.steps.examine import Examine
from studio.steps.gather import Gather, StandTogether
from studio.steps.harmonise import HarmoniseStep
from studio.steps.inspect import Inspect
from studio.steps.others import CutOthers
from studio.steps.scene import SceneStep
from studio.template import Template

ALONE = frozenset({"text", "identity", "defects"})
"""Questions about one product in its picture."""


def build() -> Recipe:
    """From the photos to the measured file."""
    products = (Decode(), Calibrate(), CutoutStep(), CutOthers(), Arrange())
    surroundings = (SceneStep(), Gather(), StandTogether())
    picture = (HarmoniseStep(), Compose(), Encode(), Examine(), Inspect())
    return Recipe("group-shot", products + surroundings + picture, setups)


def setups(product: Product, template: Template, photos: Sequence[ProductImage], family: Family) -> list[Setup]:
    """One picture of the product's bundle or variants; none for a product that has neither, or whose set another product shows.

    Raises MissingInput for a product without photo or measures, NotFound for a SKU that is not there, TemplateError for a look
    that asks for what is done to single products only.
    """
    _require_plain(template)
    brief = template.brief if isinstance(template.brief, GroupShotBrief) else GroupShotBrief()
    group = _bundle(product, family) if brief.members == "bundle" else _variants(product, brief, family)
    if len(group) < 2:
        return []
    if len(group) > brief.most:
        raise MissingInput(f"{product.sku}: {len(group)} products, but the look takes {brief.most} (`most`): supply fewer")
    for member in group:
        size_of(member)
    others = tuple(_with_photo(other, template) for other in group[1:])
    return [Setup(slot="group", images=(photos[0],), companions=others)]


def _bundle(product: Product, family: Family) -> list[Product]:
    """The product, then what is sold with it."""
    return [product, *(family.product(sku) for sku in dict.fromkeys(product.bundle) if sku != product.sku)]


def _variants(product: Product, brief: GroupShotBrief, family: Family) -> list[Product]:
    """The product, then its variants; where the order decides nothing, the first variant speaks for all."""
    found = list(family.variants(product.variant_of)) if product.variant_of else []
    if brief.layout != "hero" and found and found[0].sku != product.sku:
        return []
    return [product, *(other for other in found if other.sku != product.sku)]


def _with_photo(product: Product, template: Template) -> Product:
    """The product with the first of its photos that has one of the look's roles."""
    roles = template.applies_to.roles
    found = next((image for image in product.images if image.role in roles), None)
    if found is None:
        raise MissingInput(f"{product.sku}: no photo of role {', '.join(roles)}: a group shot needs one of every product")
    return product.model_copy(update={"images": (found,)})


def _require_plain(template: Template) -> None:
    """Raise TemplateError for what this studio would leave out without a word."""
    wrong = {
        "scene.engine: diffusers": template.scene.engine != "procedural",
        "relight": template.relight.preset != "none",
        "recolour": template.recolour is not None,
        "composition.scaling: fill": template.composition.scaling != "fit",
        "composition.reference_box: photo": template.composition.reference_box != "product",
        "examine: text, identity, defects": bool(questions(template) & ALONE),
    }
    asked = [name for name, holds in wrong.items() if holds]
    if asked:
        raise TemplateError(f"template {template.key}: a group shot cannot do {', '.join(asked)}")
