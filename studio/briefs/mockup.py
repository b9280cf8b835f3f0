"""What the studio `mockup` is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from studio.briefs.files import File
from studio.fields import Fraction, HexColour
from studio.product import Frozen

Point = tuple[float, float]
"""x, y in pixels of the blank's photo; (0, 0) is the upper left corner of its first pixel."""
Positive = Annotated[float, Field(gt=0)]


class Area(Frozen):
    """Part of a surface that takes the design, as fractions of its width and height."""

    x: Fraction = 0.0
    y: Fraction = 0.0
    width: Annotated[float, Field(gt=0, le=1)] = 1.0
    height: Annotated[float, Field(gt=0, le=1)] = 1.0


class Printable(Frozen):
    """What every surface says: its real size, where the design lies on it, and which artwork it takes."""

    size_mm: tuple[Positive, Positive]
    """Width and height of the whole surface."""
    area: Area = Area()
    fit: Literal["contain", "cover", "width"] = "contain"
    """`contain`: all of the artwork inside the area. `cover`: area and bleed are full, what runs over is cut. `width`: as wide as
    the area, cut where it is too high."""
    align_x: Literal["left", "center", "right"] = "center"
    align_y: Literal["top", "center", "bottom"] = "center"
    bleed_mm: Annotated[float, Field(ge=0, le=50)] = 0.0
    """Artwork beyond the area's edge that is cut off in production; only `cover` uses it."""
    artwork: Annotated[int, Field(ge=0, le=9)] = 0
    """Which of the product's artworks, in their order."""
    displace: Annotated[float, Field(ge=0, le=40)] = 0.0
    """Pixels of the photo by which folds, read from its shading, move the print; a UV map knows its folds already."""
    mask: File | None = None
    """Grey picture of the photo's size, white where the surface is seen: what stands before it hides the print."""


class UvSurface(Printable):
    """A UV map: 16-bit RGB PNG, R = u, G = v, B = coverage, (0, 0) the upper left. It may be smaller than the photo."""

    kind: Literal["uv"]
    map: File


class CornersSurface(Printable):
    """A flat rectangle: upper left, upper right, lower right, lower left corner in the photo."""

    kind: Literal["corners"]
    points: tuple[Point, Point, Point, Point]


class CylinderSurface(Printable):
    """A round wall or cone between two rims. Angles are degrees around the axis: 0 nearest the camera, positive to the right."""

    kind: Literal["cylinder"]
    axis: tuple[Point, Point]
    """Middle of the upper and of the lower rim, between its leftmost and rightmost points."""
    front: tuple[Point, Point]
    """Where the upper and the lower rim come nearest to the camera."""
    radius: tuple[Positive, Positive]
    """Half width of the upper and of the lower rim in pixels."""
    angles: tuple[Annotated[float, Field(ge=-360, le=360)], Annotated[float, Field(ge=-360, le=360)]]
    """Where the surface's left and right edges are."""
    perspective: Annotated[float, Field(ge=0, lt=0.9)] = 0.0
    """Radius over the camera's distance from the axis; 0: seen from very far."""
    depth: Annotated[float, Field(gt=0.5, lt=2)] = 1.0
    """The lower rim's distance from the camera over the upper rim's; heights between them shorten accordingly."""


class MeshSurface(Printable):
    """A grid of points in the photo, row by row, evenly spaced on the surface; a smooth sheet goes through all of them."""

    kind: Literal["mesh"]
    points: Annotated[tuple[tuple[Point, ...], ...], Field(min_length=2, max_length=64)]

    @model_validator(mode="after")
    def _rectangular(self) -> MeshSurface:
        if len({len(row) for row in self.points}) != 1 or not 2 <= len(self.points[0]) <= 64:
            raise ValueError("every row of the mesh needs the same number of points, 2 to 64")
        return self


Surface = Annotated[UvSurface | CornersSurface | CylinderSurface | MeshSurface, Field(discriminator="kind")]


class Blank(Frozen):
    """The photo of an unprinted thing."""

    photo: File
    alpha: File | None = None
    """Grey picture of the photo's size: how much of each pixel the thing covers. Without it the photo keeps its own ground."""
    base: HexColour = "#ffffff"
    """Colour of the unprinted material under even light: what of the photo is not shading."""


class Ink(Frozen):
    """How the design sits on the material."""

    opacity: Fraction = 1.0
    underbase: Fraction | None = None
    """White under the colours: 0 none (the material shines through), 1 opaque white; None: as dark as the material is."""
    texture: Fraction = 1.0
    """How much of the material's fine texture is seen in the print."""
    gloss: Fraction = 0.0
    """How much of the photo's small highlights lies on top of the print."""


class MockupBrief(Frozen):
    """Artwork on a blank."""

    kind: Literal["mockup"] = "mockup"
    blank: Blank
    surfaces: Annotated[tuple[Surface, ...], Field(min_length=1, max_length=12)]
    ink: Ink = Ink()
    ground: Literal["template", "own"] = "template"
    """`own`: the blank's photo as it was taken, around the product; `template`: the product alone, on the template's ground."""
    colour: HexColour | Literal["swatch"] | None = None
    """Another colour for the blank; `swatch`: the product's first."""
    page: Annotated[int, Field(ge=1, le=500)] = 1
    """Page of a PDF."""
    min_dpi: Annotated[float, Field(ge=20, le=600)] = 100.0
    """Pixels per inch of print below which an artwork is turned away."""

    @model_validator(mode="after")
    def _has_alpha(self) -> MockupBrief:
        if self.blank.alpha is None and (self.ground == "template" or self.colour is not None):
            raise ValueError("blank.alpha is needed for the template's ground and for another colour")
        return self
