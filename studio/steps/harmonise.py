"""Product and set brought together."""

from __future__ import annotations

from typing import Any

from studio.imaging.harmonise import harmonised
from studio.imaging.relight import drift
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.take import Take


class HarmoniseStep(PixelStep):
    """Fills `take.lit` with the product (as relit, where it was) under the set's colour, gradient and edge light.

    Records `harmonised_delta_e`, the mean CIEDE2000 that it added.
    """

    name = "harmonise"

    def applies(self, shot: Shot) -> bool:
        """Only where the template asks for any of it."""
        wanted = shot.template.harmonise
        return bool(wanted.temperature or wanted.light or wanted.edge)

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The three amounts, and the light's direction and temperature; the set is in the key already."""
        light = shot.template.light.model_dump(mode="json", include={"azimuth_deg", "elevation_deg", "temperature_k"})
        return {"harmonise": shot.template.harmonise.model_dump(mode="json"), "light": light}

    def apply(self, take: Take) -> None:
        """Change the colours; alpha stays."""
        placed, template = take.need_placed(), take.shot.template
        before = placed.rgb if take.lit is None else take.lit
        take.lit = harmonised(before, placed.alpha, placed.box, template.light, template.harmonise, take.ground, take.shade)
        take.measurements["harmonised_delta_e"] = round(drift(before, take.lit, placed.alpha)[0], 6)
