"""Polished metal mirrors a little of the set it stands on."""

from __future__ import annotations

from studio.imaging.reflection import gleaming
from studio.imaging.relight import drift
from studio.matter import matter_of
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.steps.scene import ground_of
from studio.take import Take


class Gleam(PixelStep):
    """Fills `take.lit` with the product (as relit, where it was) and some of the ground's colour in its lower part.

    Records `gleam_delta_e`, the mean CIEDE2000 that it added.
    """

    name = "gleam"

    def applies(self, shot: Shot) -> bool:
        """Only what is said to be metal, on a ground."""
        look = shot.template
        return look.material in ("auto", "metal") and ground_of(shot).kind != "transparent" and "metal" in matter_of(shot)

    def apply(self, take: Take) -> None:
        """Mirror."""
        placed = take.need_placed()
        if take.ground is None or take.need_matte().cropped[2]:
            return
        before = placed.rgb if take.lit is None else take.lit
        take.lit = gleaming(before, placed.alpha, placed.box, take.ground)
        take.measurements["gleam_delta_e"] = round(drift(before, take.lit, placed.alpha)[0], 6)
