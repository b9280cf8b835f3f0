"""The ghost-mannequin studio: a garment photographed on a mannequin becomes one that nobody wears, its inside at the neck."""

from __future__ import annotations

from collections.abc import Sequence

from studio.briefs.ghost_mannequin import GhostMannequinBrief
from studio.errors import MissingInput
from studio.product import ImageRole, Product, ProductImage
from studio.recipes.base import Recipe
from studio.setups import Family, Setup, slots
from studio.shot import Shot
from studio.steps.backdrop import Backdrop
from studio.steps.calibrate import Calibrate
from studio.steps.compose import Compose
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.steps.encode import Encode
from studio.steps.examine import Examine
from studio.steps.generate import Generate
from studio.steps.ground import Ground
from studio.steps.harmonise import HarmoniseStep
from studio.steps.inspect import Inspect
from studio.steps.lining import Lining, inside_of
from studio.steps.others import CutOthers
from studio.steps.place import Place
from studio.steps.recolour import RecolourStep
from studio.steps.relight import RelightStep
from studio.steps.scene import SceneStep
from studio.steps.undress import Undress
from studio.template import Template


def build() -> Recipe:
    """From the photos to the measured file; from the placed garment on as in photography."""
    garment = (Decode(), Calibrate(), CutoutStep(), CutOthers(insides), Undress(), Lining(), RecolourStep(), Place())
    surroundings = (Backdrop(), SceneStep(), Generate(), Ground())
    picture = (RelightStep(), HarmoniseStep(), Compose(), Encode(), Examine(), Inspect())
    return Recipe("ghost-mannequin", garment + surroundings + picture, setups)


def insides(shot: Shot) -> tuple[ProductImage, ...]:
    """The photo of the inside, the only further one that is cut out."""
    inside = inside_of(shot)
    return () if inside is None else (inside,)


def setups(product: Product, template: Template, photos: Sequence[ProductImage], family: Family) -> list[Setup]:
    """A picture of every photo on the mannequin, the first with the first photo of the inside, the second with the second; the
    bare mannequin's photo where there is one. Raises MissingInput where the inside is required and there is no photo of it."""
    brief = template.brief
    optional = isinstance(brief, GhostMannequinBrief) and brief.inside == "optional"
    inside = [image for image in product.images if image.role is ImageRole.INSIDE]
    bare = tuple(image for image in product.images if image.role is ImageRole.MANNEQUIN)[:1]
    if not inside and not optional:
        raise MissingInput(
            f"{product.sku}: a ghost mannequin needs a photo of the garment's inside or back neck (role `inside`); supply it, or "
            "use a template with `brief: {inside: optional}`, which leaves the neck open"
        )
    return [
        Setup(slot=slot, images=(image, *(inside[index : index + 1] or inside[:1]), *bare))
        for index, (image, slot) in enumerate(zip(photos, slots(photos), strict=True))
    ]
