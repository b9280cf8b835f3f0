"""The products of a group become one picture on one ground."""

from __future__ import annotations

from typing import Any

from studio.errors import StepError
from studio.grounds import SurfaceGround
from studio.imaging.composite import over
from studio.imaging.geometry import box_of
from studio.imaging.groups.neighbours import joined, shaded
from studio.imaging.groups.together import shade_together
from studio.imaging.reflection import reflected
from studio.keys import facts
from studio.shot import Shot
from studio.standing import Standing
from studio.steps.base import PixelStep
from studio.steps.scene import ground_of
from studio.take import Placed, Take


class Gather(PixelStep):
    """`take.layout` -> `take.placed`, the group in its own colours with the front over the back, and `take.lit`, the same
    with the shadows that those in front throw on those behind. `placed.scale` is the largest enlargement of any product."""

    name = "gather"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The strength of shadows, and the light."""
        return _light(shot)

    def apply(self, take: Take) -> None:
        """Shade, then join."""
        template, canvas = take.shot.template, (take.shot.destination.width, take.shot.destination.height)
        group = need_layout(take)
        take.layout = shaded(group, template.shadow, template.light)
        rgb, alpha = joined(group, canvas, lit=False)
        take.placed = Placed(rgb, alpha, max(item.scale for item in group), box_of(alpha > 0.5) or (0, 0, 0, 0))
        if any(item.lit is not None for item in take.layout):
            take.lit, _ = joined(take.layout, canvas, lit=True)
        take.measurements["scale"] = take.placed.scale


class StandTogether(PixelStep):
    """Fills `take.shade` and lays reflections into `take.ground`, for each product of a group: contact shadows add up, the cast
    shadows of one light do not.

    A product that its photo cuts at the bottom stands on nothing we can see: it gets neither.
    """

    name = "stand-together"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Shadow, reflection, the light's direction, softness and ratio, the horizon."""
        return {**_light(shot), "reflection": shot.template.reflection.model_dump(mode="json"), "horizon": horizon_of(shot)}

    def apply(self, take: Take) -> None:
        """Work out the shade; zeros where the template asks for none."""
        template, placed = take.shot.template, take.need_placed()
        standing = [item for item in need_layout(take) if not item.matte.cropped[2]]
        canvas = placed.alpha.shape[1], placed.alpha.shape[0]
        horizon = horizon_of(take.shot)
        row = None if horizon is None else horizon * canvas[1]
        take.shade = shade_together(standing, canvas, template.shadow, template.light, row)
        if template.reflection.strength > 0 and take.ground is not None:
            for item in standing:
                take.ground = over(*reflected(item.on(canvas), template.reflection), take.ground)


def need_layout(take: Take) -> tuple[Standing, ...]:
    """The group, or StepError when the recipe forgot `arrange`."""
    if not take.layout:
        raise StepError("this recipe needs the step 'arrange' earlier")
    return take.layout


def horizon_of(shot: Shot) -> float | None:
    """Height of the table's far edge, 0 top .. 1 bottom; None on a ground without one."""
    ground = ground_of(shot)
    return ground.horizon if isinstance(ground, SurfaceGround) and ground.material != "paper" else None


def _light(shot: Shot) -> dict[str, Any]:
    template = shot.template
    return {
        "shadow": template.shadow.model_dump(mode="json", include={"contact", "cast"}),
        "light": facts(template.light, later=("ratio",), exclude=("temperature_k",)),
    }
