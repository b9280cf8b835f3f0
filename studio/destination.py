"""`Destination`: what one sales channel accepts, as data with source and date."""

from __future__ import annotations

from math import gcd
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from studio.fields import Format, Slug, Use
from studio.product import Frozen


class Limit(Frozen):
    """Bounds for one measurement. `retry` marks a failure that another matte refiner may cure."""

    min: float | None = None
    max: float | None = None
    retry: bool = False

    @model_validator(mode="after")
    def _some_bound(self) -> Limit:
        if self.min is None and self.max is None:
            raise ValueError("a limit needs min, max or both")
        return self


class Source(Frozen):
    """Where a rule's numbers come from, and when they were looked at."""

    title: str
    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    official: bool = False


class Encoding(Frozen):
    """How final bytes are written. Quality is searched downwards from `quality` to `floor` to meet the byte limit."""

    format: Format = "jpeg"
    quality: Annotated[int, Field(ge=1, le=100)] = 95
    floor: Annotated[int, Field(ge=1, le=100)] = 80
    subsampling: Literal["4:4:4", "4:2:0"] = "4:4:4"
    dpi: Annotated[int, Field(ge=72, le=1200)] = 300


class Destination(Frozen):
    """What one sales channel accepts: a row of reference data with source and date, and the QA limits that follow from it."""

    id: Slug
    title: str
    width: Annotated[int, Field(ge=16, le=10000)]
    height: Annotated[int, Field(ge=16, le=10000)]
    encoding: Encoding = Encoding()
    accepts: tuple[Format, ...] = ("jpeg",)
    max_bytes: Annotated[int, Field(gt=0)]
    background: Literal["white", "transparent", "any"] = "any"
    use: Use = "main"
    qa: dict[str, Limit] = Field(default_factory=dict)
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    notes: str = ""

    @property
    def aspect(self) -> str:
        """Width to height in lowest terms, e.g. 4:5."""
        common = gcd(self.width, self.height)
        return f"{self.width // common}:{self.height // common}"
