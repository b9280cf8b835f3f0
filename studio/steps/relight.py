"""Another light on the product."""

from __future__ import annotations

from typing import Any

from studio.imaging.relight import drift, relit
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.take import Take


class RelightStep(PixelStep):
    """Fills `take.lit` with the placed product under the preset's light; alpha and detail stay.

    Records what it did to the product: `relit_delta_e`, mean CIEDE2000, and `relit_hue`, mean turn of hue in degrees.
    """

    name = "relight"

    def applies(self, shot: Shot) -> bool:
        """Only where the template asks for a preset at some strength."""
        return shot.template.relight.preset != "none" and shot.template.relight.strength > 0

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The preset and the light that it bends."""
        light = shot.template.light.model_dump(mode="json", exclude={"temperature_k"})
        return {"relight": shot.template.relight.model_dump(mode="json"), "light": light}

    def apply(self, take: Take) -> None:
        """Light it."""
        placed, template = take.need_placed(), take.shot.template
        take.lit = relit(placed, template.light, template.relight)
        delta_e, hue = drift(placed.rgb, take.lit, placed.alpha)
        take.measurements |= {"relit_delta_e": round(delta_e, 6), "relit_hue": round(hue, 6)}
