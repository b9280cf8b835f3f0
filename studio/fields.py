"""Field types that several nouns share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
HexColour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$", to_lower=True)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Format = Literal["jpeg", "png", "webp", "avif", "pdf"]
Aspect = Annotated[str, StringConstraints(pattern=r"^[1-9]\d{0,3}:[1-9]\d{0,3}$")]
"""Width to height in lowest terms, e.g. 4:5."""
Use = Literal["main", "secondary", "hero", "social", "cutout"]
"""What a destination's picture is for on the page."""
