"""An accessory on a person, by geometry."""

from __future__ import annotations

from typing import Any

import numpy as np

from studio.imaging.glance import glance
from studio.imaging.worn.dressing import dressed
from studio.imaging.worn.wearing import fitting
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.steps.meet import any_reads, brief_of, person_of, wearer_of
from studio.take import F32, U8, Matte, Photo, Take


class Wear(PixelStep):
    """Lays the cut-out accessory onto the person: `take.matte` becomes the person with it, `take.others` keeps the accessory's
    own cut-out, `take.wearer.worn` says where it lies. Everything else of the person's photo stays as it is.

    Records `wear_scale` (pixels a millimetre), `wear_frontal` (1: seen straight on), `wear_assumed` (1: the width is only what is
    usual), `wear_sure` (the least sure landmark), `wear_shown` (share of it inside the picture) and `wear_grip` (skin where it is
    held). Raises MissingInput when the part of the body is not seen.
    """

    name = "wear"

    def applies(self, shot: Shot) -> bool:
        """Accessories; cloth needs an engine."""
        return not brief_of(shot).generates

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Item, side, width, nudge and ground of the brief; the product's width (`attributes`: it is the product's)."""
        told = any_reads(shot, "item", "side", "width_mm", "nudge", "ground")
        return {"wear": told, "attributes": {"width_mm": shot.product.dimensions.width_mm}}

    def apply(self, take: Take) -> None:
        """Find the place, lay it there, and join it with the person's cut-out."""
        shot, wearer, item = take.shot, wearer_of(take), take.need_matte()
        width = shot.product.dimensions.width_mm
        fit = fitting(wearer, brief_of(shot), width_mm=width, sku=shot.product.sku, where=person_of(shot).uri)
        laid = dressed(wearer.photo, item, fit)
        wearer.worn = laid.worn
        take.measurements |= {
            "wear_scale": fit.scale,
            "wear_frontal": fit.frontal,
            "wear_assumed": float(fit.assumed),
            "wear_sure": fit.sure,
            "wear_shown": laid.shown,
            "wear_grip": laid.grip,
        }
        put_on(take, laid.rgb, laid.worn)


def put_on(take: Take, rgb: U8, worn: F32, anew: Matte | None = None) -> None:
    """The person as they look now, uint8 (H, W, 3), becomes the cut-out that is placed. `anew` is the person cut out again where
    their outline changed; None: as in the photo. With the photo's own ground everything of it is placed."""
    shot, product = take.shot, take.need_matte()
    take.others[shot.images[0].digest] = product
    take.glance = glance(rgb)
    take.photo = Photo(rgb, None, "person")
    if brief_of(shot).ground == "own":
        take.matte = Matte(np.ones(rgb.shape[:2], np.float32), rgb, product.uncertainty, "photo")
        return
    if anew is not None:
        take.matte = Matte(anew.alpha, anew.foreground, max(product.uncertainty, anew.uncertainty), anew.source)
        return
    person = take.others[person_of(shot).digest]
    colour = np.where((worn > 0.02)[..., None], rgb, person.foreground)
    alpha = np.rint(np.maximum(person.alpha, worn) * 255).astype(np.float32) / np.float32(255)
    unsure = max(product.uncertainty, person.uncertainty)
    take.matte = Matte(alpha, np.ascontiguousarray(colour, np.uint8), unsure, person.source)
