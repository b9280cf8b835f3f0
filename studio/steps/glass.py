"""Glass: the old set leaves it, the new one is seen through it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from studio.errors import StepError
from studio.imaging.codec import decode
from studio.imaging.colour import u8_to_linear
from studio.imaging.composite import over
from studio.imaging.geometry import box_of
from studio.imaging.glass import glass_of, seen_through
from studio.imaging.resample import padded
from studio.imaging.tone import quick_u8
from studio.matter import has_top, matter_of
from studio.product import ProductImage
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.steps.scene import ground_of
from studio.take import F32, Take

AROUND = 0.25
"""How far around the product its photo is looked at, as part of its longer side."""


def is_glass(shot: Shot) -> bool:
    """Whether the picture treats the product as glass; a transparent ground has nothing to be seen through it."""
    look = shot.template
    return look.material in ("auto", "glass") and ground_of(shot).kind != "transparent" and "glass" in matter_of(shot)


class Transmit(PixelStep):
    """Fills `take.transmission`, and `take.placed` keeps only the light that is the glass's own.

    Records `glass_backdrop`, how uneven the old backdrop is: before a busy one nobody can tell what lies behind the glass.
    """

    name = "transmit"

    def applies(self, shot: Shot) -> bool:
        """Only glass."""
        return is_glass(shot)

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Whether a cap or lid stands on it."""
        return {"top": has_top(shot)}

    def opens(self, shot: Shot) -> tuple[ProductImage, ...]:
        """The photo itself: a cut-out that came from the store has none of the old ground."""
        return shot.images[:1]

    def apply(self, take: Take) -> None:
        """Take glass and old ground apart. Raises StepError when the photo was not brought along."""
        matte, placed, digest = take.need_matte(), take.need_placed(), take.shot.images[0].digest
        if digest not in take.opened:
            raise StepError("the photo's bytes were not brought along")
        rgb = decode(take.opened[digest]).rgb
        box = box_of(matte.alpha > 0.5) or (0, 0, 1, 1)
        x, y, w, h = padded(box, round(AROUND * max(box[2:])), (matte.alpha.shape[1], matte.alpha.shape[0]))
        window = slice(y, y + h), slice(x, x + w)
        found = glass_of(u8_to_linear(rgb[window]), matte.alpha[window], top=has_top(take.shot))
        take.measurements["glass_backdrop"] = round(found.unevenness, 6)
        origin = placed.origin[0] + x * placed.scale, placed.origin[1] + y * placed.scale
        take.transmission = _on_canvas(found.transmission, origin, placed.scale, placed.alpha.shape)
        clear = take.transmission.max(axis=2) > 0
        light = u8_to_linear(placed.rgb[clear])
        own = _on_canvas(found.own, origin, placed.scale, placed.alpha.shape)[clear]
        placed.rgb.setflags(write=True)
        placed.rgb[clear] = quick_u8(np.minimum(own, light))


class SeeThrough(PixelStep):
    """The shaded ground behind the glass is added to `take.placed`: its colours are what the picture has to deliver.

    Records `glass_share`, the part of the product through which the set is seen.
    """

    name = "see-through"

    def applies(self, shot: Shot) -> bool:
        """Only glass."""
        return is_glass(shot)

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The shadow's colour."""
        return {"shadow_colour": shot.template.shadow.colour}

    def apply(self, take: Take) -> None:
        """Add light to light."""
        placed, ground, through = take.need_placed(), take.ground, take.transmission
        if ground is None or through is None:
            return
        empty = np.zeros(placed.alpha.shape, np.float32)
        behind = over(placed.rgb, empty, ground, take.shade, take.shot.template.shadow.colour)
        clear = through.max(axis=2) > 0
        lit = seen_through(u8_to_linear(placed.rgb[clear]), through[clear], u8_to_linear(behind[clear]))
        placed.rgb[clear] = quick_u8(lit)
        solid = placed.alpha > 0.5
        take.measurements["glass_share"] = round(float((through.mean(axis=2) > 0.2)[solid].mean()) if solid.any() else 0.0, 6)


def _on_canvas(plane: F32, origin: tuple[float, float], scale: float, shape: tuple[int, ...]) -> F32:
    """A window of the photo, float32 (h, w, 3), laid on the canvas where the product lies; 0 beyond it."""
    smaller = cv2.resize(plane, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else plane
    fx, fy = (smaller.shape[1] / plane.shape[1], smaller.shape[0] / plane.shape[0]) if scale < 1 else (1.0, 1.0)
    step_x, step_y = scale / fx, scale / fy
    move = np.array([[step_x, 0, origin[0] + (step_x - 1) / 2], [0, step_y, origin[1] + (step_y - 1) / 2]], np.float64)
    return np.asarray(cv2.warpAffine(smaller, move, (shape[1], shape[0]), flags=cv2.INTER_LINEAR), np.float32)
