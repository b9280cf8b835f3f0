"""The mannequin taken out of the cut-out."""

from __future__ import annotations

from typing import Any

import numpy as np

from studio.briefs.ghost_mannequin import GhostMannequinBrief
from studio.errors import MissingInput, StepError
from studio.ghost import Ghost
from studio.imaging.codec import decode
from studio.imaging.colour import hex_to_rgb, srgb_to_lab
from studio.imaging.garments.mannequin import Hints, undress
from studio.imaging.garments.neckline import neck_of
from studio.imaging.garments.openings import rounded
from studio.product import ImageRole, ProductImage
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.steps.calibrate import Calibrate
from studio.take import F32, U8, Photo, Take

INNER = 0.2, 0.8
"""Part of the neck's width in which the lining's colour is read, and below which share of it under the back neckline."""
BELOW = 0.12, 0.32


class Undress(PixelStep):
    """`take.matte` of garment and mannequin -> `take.matte` of the garment alone, its openings shaded, and `take.ghost`.

    Records `mannequin_share` (mannequin over garment area), `mannequin_contrast` (CIEDE2000 across their common line),
    `mannequin_likeness` (share of the garment that has the mannequin's colour) and `volume_delta_e`. Raises NoProductFound where
    no garment is left, MissingInput where the bare mannequin's photo does not fit.
    """

    name = "undress"

    def opens(self, shot: Shot) -> tuple[ProductImage, ...]:
        """The photo itself, because only its cut-out may be at hand, and the bare mannequin's."""
        return tuple(image for image in (shot.images[0], photo_of(shot, ImageRole.MANNEQUIN)) if image is not None)

    def reads(self, shot: Shot) -> dict[str, Any]:
        """What is known of the mannequin, the volume, whether charts correct the photo."""
        brief = brief_of(shot)
        return {"mannequin": brief.mannequin, "volume": brief.volume, "chart": shot.template.chart}

    def apply(self, take: Take) -> None:
        """Find the garment, free its edge, shade its openings."""
        photo, cut = _photo(take), take.need_matte()
        found = undress(photo.rgb, cut, Hints(_bare(take, photo), _colour(take.shot), _lining(take)))
        take.matte, changed = rounded(found.garment, found.mannequin, brief_of(take.shot).volume)
        take.ghost = Ghost(found.mannequin, np.zeros_like(found.mannequin))
        area = max(1, int((found.garment.alpha > 0.5).sum()))
        take.measurements |= {
            "mannequin_share": round(float((found.mannequin > 0).sum()) / area, 6),
            "mannequin_contrast": round(found.contrast, 4),
            "mannequin_likeness": round(found.likeness, 6),
            "volume_delta_e": round(changed, 6),
        }


def brief_of(shot: Shot) -> GhostMannequinBrief:
    """The look's brief; a look without one has its defaults."""
    brief = shot.template.brief
    return brief if isinstance(brief, GhostMannequinBrief) else GhostMannequinBrief()


def photo_of(shot: Shot, role: ImageRole) -> ProductImage | None:
    """The further photo of that role, if there is one."""
    return next((image for image in shot.images[1:] if image.role is role), None)


def _photo(take: Take) -> Photo:
    """The photo, decoded again where only its cut-out came from the store."""
    if take.photo is None:
        image = take.shot.images[0]
        if image.digest not in take.opened:
            raise StepError(f"the bytes of {image.uri} were not brought along")
        take.photo = decode(take.opened[image.digest])
        if Calibrate().applies(take.shot):
            Calibrate().apply(take)
    return take.photo


def _bare(take: Take, photo: Photo) -> U8 | None:
    image = photo_of(take.shot, ImageRole.MANNEQUIN)
    if image is None:
        return None
    bare = decode(take.opened[image.digest])
    if bare.size != photo.size:
        sku, size = take.shot.product.sku, "{} x {}".format(*photo.size)
        raise MissingInput(
            f"{sku}: the photo of the bare mannequin ({image.uri}) must be {size} px like the one that wears the garment"
        )
    return bare.rgb


def _colour(shot: Shot) -> tuple[int, int, int] | None:
    told = brief_of(shot).mannequin
    return None if told is None or told == "clear" else hex_to_rgb(told)


def _lining(take: Take) -> F32 | None:
    """The inside's L*a*b* right under its back neckline, where the mannequin is clear."""
    if brief_of(take.shot).mannequin != "clear":
        return None
    image = photo_of(take.shot, ImageRole.INSIDE)
    if image is None:
        raise MissingInput(f"{take.shot.product.sku}: a clear mannequin needs a photo of the inside (role `inside`)")
    inside = take.others[image.digest]
    neck = neck_of(inside.alpha, "the photo of the inside")
    dip = float(neck.dip.max())
    columns = [round(neck.left[0] + share * (neck.right[0] - neck.left[0])) for share in INNER]
    rows = [round(neck.left[1] + (dip + share) * neck.width) for share in BELOW]
    part = inside.foreground[rows[0] : rows[1], columns[0] : columns[1]]
    if not part.size:
        raise MissingInput(
            f"{take.shot.product.sku}: the photo of the inside ({image.uri}) shows too little under the back neckline"
        )
    colour: F32 = np.median(srgb_to_lab(np.ascontiguousarray(part)).reshape(-1, 3), axis=0).astype(np.float32)
    return colour
