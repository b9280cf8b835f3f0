"""The model studio: a garment or an accessory on a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from studio.briefs.on_model import OnModelBrief
from studio.errors import MissingInput, TemplateError
from studio.people import Person, choose
from studio.product import ImageRole, Product, ProductImage
from studio.recipes.base import Recipe
from studio.setups import Family, Setup, slots
from studio.steps.anatomy import Anatomy
from studio.steps.backdrop import Backdrop
from studio.steps.calibrate import Calibrate
from studio.steps.compose import Compose
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.steps.encode import Encode
from studio.steps.examine import Examine
from studio.steps.ground import Ground
from studio.steps.inspect import Inspect
from studio.steps.meet import Meet, stood_out
from studio.steps.others import CutOthers
from studio.steps.place import Place
from studio.steps.scene import SceneStep
from studio.steps.try_on import TryOn
from studio.steps.wear import Wear
from studio.template import Template


def build() -> Recipe:
    """Cut out product and person, find the body, put one on the other, set both into the picture."""
    product = (Decode(), Calibrate(), CutoutStep(), CutOthers(stood_out))
    person = (Meet(), Wear(), TryOn(), Anatomy())
    picture = (Place(), Backdrop(), SceneStep(), Ground(), Compose(), Encode(), Examine(), Inspect())
    return Recipe("on-model", product + person + picture, setups, steady=False)


def setups(product: Product, template: Template, photos: Sequence[ProductImage], family: Family) -> list[Setup]:
    """A picture of every photo, on the person of the product's own photo or on one of the people file; all variants of a product
    are shown on the same person. Raises MissingInput where there is nobody, or nobody whose consent holds."""
    brief = template.brief
    if not isinstance(brief, OnModelBrief):
        raise TemplateError(f"{template.id}: the studio on-model needs a brief")
    person = _person(product, brief, template.id, datetime.now(UTC).date())
    return [Setup(slot=slot, images=(image, person)) for image, slot in zip(photos, slots(photos), strict=True)]


def _person(product: Product, brief: OnModelBrief, look: str, today: date) -> ProductImage:
    own = [image for image in product.images if image.role == ImageRole.ON_MODEL]
    if own:
        return own[0]
    chosen = choose(usable(brief, product.sku, look, today), product.variant_of or product.sku)
    return ProductImage(uri=chosen.photo, role=ImageRole.ON_MODEL)


def usable(brief: OnModelBrief, sku: str, look: str, today: date) -> list[Person]:
    """The people that suit a look. Raises MissingInput when there are none, or when the consent of any of them does not hold:
    a file that names people it must not show is put right, not worked around."""
    people = [person for person in brief.cast if brief.wanted.suits(person)]
    if not people:
        where = f"people file {brief.people!r}" if brief.people else "brief.cast"
        raise MissingInput(f"{sku}: {look} finds nobody to show it on; give a photo of role on-model, or people in {where}")
    uses = ("shop", "generation") if brief.generates else ("shop",)
    for reason in filter(None, (person.lapsed(today, use=use) for person in people for use in uses)):
        raise MissingInput(f"{sku}: {look}: {reason}; renew it or take the person out of {brief.people or 'brief.cast'}")
    return people
