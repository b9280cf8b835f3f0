"""Another colour for the product."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from studio.errors import StepError
from studio.imaging.recolour import recoloured
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.take import Take


class RecolourStep(PixelStep):
    """Gives `take.matte` the colour that the template asks for, and fills `take.recoloured`.

    From here on the recoloured cut-out is the product: the pixel lock and the colour checks hold the picture to it. The report
    says so: `recoloured` is the share of the product that changed, `recolour_shift` its mean CIEDE2000 to the photo. Raises
    StepError when nothing has the source colour.
    """

    name = "recolour"
    version = 2

    def applies(self, shot: Shot) -> bool:
        """Only where the template asks for it."""
        return shot.template.recolour is not None

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The wanted colour and what is to have it."""
        wanted = shot.template.recolour
        return {"recolour": wanted.model_dump(mode="json") if wanted else None}

    def apply(self, take: Take) -> None:
        """Change the cut-out's colours; its alpha stays."""
        wanted, matte = take.shot.template.recolour, take.need_matte()
        if wanted is None:
            return
        result = recoloured(matte.foreground, matte.alpha, wanted)
        if result.share == 0:
            raise StepError(f"recolour: nothing on the product has the colour {wanted.source}")
        take.matte = replace(matte, foreground=result.rgb)
        take.recoloured = result.region
        take.measurements |= {"recoloured": round(result.share, 6), "recolour_shift": round(result.shift, 6)}
