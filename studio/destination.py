"""`Destination`: what one sales channel accepts, as data with source and date."""

from __future__ import annotations

from math import gcd
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from studio.fields import Aspect, Format, Fraction, Slug, Use
from studio.product import Frozen

Cure = Literal["refiner", "seed", "engine"]
"""What another attempt does differently: another matte refiner, another seed of a generated set, a procedural set instead."""


class Limit(Frozen):
    """Bounds for one measurement. `retry` names what may cure a failure; true means another matte refiner."""

    min: float | None = None
    max: float | None = None
    retry: bool | tuple[Cure, ...] = False
    on_fail: Literal["review", "reject"] = "review"
    """`reject`: the picture is of no use to anybody, nobody need look at it."""

    @property
    def cures(self) -> tuple[Cure, ...]:
        """What may cure a failure; nothing where another attempt would give the same."""
        if isinstance(self.retry, tuple):
            return self.retry
        return ("refiner",) if self.retry else ()

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


class SafeArea(Frozen):
    """Edges of the picture that the channel covers with its own signs, as fractions of the canvas: no words there."""

    top: Fraction = 0.0
    right: Fraction = 0.0
    bottom: Fraction = 0.0
    left: Fraction = 0.0


class Naming(Frozen):
    """How the files of a listing are named, without extension. `{id}` is the product's identifier there, `{number}` counts the
    further pictures from 1 (`{number:02}` with two digits), `{slot}` is the picture's place in the set."""

    main: str = "{id}"
    further: str = "{id}-{number:02}"
    identifiers: tuple[str, ...] = ()
    """Product attributes that hold the identifier, the first that is there; then the SKU."""
    only: Annotated[str, StringConstraints(pattern=r"^\[.+\]$")] = "[A-Za-z0-9._-]"
    """Characters that the identifier may have, as a class of a regular expression; others are left out."""


class Count(Frozen):
    """How many pictures a listing has."""

    min: Annotated[int, Field(ge=1)] = 1
    max: Annotated[int, Field(ge=1)] | None = None
    wanted: Annotated[int, Field(ge=1)] | None = None
    """How many are recommended; fewer are no error."""


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
    safe_area: SafeArea = SafeArea()
    qa: dict[str, Limit] = Field(default_factory=dict)
    """Bounds on what we make for it."""
    upload: dict[str, Limit] = Field(default_factory=dict)
    """Further bounds on any file that is uploaded there, also one not made by us (`studio.qa.preflight`)."""
    aspects: tuple[Aspect, ...] = ()
    """Ratios that are accepted beside the one we make."""
    also_accepts: tuple[Literal["tiff", "gif", "bmp"], ...] = ()
    """Formats that are accepted there and that we never write."""
    naming: Naming | None = None
    """Names of a listing's files; None: the shop does not care."""
    count: Count | None = None
    """How many pictures a listing has; None: nothing is known."""
    alt_text: Annotated[int, Field(ge=20)] | None = None
    """Most characters of a picture's alternative text; None: nothing is known."""
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    cites: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """Rule -> place in `sources` of where its number is from; the first one where nothing is said."""
    notes: str = ""

    @model_validator(mode="after")
    def _sources_there(self) -> Destination:
        missing = sorted(name for name, place in self.cites.items() if place >= len(self.sources))
        if missing:
            raise ValueError(f"cites: {', '.join(missing)} name a source that is not there")
        return self

    @property
    def aspect(self) -> str:
        """Width to height in lowest terms, e.g. 4:5."""
        common = gcd(self.width, self.height)
        return f"{self.width // common}:{self.height // common}"
