"""`Template`: one look, as data. Loaded from YAML by `templates.library`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from studio.briefs import Brief
from studio.briefs.files import File, files_in
from studio.destination import Destination, Limit
from studio.fields import Aspect, Fraction, HexColour, Slug, Use
from studio.grounds import Ground, WhiteGround
from studio.product import Frozen, ImageRole
from studio.prompts.lexicon import Lexicon

Replaceable = Literal["light", "composition", "shadow", "reflection", "relight", "harmonise", "cutout", "upscale", "scene"]
"""Parts of a template that a fallback may change: how a picture is made, never what it is checked against."""


class AppliesTo(Frozen):
    """Which products and photos a template is for. Empty means any. Categories match case-insensitively by prefix."""

    categories: tuple[str, ...] = ()
    roles: tuple[ImageRole, ...] = (ImageRole.FRONT,)
    attributes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Attribute -> values of which the product has one, case-insensitively; no values: the attribute is there at all."""


class Light(Frozen):
    """The key light of the set. Azimuth: 0 behind the camera, 90 from the right, -90 from the left, 180 behind the product."""

    azimuth_deg: Annotated[float, Field(ge=-180, le=180)] = -45.0
    elevation_deg: Annotated[float, Field(ge=5, le=90)] = 50.0
    softness: Fraction = 0.6
    temperature_k: Annotated[float, Field(ge=2000, le=12000)] = 5500.0
    ratio: Annotated[float, Field(ge=1, le=16)] = 2.0
    """Key light over fill light: 1 is flat, 2 is gentle, 8 is dramatic. Shadows deepen and relighting models with it."""


Preset = Literal["none", "softbox", "window", "rim", "top", "golden-hour"]


class Relight(Frozen):
    """Another light on the product itself: only its low frequencies change, hue stays. `none` leaves every pixel alone."""

    preset: Preset = "none"
    strength: Fraction = 0.5


class Harmonise(Frozen):
    """How far product and set are brought together, 0 (the product stays as it is) to 1."""

    temperature: Fraction = 0.0
    """Share of the difference between the light's colour temperature and neutral that the product takes on."""
    light: Fraction = 0.0
    """Share of the set's brightness gradient, from the key light's side, that the product takes on."""
    edge: Fraction = 0.0
    """Light of the ground that wraps around the product's edge."""


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
    same_scale: bool = False
    """The photos of one product (front, back, angle, spin) are drawn to one scale and stand on one line."""
    same_scale_by: Literal["camera", "height"] = "camera"
    """What one scale means: the camera stood still, or the product, turned about its upright axis, is always as tall."""

    @model_validator(mode="after")
    def _one_line(self) -> Composition:
        if self.same_scale and self.baseline is None:
            raise ValueError("same_scale needs a baseline to stand on")
        return self


class Shadow(Frozen):
    """Contact shadow under the base and cast shadow away from the light, both 0 (none) to 1 (strongest)."""

    contact: Fraction = 0.6
    cast: Fraction = 0.25
    colour: HexColour = "#000000"


class Reflection(Frozen):
    """A mirror image on the ground, fading within `fade` of the product's height."""

    strength: Fraction = 0.0
    fade: Annotated[float, Field(gt=0, le=1)] = 0.25


Material = Literal["photo", "auto", "glass", "metal", "fabric"]
"""What the product is made of, so that the set shows through it, mirrors it or does not. `photo`: as the photo has it, whatever
it is; `auto`: what the product's data say, and `photo` where they say nothing."""


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
    unlettered: str = ""
    """A stronger model for goods without lettering (it may repaint small print); needs `text` in `examine`."""


class Scene(Frozen):
    """Which engine makes the surroundings. Outputs say which one did."""

    engine: Literal["procedural", "diffusers"] = "procedural"
    model: str = ""
    """Name of a generator in the model registry, e.g. `sdxl-lightning`."""
    mode: Literal["backdrop", "inpaint", "edit"] = "backdrop"
    """`backdrop`: an empty set, made once for each (style, seed, aspect) and shared by all SKUs. `inpaint` and `edit`: a set
    made around each product."""
    seed: Annotated[int, Field(ge=0)] | None = None
    """Another grain, veining or weave of the same set; None: the template's own."""
    reference: str = ""
    """A picture whose look the set follows (IP-Adapter), a path beside the template."""
    reference_digest: str = ""
    influence: Fraction = 0.6
    """How strongly `reference` is followed."""
    control: Literal["none", "depth", "canny"] = "none"
    """What of the product's shape a ControlNet is shown."""
    outgrowth: Fraction = 0.02
    """How much of the product's area a generator may add to it before the picture is held back."""
    f_stop: Annotated[float, Field(ge=0, le=64)] = 0.0
    """Aperture: the set blurs with its distance from the product, more the smaller the number; 0: everything as it was drawn."""
    far_edge: Fraction = 0.62
    """Where the ground of a picture ends and its far wall begins, for `f_stop`: 0 top of the canvas, 1 bottom."""


class Prompt(Frozen):
    """Words for a generative engine (`studio.prompts` writes them out). Terms are ids of `templates/lexicon`."""

    attributes: tuple[str, ...] = ()
    """Product attributes that are named, where the data has them."""
    scene: str = ""
    """Where the product stands: a noun phrase, e.g. "a sunlit oak kitchen counter"."""
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    """Lexicon ids of lighting, lens, composition and material words, e.g. `lighting.window`."""
    by_category: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Further positive fragments for products whose category starts with the key, case-insensitively."""
    lexicon: Lexicon | None = None
    """The words behind `terms`; the library fills it for generated scenes."""
    forbidden_words: tuple[str, ...] = ()
    """The brand's; the library fills them."""


class Tolerance(Frozen):
    """One feature of a consistent set: its value lies within `within` of `target`, or of the set's own median."""

    within: Annotated[float, Field(gt=0)]
    target: float | None = None


Question = Literal["text", "identity", "safety", "person", "defects"]
"""What models are asked about the finished picture beyond the plain checks."""


class Template(Frozen):
    """One look. Everything that changes a pixel is a field here; `key` names it as `id@version`."""

    id: Slug
    version: Annotated[int, Field(ge=1)] = 1
    title: str
    description: str = ""
    industry: Slug = "starter"
    use: Literal["main", "lifestyle"] = "main"
    brand: Slug | None = None
    """The brand whose rules are in this template already; the library fills it."""
    recipe: Slug = "photography"
    """The studio; a `brief` says its name already."""
    brief: Brief | None = None
    """What the studio is told beyond what every look says (`studio.briefs`)."""
    applies_to: AppliesTo = AppliesTo()
    outputs: Annotated[tuple[Slug, ...], Field(min_length=1)]
    """Destination ids; one shot is made for each."""
    light: Light = Light()
    material: Material = "photo"
    composition: Composition = Composition()
    crops: dict[Aspect, dict[str, Any]] = Field(default_factory=dict)
    """Aspect ratio of a destination ("4:5") -> fields over `composition` there."""
    background: Ground = WhiteGround(kind="white")
    backgrounds: dict[Use, Ground] = Field(default_factory=dict)
    """A destination's `use` -> ground there, instead of `background`."""
    shadow: Shadow = Shadow()
    reflection: Reflection = Reflection()
    relight: Relight = Relight()
    harmonise: Harmonise = Harmonise()
    cutout: Cutout = Cutout()
    recolour: Recolour | None = None
    upscale: Upscale = Upscale()
    chart: Literal["never", "auto"] = "never"
    """`auto`: where the photo shows a ColorChecker Classic, its colours are corrected by it."""
    scene: Scene = Scene()
    prompt: Prompt = Prompt()
    examine: tuple[Question, ...] = ()
    """Asked of models about the finished picture, besides what follows from the look (a generated set always asks `text` and
    `identity`)."""
    qa: dict[str, Limit] = Field(default_factory=dict)
    consistency: dict[str, Tolerance] = Field(default_factory=dict)
    """Feature -> tolerance over the defaults of `studio.qa.consistency`."""
    samples: tuple[str, ...] = ()
    """SKUs of the sample catalogue that `packshot template test` renders."""
    fallback: tuple[dict[Replaceable, dict[str, Any]], ...] = ()
    """What an order may try in turn when QA holds an image back: fields over this template's, e.g. another refiner."""

    @property
    def files(self) -> tuple[File, ...]:
        """Files that the brief names."""
        return tuple(files_in(self.brief))

    @property
    def key(self) -> str:
        """`id@version`, and `+brand` where a brand's rules are in it."""
        return f"{self.id}@{self.version}" + (f"+{self.brand}" if self.brand else "")

    def at(self, destination: Destination) -> Template:
        """This look as it is at a destination: its crop for that aspect ratio, its ground for that use."""
        crop = self.crops.get(destination.aspect, {})
        ground = self.backgrounds.get(destination.use)
        if not crop and ground is None:
            return self
        rules = Composition.model_validate(_over(self.composition.model_dump(), crop))
        return self.model_copy(update={"composition": rules, "background": ground or self.background})

    @property
    def ladder(self) -> tuple[Template, ...]:
        """The looks of `fallback`, in order. None of them falls back any further."""
        base = self.model_dump(exclude={"fallback"})
        return tuple(Template.model_validate(_over(base, rung)) for rung in self.fallback)

    @model_validator(mode="before")
    @classmethod
    def _studio(cls, data: Any) -> Any:
        """The brief's studio is the recipe."""
        brief = data.get("brief") if isinstance(data, Mapping) else None
        kind = brief.get("kind") if isinstance(brief, Mapping) else getattr(brief, "kind", None)
        return {"recipe": kind, **data} if kind else data

    @model_validator(mode="after")
    def _brief_fits(self) -> Template:
        """A brief for another studio is an error."""
        if self.brief is not None and self.brief.kind != self.recipe:
            raise ValueError(f"brief.kind is {self.brief.kind}, but recipe is {self.recipe}")
        return self

    @model_validator(mode="after")
    def _ladder_valid(self) -> Template:
        """A rung or crop that does not fit is an error of the template, not of the first order that needs it."""
        _ = self.ladder
        for crop in self.crops.values():
            Composition.model_validate(_over(self.composition.model_dump(), crop))
        return self


def _over(base: Mapping[Any, Any], patch: Mapping[Any, Any]) -> dict[Any, Any]:
    """`patch` over `base`, group by group."""
    both = {name: _over(base[name], value) for name, value in patch.items() if isinstance(value, dict) and name in base}
    return {**base, **patch, **both}
