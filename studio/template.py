"""`Template`: one look, as data, and `Destination`: what one channel accepts. Loaded from YAML by `templates.library`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from studio.product import Frozen, ImageRole

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
HexColour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$", to_lower=True)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Format = Literal["jpeg", "png", "webp", "avif"]
Replaceable = Literal["light", "composition", "shadow", "reflection", "cutout", "upscale", "scene"]
"""Parts of a template that a fallback may change: how a picture is made, never what it is checked against."""


class AppliesTo(Frozen):
    """Which products and photos a template is for. Empty means any. Categories match case-insensitively by prefix."""

    categories: tuple[str, ...] = ()
    roles: tuple[ImageRole, ...] = (ImageRole.FRONT,)


class Light(Frozen):
    """The key light of the set. Azimuth: 0 behind the camera, 90 from the right, -90 from the left, 180 behind the product."""

    azimuth_deg: Annotated[float, Field(ge=-180, le=180)] = -45.0
    elevation_deg: Annotated[float, Field(ge=5, le=90)] = 50.0
    softness: Fraction = 0.6
    temperature_k: Annotated[float, Field(ge=2000, le=12000)] = 5500.0


class Margins(Frozen):
    """Room kept free on each side, as fractions of the canvas side."""

    top: Fraction = 0.04
    right: Fraction = 0.04
    bottom: Fraction = 0.04
    left: Fraction = 0.04


class Composition(Frozen):
    """Where the product stands. `fill` is max(box width / canvas width, box height / canvas height)."""

    fill: Annotated[float, Field(gt=0.05, le=1.0)] = 0.86
    margins: Margins = Margins()
    align_x: Literal["left", "center", "right"] = "center"
    align_y: Literal["top", "center", "bottom"] = "center"
    baseline: Fraction | None = None
    """Height (0 top, 1 bottom) on which the product's lowest point stands; overrides `align_y`."""
    focal_point: tuple[Fraction, Fraction] | None = None
    """Canvas point the product's centre is drawn to; overrides alignment, never margins."""
    snap_cropped_sides: bool = True
    """A product cut by the photo's edge is set flush to that canvas edge instead of floating with a straight cut."""
    scaling: Literal["fit", "fill"] = "fit"
    """`fit`: all of it is visible. `fill`: it covers the room inside the margins, whatever `fill` says; what runs over is cut."""
    reference_box: Literal["product", "photo"] = "product"
    """What the rules above are about: the product's box, or the whole photo, in which the product keeps its place."""


class WhiteGround(Frozen):
    """Pure white, 255 in every channel."""

    kind: Literal["white"]


class ColourGround(Frozen):
    """One flat colour."""

    kind: Literal["colour"]
    colour: HexColour


class GradientGround(Frozen):
    """A studio sweep: lighter where the light falls, darker towards the corners."""

    kind: Literal["gradient"]
    top: HexColour
    bottom: HexColour
    vignette: Fraction = 0.1


class TransparentGround(Frozen):
    """No ground: the alpha channel is delivered."""

    kind: Literal["transparent"]


class ImageGround(Frozen):
    """A picture, scaled to cover the canvas. The library fills `digest`, the BLAKE3 of its bytes."""

    kind: Literal["image"]
    path: str
    digest: str = ""
    blur: Fraction = 0.0
    """Depth of field: 0 sharp, 1 softest."""


class SurfaceGround(Frozen):
    """A procedural table top before a wall."""

    kind: Literal["surface"]
    material: Literal["wood", "marble", "linen", "concrete", "paper"]
    wall: HexColour = "#e9e4dc"
    tint: HexColour | None = None
    horizon: Fraction = 0.62
    """Height of the table's far edge: 0 top of the canvas, 1 bottom."""
    blur: Fraction = 0.3
    """Depth of field: how soft the far parts of the set are."""


Ground = Annotated[
    WhiteGround | ColourGround | GradientGround | TransparentGround | ImageGround | SurfaceGround,
    Field(discriminator="kind"),
]


class Shadow(Frozen):
    """Contact shadow under the base and cast shadow away from the light, both 0 (none) to 1 (strongest)."""

    contact: Fraction = 0.6
    cast: Fraction = 0.25
    colour: HexColour = "#000000"


class Reflection(Frozen):
    """A mirror image on the ground, fading within `fade` of the product's height."""

    strength: Fraction = 0.0
    fade: Annotated[float, Field(gt=0, le=1)] = 0.25


class Roi(Frozen):
    """A rectangle of the photo, as fractions of its width and height; it lies inside the photo."""

    x: Fraction = 0.0
    y: Fraction = 0.0
    width: Annotated[float, Field(gt=0, le=1)] = 1.0
    height: Annotated[float, Field(gt=0, le=1)] = 1.0

    @model_validator(mode="after")
    def _inside(self) -> Roi:
        if self.x + self.width > 1 + 1e-6 or self.y + self.height > 1 + 1e-6:
            raise ValueError("the region reaches over the photo's edge")
        return self


class Cutout(Frozen):
    """How the product is separated from its photo."""

    model: str = "u2netp"
    refiner: Literal["guided", "closed_form", "none"] = "guided"
    decontaminate: bool = True
    keep_alpha: Literal["auto", "never"] = "auto"
    """`auto`: a photo that already has a meaningful alpha channel keeps it and calls no model."""
    second_pass: bool = True
    """Look again at the crop where the object is small in the frame."""
    roi: Roi | None = None
    """Only what lies here is looked at; the rest of the photo is ground."""


class Recolour(Frozen):
    """Another colour for the product. Texture, gloss and shading stay; the median colour of the region becomes `target`."""

    target: HexColour | tuple[float, float, float]
    """sRGB, or CIE Lab under D65 (inside the sRGB gamut)."""
    source: HexColour | None = None
    """Only what has this colour, in light or shade; None: all of the product."""
    tolerance: Annotated[float, Field(gt=0, le=60)] = 18.0
    """How far from `source` a pixel may lie: distance in a* and b*, both colours brought to L* 50."""


class Upscale(Frozen):
    """Mild enlargement where the source is too small for the canvas."""

    model: str = "span-x2"
    above: Annotated[float, Field(ge=1.0)] = 1.15
    """Enlargement factor from which the model is used; below it Lanczos is enough."""


class Scene(Frozen):
    """Which engine makes the surroundings. Outputs say which one did."""

    engine: Literal["procedural", "diffusers"] = "procedural"
    model: str = ""
    seed: Annotated[int, Field(ge=0)] | None = None
    """Another grain, veining or weave of the same set; None: the template's own."""


class Prompt(Frozen):
    """Words for a generative engine; `attributes` names the product attributes it reads."""

    attributes: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()


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
    qa: dict[str, Limit] = Field(default_factory=dict)
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    notes: str = ""


class Template(Frozen):
    """One look. Everything that changes a pixel is a field here; `key` names it as `id@version`."""

    id: Slug
    version: Annotated[int, Field(ge=1)] = 1
    title: str
    description: str = ""
    industry: Slug = "starter"
    recipe: Slug = "photography"
    applies_to: AppliesTo = AppliesTo()
    outputs: Annotated[tuple[Slug, ...], Field(min_length=1)]
    """Destination ids; one shot is made for each."""
    light: Light = Light()
    composition: Composition = Composition()
    background: Ground = WhiteGround(kind="white")
    shadow: Shadow = Shadow()
    reflection: Reflection = Reflection()
    cutout: Cutout = Cutout()
    recolour: Recolour | None = None
    upscale: Upscale = Upscale()
    scene: Scene = Scene()
    prompt: Prompt = Prompt()
    qa: dict[str, Limit] = Field(default_factory=dict)
    samples: tuple[str, ...] = ()
    fallback: tuple[dict[Replaceable, dict[str, Any]], ...] = ()
    """What an order may try in turn when QA holds an image back: fields over this template's, e.g. another refiner."""

    @property
    def key(self) -> str:
        """`id@version`."""
        return f"{self.id}@{self.version}"

    @property
    def ladder(self) -> tuple[Template, ...]:
        """The looks of `fallback`, in order. None of them falls back any further."""
        base = self.model_dump(exclude={"fallback"})
        return tuple(Template.model_validate(_over(base, rung)) for rung in self.fallback)

    @model_validator(mode="after")
    def _ladder_valid(self) -> Template:
        """A rung that does not fit is an error of the template, not of the first order that needs it."""
        _ = self.ladder
        return self


def _over(base: Mapping[Any, Any], patch: Mapping[Any, Any]) -> dict[Any, Any]:
    """`patch` over `base`, group by group."""
    both = {name: _over(base[name], value) for name, value in patch.items() if isinstance(value, dict) and name in base}
    return {**base, **patch, **both}
