"""The set out of focus, the product in it sharp."""

from __future__ import annotations

from typing import Any

from studio.grounds import ImageGround, SurfaceGround
from studio.imaging.depth import far_row, focused, sigmas
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.steps.scene import ground_of
from studio.take import Take


class Focus(PixelStep):
    """Blurs `take.ground` by its distance from the placed product; plain grounds have none, and a set that was painted around
    the product is left alone."""

    name = "focus"

    def applies(self, shot: Shot) -> bool:
        """Looks with an aperture, on a ground that has depth."""
        scene = shot.template.scene
        painted = scene.engine == "diffusers" and scene.mode != "backdrop"
        return scene.f_stop > 0 and not painted and isinstance(ground_of(shot), SurfaceGround | ImageGround)

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The aperture, and where the ground ends."""
        return {"f_stop": shot.template.scene.f_stop, "far": _far(shot)}

    def apply(self, take: Take) -> None:
        """Blur the set; the focus lies where the product stands."""
        placed = take.need_placed()
        if take.ground is None:
            return
        height, width = placed.alpha.shape
        base = float(placed.box[1] + placed.box[3])
        rows = sigmas((width, height), base, far_row((width, height), _far(take.shot)), take.shot.template.scene.f_stop)
        take.ground = focused(take.ground, rows)


def _far(shot: Shot) -> float:
    ground = ground_of(shot)
    return ground.horizon if isinstance(ground, SurfaceGround) else shot.template.scene.far_edge
