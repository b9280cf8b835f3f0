"""Bytes to artwork: pictures as they are, drawings (SVG, PDF) as fine as the print needs them."""

from __future__ import annotations

from typing import Any

from studio.briefs.mockup import MockupBrief
from studio.errors import StepError
from studio.imaging.prints.artwork import read_artwork
from studio.imaging.prints.print_area import INCH
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.take import Photo, Take

FINE_DPI = 300.0
SIDES = (1024, 2048)
"""Pixels of the longer side between which a drawing is rasterised: sharp at 2000 px, drawn in a second."""


class ArtworkStep(PixelStep):
    """`take.source` -> `take.photo`, the first artwork. Only here, and for further artworks in `print`, are drawings read."""

    name = "artwork"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The page, and how large drawings become."""
        brief = brief_of(shot)
        return {"page": brief.page, "side": long_side(brief)}

    def apply(self, take: Take) -> None:
        """Read it. Raises ImageError kinds."""
        take.photo = artwork(take.shot, take.source)


def artwork(shot: Shot, data: bytes) -> Photo:
    """One artwork of a shot. Raises ImageError kinds."""
    brief = brief_of(shot)
    photo, _ = read_artwork(data, page=brief.page, long_side=long_side(brief))
    return photo


def brief_of(shot: Shot) -> MockupBrief:
    """The template's brief. Raises StepError for a look without one."""
    if not isinstance(shot.template.brief, MockupBrief):
        raise StepError(f"template {shot.template.key} has no brief of the kind mockup")
    return shot.template.brief


def long_side(brief: MockupBrief) -> int:
    """Pixels of a drawing's longer side: 300 to the inch on the largest surface, within SIDES."""
    longest = max(max(surface.size_mm) for surface in brief.surfaces)
    return int(min(max(longest / INCH * FINE_DPI, SIDES[0]), SIDES[1]))
