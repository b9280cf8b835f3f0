"""Bytes to photo."""

from __future__ import annotations

from studio.imaging.codec import Limits, decode
from studio.steps.base import PixelStep
from studio.take import Take


class Decode(PixelStep):
    """`take.source` -> `take.photo`. A photo that cannot be read safely is an ImageError."""

    name = "decode"

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()

    def apply(self, take: Take) -> None:
        """Read the photo within the limits."""
        take.photo = decode(take.source, self.limits)
