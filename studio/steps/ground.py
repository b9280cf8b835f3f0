"""What the product does to its ground: shadow and mirror image."""

from __future__ import annotations

from typing import Any

import numpy as np

from studio.grounds import SurfaceGround
from studio.imaging.composite import over
from studio.imaging.reflection import reflected
from studio.imaging.shadow import shade_of
from studio.keys import facts
from studio.matter import matter_of
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.steps.scene import ground_of
from studio.take import Take
from studio.template import Shadow


class Ground(PixelStep):
    """Fills `take.shade` and lays a reflection into `take.ground`. Light that glass lets through is missing in its cast shadow;
    fabric has no mirror image.

    A product that the photo or the canvas cuts at the bottom stands on nothing we can see: it gets neither.
    """

    name = "ground"
    version = 2

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Shadow, reflection, the light's direction, softness and ratio, the horizon."""
        template = shot.template
        said = {} if template.material == "photo" else {"matter": sorted(matter_of(shot))}
        return said | {
            "shadow": template.shadow.model_dump(mode="json", include={"contact", "cast"}),
            "reflection": template.reflection.model_dump(mode="json"),
            "light": facts(template.light, later=("ratio",), exclude=("temperature_k",)),
            "horizon": _horizon(shot),
        }

    def apply(self, take: Take) -> None:
        """Work out the shade; zeros where the template asks for none."""
        placed, template = take.need_placed(), take.shot.template
        take.shade = np.zeros(placed.alpha.shape, np.float32)
        runs_over = template.composition.scaling == "fill" and placed.box[1] + placed.box[3] >= placed.alpha.shape[0]
        if runs_over or take.need_matte().cropped[2]:
            return
        if template.shadow.contact > 0 or template.shadow.cast > 0:
            horizon = _horizon(take.shot)
            row = None if horizon is None else horizon * placed.alpha.shape[0]
            take.shade = shade_of(placed.alpha, placed.box, _thinned(take), template.light, row)
        if template.reflection.strength > 0 and take.ground is not None and "fabric" not in matter_of(take.shot):
            take.ground = over(*reflected(placed, template.reflection), take.ground)


def _thinned(take: Take) -> Shadow:
    """The template's shadow; the cast one weaker by what comes through."""
    shadow = take.shot.template.shadow
    if take.transmission is None:
        return shadow
    solid = take.need_placed().alpha > 0.5
    through = float(take.transmission.mean(axis=2)[solid].mean()) if solid.any() else 0.0
    return shadow.model_copy(update={"cast": shadow.cast * (1 - through)})


def _horizon(shot: Shot) -> float | None:
    ground = ground_of(shot)
    return ground.horizon if isinstance(ground, SurfaceGround) and ground.material != "paper" else None
