"""`Edits`: what one order changes of its template, in the words of the caller; `serve_apps.request.overrides` applies them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from studio.fields import Format, Fraction, HexColour
from studio.grounds import Material
from studio.product import Frozen

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Length = Annotated[float, Field(ge=0, le=0.49)] | Annotated[str, StringConstraints(pattern=r"^\d{1,4}(\.\d{1,3})?(%|px)$")]
"""A fraction of the canvas side, a percentage of it, or pixels of the output."""
Degrees = Annotated[float, Field(ge=-180, le=180)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
MOST_PIXELS = 36_000_000
"""Of one picture; a canvas takes some 40 bytes a pixel while it is worked on."""
UNSUPPORTED = "No engine of this installation can do it: answered with `not_supported` (501)."
GENERATED = "Needs a generator of this installation (`models.configured`); answers `not_supported` without one."


class Edit(Frozen):
    """A group of edits: what is left out stays as the template has it; an empty group is allowed and changes nothing."""


class Region(Frozen):
    """A part of the photo, as fractions of its width and height."""

    x: Fraction = Field(default=0.0, description="Left edge.", examples=[0.1])
    y: Fraction = Field(default=0.0, description="Top edge.", examples=[0.1])
    width: Annotated[float, Field(gt=0, le=1, description="Width.", examples=[0.8])]
    height: Annotated[float, Field(gt=0, le=1, description="Height.", examples=[0.8])]

    @model_validator(mode="after")
    def _inside(self) -> Region:
        if self.x + self.width > 1 + 1e-6 or self.y + self.height > 1 + 1e-6:
            raise ValueError("the region reaches over the photo's edge")
        return self


class CutoutEdit(Edit):
    """How the product is separated from its photo."""

    model: str | None = Field(default=None, max_length=64, description="Matting model.", examples=["u2netp"])
    refiner: Literal["guided", "closed_form", "none"] | None = Field(
        default=None, description="How the edge is worked out at full resolution.", examples=["closed_form"]
    )
    despill: bool | None = Field(default=None, description="Take the old ground's colour out of the edge.", examples=[True])
    keep_alpha: Literal["auto", "never"] | None = Field(
        default=None, description="`auto`: a photo with a meaningful alpha channel keeps it.", examples=["auto"]
    )
    second_pass: bool | None = Field(default=None, description="Look again at small objects.", examples=[True])
    roi: Region | None = Field(default=None, description="Only what lies in this part of the photo is product.")
    prompt: Words | None = Field(default=None, description=f"Words for what to keep. {UNSUPPORTED}", examples=["the bottle"])
    negative_prompt: Words | None = Field(
        default=None, description=f"Words for what to leave out. {UNSUPPORTED}", examples=["the hand"]
    )


class OutputSize(Frozen):
    """Size of the finished picture in pixels."""

    width: Annotated[int, Field(ge=16, le=10000, description="Width in pixels.", examples=[1600])]
    height: Annotated[int, Field(ge=16, le=10000, description="Height in pixels.", examples=[1600])]

    @model_validator(mode="after")
    def _not_too_many(self) -> OutputSize:
        if self.width * self.height > MOST_PIXELS:
            raise ValueError(f"more than {MOST_PIXELS // 1_000_000} megapixels")
        return self


class Sides(Frozen):
    """A length for each side; sides left out stay as the template has them."""

    top: Length | None = Field(default=None, description="Top.", examples=[0.05])
    right: Length | None = Field(default=None, description="Right.", examples=["5%"])
    bottom: Length | None = Field(default=None, description="Bottom.", examples=["80px"])
    left: Length | None = Field(default=None, description="Left.", examples=[0.05])


class LayoutEdit(Edit):
    """Where the product stands on the canvas."""

    output_size: OutputSize | None = Field(default=None, description="Instead of the destinations' own sizes.")
    margin: Length | Sides | None = Field(default=None, description="Room kept free at the canvas's edges.", examples=[0.05])
    padding: Length | Sides | None = Field(
        default=None,
        description="More room around the product, inside the margin. Without `target_fill` the product fills what is left.",
        examples=["5%"],
    )
    reference_box: Literal["product", "photo"] | None = Field(
        default=None, description="What is fitted to the canvas: the product, or the photo it stands in.", examples=["product"]
    )
    scaling: Literal["fit", "fill"] | None = Field(
        default=None, description="`fit`: all of it is visible. `fill`: the room is covered, the rest is cut.", examples=["fit"]
    )
    align_x: Literal["left", "center", "right"] | None = Field(default=None, description="Alignment.", examples=["center"])
    align_y: Literal["top", "center", "bottom"] | None = Field(
        default=None, description="Alignment; takes the template's baseline out.", examples=["bottom"]
    )
    snap_cropped_sides: bool | None = Field(
        default=None, description="A product cut by the photo's edge is set flush to that edge of the canvas.", examples=[True]
    )
    target_fill: Annotated[float, Field(gt=0.05, le=1)] | None = Field(
        default=None, description="Larger side of the product's box over the canvas.", examples=[0.86]
    )
    baseline: Fraction | None = Field(
        default=None, description="Height (0 top, 1 bottom) on which the product stands.", examples=[0.85]
    )

    @model_validator(mode="after")
    def _one_height(self) -> LayoutEdit:
        if self.baseline is not None and self.align_y is not None:
            raise ValueError("baseline and align_y both say where the product stands: give one")
        return self


class GradientEdit(Frozen):
    """A studio sweep."""

    top: HexColour = Field(description="Colour above.", examples=["#f5f5f5"])
    bottom: HexColour = Field(description="Colour below.", examples=["#d9d9d9"])
    vignette: Fraction = Field(default=0.1, description="How much darker the corners are.", examples=[0.1])


class SurfaceEdit(Frozen):
    """A procedural table top before a wall."""

    material: Material = Field(description="The table.", examples=["marble"])
    wall: HexColour = Field(default="#e9e4dc", description="Colour of the wall.", examples=["#e9e4dc"])
    tint: HexColour | None = Field(default=None, description="Colour of the material.", examples=["#c9a27a"])
    horizon: Fraction = Field(default=0.62, description="Height of the table's far edge: 0 top, 1 bottom.", examples=[0.62])


class ReferenceEdit(Frozen):
    """A picture whose look the generated set follows."""

    image: Digest | None = Field(default=None, description="Hash of a picture in the store (an upload).", examples=["0" * 64])
    url: Annotated[str, StringConstraints(pattern=r"^https?://", max_length=2000)] | None = Field(
        default=None,
        description=f"Address of the picture: upload it first. {UNSUPPORTED}",
        examples=["https://shop.example/look.jpg"],
    )
    influence: Fraction = Field(default=0.6, description="How strongly it leads.", examples=[0.6])


class BackgroundEdit(Edit):
    """What the product stands before: one of colour, gradient, surface, image. A destination that insists on white or on
    transparency refuses any other ground."""

    color: HexColour | Literal["white", "transparent"] | None = Field(
        default=None, description="`#rrggbb`, `white` (255 exactly) or `transparent`.", examples=["#f4f4f4"]
    )
    gradient: GradientEdit | None = Field(default=None, description="A studio sweep of two colours.")
    surface: SurfaceEdit | None = Field(default=None, description="A table top before a wall.")
    image: Digest | None = Field(
        default=None, description="Hash of a picture in the store (an upload), scaled to cover the canvas.", examples=["0" * 64]
    )
    blur: Fraction | None = Field(
        default=None, description="Depth of field of a surface or image: 0 sharp, 1 softest.", examples=[0.3]
    )
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = Field(
        default=None, description="Another grain, veining or weave of the same set.", examples=[7]
    )
    prompt: Words | None = Field(default=None, description=f"The set in words. {GENERATED}", examples=["a sandy beach at noon"])
    negative_prompt: Words | None = Field(default=None, description="What not to show, with `prompt`.", examples=["people"])
    reference: ReferenceEdit | None = Field(default=None, description=f"A look to follow, alone or with `prompt`. {GENERATED}")

    @model_validator(mode="after")
    def _one_ground(self) -> BackgroundEdit:
        given = [n for n in ("color", "gradient", "surface", "image", "prompt") if getattr(self, n) is not None]
        if self.reference is not None and "prompt" not in given:
            given.append("reference")
        if self.negative_prompt is not None and self.prompt is None:
            raise ValueError("negative_prompt goes with prompt")
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other")
        return self


class ShadowEdit(Edit):
    """The product's shadow and mirror image on its ground, drawn from the product's shape and the light."""

    mode: Literal["none", "contact", "soft", "hard", "floating"] | None = Field(
        default=None, description=f"`floating`: {UNSUPPORTED}", examples=["soft"]
    )
    direction: (
        Degrees | Literal["behind", "behind_left", "left", "front_left", "front", "front_right", "right", "behind_right"] | (None)
    ) = Field(default=None, description="Where it falls: 0 behind, 90 left, 180 front, -90 right; or a name.", examples=["left"])
    elevation: Annotated[float, Field(ge=5, le=90)] | None = Field(
        default=None, description="Height of the light in degrees: low light, long shadow.", examples=[45]
    )
    spread: Literal["short", "medium", "long"] | None = Field(
        default=None, description="Length of the shadow; the same as an elevation of 65, 45, 25.", examples=["medium"]
    )
    intensity: Fraction | None = Field(default=None, description="0 none, 1 darkest.", examples=[0.5])
    softness: Fraction | None = Field(default=None, description="0 hard edge, 1 softest.", examples=[0.6])
    color: HexColour | None = Field(default=None, description="Colour of the shadow.", examples=["#1a0f06"])
    pose: Literal["upright", "flat_lay"] | None = Field(
        default=None, description=f"How the product lies. `flat_lay`: {UNSUPPORTED}", examples=["upright"]
    )
    reflection: Fraction | None = Field(default=None, description="Mirror image on the ground: 0 none.", examples=[0.1])

    @model_validator(mode="after")
    def _one_height(self) -> ShadowEdit:
        if self.elevation is not None and self.spread is not None:
            raise ValueError("elevation and spread both say how long the shadow is: give one")
        if self.mode == "none" and self.intensity:
            raise ValueError("mode 'none' has no intensity")
        return self


class LightingEdit(Edit):
    """The key light of the set. The product's own pixels stay as photographed unless `mode` is `relight`."""

    mode: Literal["set", "relight"] | None = Field(
        default=None,
        description="`set`: light the set and its shadows. `relight`: the product too, keeping its hues.",
        examples=["set"],
    )
    preset: Literal["window", "softbox", "overhead", "sun", "evening"] | None = Field(
        default=None, description="A light by name; the other fields refine it.", examples=["window"]
    )
    direction: Degrees | None = Field(
        default=None, description="0 from the camera, 90 from the right, -90 from the left, 180 from behind.", examples=[-45]
    )
    elevation: Annotated[float, Field(ge=5, le=90)] | None = Field(default=None, description="Degrees.", examples=[50])
    softness: Fraction | None = Field(default=None, description="0 a point, 1 the largest softbox.", examples=[0.6])
    temperature_k: Annotated[float, Field(ge=2000, le=12000)] | None = Field(
        default=None, description="Colour temperature of the set in kelvin.", examples=[5000]
    )
    strength: Fraction | None = Field(
        default=None, description="How far the product follows the light, with mode `relight`.", examples=[0.5]
    )

    @model_validator(mode="after")
    def _relights(self) -> LightingEdit:
        if self.strength is not None and self.mode != "relight":
            raise ValueError("strength is about relighting: say mode relight")
        return self


class LabColour(Frozen):
    """A colour in CIE Lab, D65."""

    l: Annotated[float, Field(ge=0, le=100, description="Lightness.", examples=[42.0])]  # noqa: E741
    a: Annotated[float, Field(ge=-128, le=127, description="Green to red.", examples=[31.0])]
    b: Annotated[float, Field(ge=-128, le=127, description="Blue to yellow.", examples=[-12.5])]


class RecolourEdit(Frozen):
    """The product, or what has one colour of it, in another colour; texture, gloss and shading stay. The colour reached is
    measured as CIEDE2000 and reported."""

    region: Literal["product", "colour"] = Field(
        default="product", description="All of the product, or only what has the colour `source`.", examples=["colour"]
    )
    source: HexColour | None = Field(default=None, description="Colour to replace, for region `colour`.", examples=["#b02a30"])
    tolerance: Annotated[float, Field(gt=0, le=60)] | None = Field(
        default=None, description="How far from `source` a colour may lie, in Lab chromaticity units; default 18.", examples=[18]
    )
    target: HexColour | LabColour = Field(description="The colour wanted, sRGB or Lab.", examples=["#2a6fb0"])

    @model_validator(mode="after")
    def _source_where_needed(self) -> RecolourEdit:
        if (self.region == "colour") != (self.source is not None):
            raise ValueError("region 'colour' needs source, region 'product' takes none")
        if self.tolerance is not None and self.region == "product":
            raise ValueError("tolerance belongs to region 'colour'")
        return self


class UpscaleEdit(Edit):
    """Enlargement of sources that are too small for the canvas."""

    model: str | None = Field(default=None, max_length=64, description="Enlarging model.", examples=["span-x4"])
    above: Annotated[float, Field(ge=1, le=1000)] | None = Field(
        default=None, description="Enlargement from which the model is used; Lanczos below.", examples=[1.15]
    )


class ExportEdit(Edit):
    """How the files are written. A format or limit that a destination does not accept is refused."""

    format: Format | None = Field(default=None, description="File format.", examples=["webp"])
    quality: Annotated[int, Field(ge=1, le=100)] | None = Field(default=None, description="Highest quality.", examples=[92])
    subsampling: Literal["4:4:4", "4:2:0"] | None = Field(
        default=None, description="Colour resolution (JPEG, AVIF).", examples=["4:4:4"]
    )
    dpi: Annotated[int, Field(ge=72, le=1200)] | None = Field(default=None, description="Printing density.", examples=[300])
    max_bytes: Annotated[int, Field(ge=1000)] | None = Field(
        default=None, description="Byte limit; at most the destination's own.", examples=[500000]
    )
    icc: Literal["srgb", "original"] | None = Field(
        default=None, description=f"Colour profile. `original`: {UNSUPPORTED}", examples=["srgb"]
    )
    metadata: Literal["minimal", "keep"] | None = Field(
        default=None, description=f"`minimal`: profile, density, IPTC source type. `keep`: {UNSUPPORTED}", examples=["minimal"]
    )


_EXAMPLE: dict[str, Any] = {
    "layout": {"target_fill": 0.8, "margin": "5%"},
    "background": {"color": "#f4f4f4"},
    "shadow": {"mode": "soft", "direction": "left", "intensity": 0.4},
    "export": {"format": "jpeg", "quality": 92},
}


class Edits(Frozen):
    """Changes to the template for this order. What is left out stays as the template has it; nothing is silently ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    cutout: CutoutEdit | None = Field(default=None, description="How the product is separated from its photo.")
    layout: LayoutEdit | None = Field(default=None, description="Where the product stands.")
    background: BackgroundEdit | None = Field(default=None, description="What it stands before.")
    shadow: ShadowEdit | None = Field(default=None, description="Shadow and mirror image.")
    lighting: LightingEdit | None = Field(default=None, description="Light of the set.")
    recolour: RecolourEdit | None = Field(default=None, description="Another colour for the product or a part of it.")
    upscale: UpscaleEdit | None = Field(default=None, description="Enlargement of small sources.")
    export: ExportEdit | None = Field(default=None, description="How the files are written.")
    text_removal: Literal["artificial", "natural", "all"] | None = Field(
        default=None, description=f"Remove lettering. {UNSUPPORTED}", examples=["artificial"]
    )
