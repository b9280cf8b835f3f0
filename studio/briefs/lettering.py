"""`Lettering`: in what type a brief's words are set. Shared by every studio that writes on pictures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from studio.briefs.files import File
from studio.product import Frozen

Weight = Annotated[int, Field(ge=100, le=900)]


class FontFile(Frozen):
    """One font file of a chain: its bytes are in `take.assets[file.digest]`."""

    file: File
    index: Annotated[int, Field(ge=0)] = 0
    axes: dict[str, float] = Field(default_factory=dict)


class Lettering(Frozen):
    """A family in two weights. The library fills in the files: the family's own, and what is needed for scripts it lacks."""

    family: str = ""
    """One of `templates/fonts`; empty: the brand's, or Inter."""
    strong: Weight = 700
    plain: Weight = 400
    strong_files: tuple[FontFile, ...] = ()
    plain_files: tuple[FontFile, ...] = ()
