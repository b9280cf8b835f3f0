"""`inspect`: measure the delivered bytes. What the numbers mean is the policy's business."""

from __future__ import annotations

from typing import Any

from studio.keys import facts
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.steps.place import LATER
from studio.take import Take


class Inspect(PixelStep):
    """Fills `measurements` from the final bytes. No threshold is read, so changing one never makes a picture anew."""

    name = "inspect"
    version = 2

    def reads(self, shot: Shot) -> dict[str, Any]:
        """What the destination is asked to be, and what is measured: a new check measures anew. Bounds are not part of it."""
        from studio.qa.policy import checks_of

        destination = shot.destination
        return {
            "background": destination.background,
            "accepts": list(destination.accepts),
            "format": destination.encoding.format,
            "checks": sorted(checks_of(shot.template)),
            "composition": facts(shot.template.composition, later=LATER),
        }

    def apply(self, take: Take) -> None:
        """Raises StepError without cut-out, placement or encoded bytes, ImageError when the bytes do not decode."""
        from studio.qa.measure import measure

        take.measurements.update(measure(take))
