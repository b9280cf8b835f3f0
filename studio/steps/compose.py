"""The finished picture."""

from __future__ import annotations

from typing import Any

from studio.imaging.composite import cut_out, over
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.take import Take


class Compose(PixelStep):
    """`take.placed` (in `take.lit`'s colours where there are any) over `take.ground` -> `take.image`: uint8 (H, W, 3), or
    (H, W, 4) on a transparent ground."""

    name = "compose"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The shadow's colour."""
        return {"shadow_colour": shot.template.shadow.colour}

    def apply(self, take: Take) -> None:
        """Lay one over the other."""
        placed, colour = take.need_placed(), take.shot.template.shadow.colour
        product = placed.rgb if take.lit is None else take.lit
        if take.ground is None:
            shade = take.shade if take.shade is not None and take.shade.any() else None
            take.image = cut_out(product, placed.alpha, shade, colour)
        else:
            take.image = over(product, placed.alpha, take.ground, take.shade, colour)


class Deliver(PixelStep):
    """`take.matte` -> `take.image`: the cut-out at the photo's own size, uint8 (H, W, 4), for the recipe `cutout`."""

    name = "deliver"

    def apply(self, take: Take) -> None:
        """Join colour and alpha."""
        matte = take.need_matte()
        take.image = cut_out(matte.foreground, matte.alpha)
