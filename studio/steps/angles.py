"""The angles of one product: which photos they are, and the one scale that they share."""

from __future__ import annotations

from collections.abc import Sequence

from studio.imaging.geometry import extent_of, scale_of, without_haze
from studio.product import ImageRole, Product, ProductImage
from studio.setups import Family, Setup, each_photo
from studio.shot import Shot
from studio.steps.others import CutOthers, cut_of
from studio.take import Matte, Take
from studio.template import Template

TURNED = frozenset({ImageRole.FRONT, ImageRole.BACK, ImageRole.ANGLE, ImageRole.SPIN})
"""Photos of the whole product, turned. A detail, an inside or a model has a scale of its own."""


MOST = 8
"""Angles that decide the scale; of a longer spin that many, evenly spaced."""


def setups(product: Product, template: Template, photos: Sequence[ProductImage], family: Family) -> list[Setup]:
    """A picture of every photo; where they are to have one scale, each brings the product's other angles along."""
    pictures = each_photo(product, template, photos, family)
    if not template.composition.same_scale:
        return pictures
    turned = [image for image in product.images if image.role in TURNED]
    deciding = [turned[place * len(turned) // MOST] for place in range(MOST)] if len(turned) > MOST else turned
    return [_with_others(setup, deciding) for setup in pictures]


class CutAngles(CutOthers):
    """Cuts out the other angles of the product, where they are to have one scale."""

    def __init__(self) -> None:
        super().__init__(_others)

    def applies(self, shot: Shot) -> bool:
        """Looks of one scale, products of several angles."""
        return shot.template.composition.same_scale and super().applies(shot)


def shared_scale(take: Take) -> float:
    """Canvas pixels per photo pixel at which every angle of the product fits. Raises NoProductFound for an empty cut-out.

    By `camera` an angle's pixels count as parts of its photo's longer side, so that photos of one camera in two sizes agree; by
    `height` as parts of the product's own height.
    """
    return _measure(take.shot.images[0], take) * _unit(take)


def _unit(take: Take) -> float:
    shot, canvas = take.shot, (take.shot.destination.width, take.shot.destination.height)
    rules = shot.template.composition.model_copy(update={"snap_cropped_sides": False})
    room = []
    for image in _deciding(shot):
        cut = cut_of(take, image)
        room.append(scale_of(extent_of(without_haze(cut.alpha), cut.cropped), canvas, rules) / _measure(image, take))
    return min(room)


def _measure(image: ProductImage, take: Take) -> float:
    """What one unit of scale is worth in a photo: units per photo pixel."""
    cut = cut_of(take, image)
    if take.shot.template.composition.same_scale_by == "camera":
        return 1.0 / float(max(cut.alpha.shape))
    return 1.0 / _tall(cut)


def _tall(cut: Matte) -> float:
    return float(extent_of(without_haze(cut.alpha), cut.cropped).solid[3])


def _deciding(shot: Shot) -> tuple[ProductImage, ...]:
    """The angles that decide the scale: one more frame of a long spin is none of them."""
    others = _others(shot)
    return others if len(others) >= MOST else (shot.images[0], *others)


def _others(shot: Shot) -> tuple[ProductImage, ...]:
    if not shot.template.composition.same_scale or shot.images[0].role not in TURNED:
        return ()
    return tuple(image for image in shot.images[1:] if image.role in TURNED and image.digest != shot.images[0].digest)


def _with_others(setup: Setup, deciding: Sequence[ProductImage]) -> Setup:
    """One digest, one scale: the other angles in their order. A photo that is no angle keeps to itself."""
    if setup.images[0].role not in TURNED:
        return setup
    others = tuple(image for image in deciding if image.uri != setup.images[0].uri)
    return setup.model_copy(update={"images": (setup.images[0], *others)})
