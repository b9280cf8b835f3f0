"""What the studio `lookalike` is told."""

from __future__ import annotations

from typing import Literal

from studio.briefs.files import File
from studio.fields import Fraction
from studio.grounds import Material
from studio.product import Frozen

Followed = Literal["palette", "light", "softness", "contrast", "horizon", "box", "background"]
EVERYTHING: tuple[Followed, ...] = ("palette", "light", "softness", "contrast", "horizon", "box", "background")


class LookalikeBrief(Frozen):
    """A set that follows a reference photo: the product's image with the role `reference`, else `reference` here."""

    kind: Literal["lookalike"] = "lookalike"
    reference: File | None = None
    """A picture beside the template, for products that bring none of their own."""
    follow: tuple[Followed, ...] = EVERYTHING
    """What is taken over; the rest stays as the template says."""
    material: Material | Literal["auto"] = "auto"
    """Of the table, where there is one; `auto`: by the reference's colour and roughness."""
    grade: Fraction = 1.0
    """How far the set's colours and light are pulled to the reference's."""
    grade_product: Fraction = 0.0
    """How far the product's own pixels may follow the reference's light colour and contrast; 0 leaves every one alone. At 1 its
    colours move by at most 6 dE00 in the mean."""
