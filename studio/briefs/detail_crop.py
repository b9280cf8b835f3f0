"""What the studio `detail-crop` is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from studio.fields import Fraction
from studio.product import Frozen


class DetailCropBrief(Frozen):
    """A part of the photo at its own pixels, never enlarged."""

    kind: Literal["detail-crop"] = "detail-crop"
    count: Annotated[int, Field(ge=1, le=8)] = 2
    """Details of each photo; they do not overlap by more than a tenth."""
    share: Annotated[float, Field(gt=0.05, le=1.0)] = 0.5
    """Part of the product's longer side that a detail shows, where the photo has the pixels for it."""
    widest: Annotated[float, Field(gt=0.05, le=1.0)] = 0.75
    """Most of it that still counts as a detail: a photo with fewer pixels is refused."""
    cover: Fraction = 0.6
    """Part of a detail that is product, at least."""
    surroundings: Literal["set", "photo"] = "set"
    """What shows beside the product: the look's ground, or the photo as it was taken."""
