"""Finished picture to the destination's file."""

from __future__ import annotations

from typing import Any

from studio.imaging.encode import encode
from studio.imaging.metadata import digital_source_type
from studio.keys import facts
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.take import Take


class Encode(PixelStep):
    """`take.image` -> `take.encoded`, `take.media_type`; records the measurement `quality` (100: lossless).

    The file says which kind of engine made it. Raises OverByteLimit, or StepError for a transparent picture in JPEG.
    """

    name = "encode"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The destination's encoding and byte limit."""
        return {"encoding": facts(shot.destination.encoding, later=("dpi",)), "max_bytes": shot.destination.max_bytes}

    def apply(self, take: Take) -> None:
        """Write the file."""
        image, destination = take.need_image(), take.shot.destination
        source_type = digital_source_type(take.engine, composited=image.shape[2] == 3)
        encoding = destination.encoding
        file = encode(image, encoding, max_bytes=destination.max_bytes, source_type=source_type, dpi=encoding.dpi)
        take.encoded, take.media_type = file.data, file.media_type
        take.measurements["quality"] = float(file.quality)
