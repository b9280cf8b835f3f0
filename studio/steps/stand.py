"""A printed blank in its picture: on the template's ground like any product, or in the photo that it was taken in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from studio.errors import PackshotError
from studio.models.base import Models
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.steps.ground import Ground
from studio.steps.place import Place
from studio.steps.print import keeps_photo
from studio.take import Placed, Take


class StandBlank(Place):
    """`place` for blanks that leave their photo."""

    def applies(self, shot: Shot) -> bool:
        """On the template's ground."""
        return not keeps_photo(shot)

    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """As `place`, for the takes it applies to."""
        chosen = [take for take in takes if self.applies(take.shot)]
        done = dict(zip(map(id, chosen), await super().process(chosen, models), strict=True))
        return [done.get(id(take), take) for take in takes]


class ShadeBlank(Ground):
    """`ground` for blanks that leave their photo: in it they have their shadow already."""

    def applies(self, shot: Shot) -> bool:
        """On the template's ground."""
        return not keeps_photo(shot)


class KeepPhoto(PixelStep):
    """The printed photo covers the canvas: `take.placed` is the product in it, `take.ground` the photo itself."""

    name = "keep-photo"

    def applies(self, shot: Shot) -> bool:
        """In the blank's own photo."""
        return keeps_photo(shot)

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Canvas size, and which part of the photo it shows."""
        rules = shot.template.composition
        return {"canvas": [shot.destination.width, shot.destination.height], "align": [rules.align_x, rules.align_y]}

    def apply(self, take: Take) -> None:
        """Cut the canvas out of the photo; `print` made it just large enough."""
        matte, place, rules = take.need_matte(), take.shot.destination, take.shot.template.composition
        share = {"left": 0.0, "top": 0.0, "center": 0.5, "right": 1.0, "bottom": 1.0}
        height, width = matte.alpha.shape
        left = round((width - place.width) * share[rules.align_x])
        top = round((height - place.height) * share[rules.align_y])
        window = slice(top, top + place.height), slice(left, left + place.width)
        alpha, rgb = np.ascontiguousarray(matte.alpha[window]), np.ascontiguousarray(matte.foreground[window])
        rows, columns = np.flatnonzero((alpha > 0.5).any(axis=1)), np.flatnonzero((alpha > 0.5).any(axis=0))
        box = (0, 0, 0, 0)
        if rows.size:
            box = int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)
        take.placed = Placed(rgb, alpha, 1.0, box, (float(-left), float(-top)))
        take.ground = rgb.copy()
        take.measurements |= {"scale": 1.0, "upscaled": 0.0}
