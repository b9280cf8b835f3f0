"""`Brand`: what one brand asks of every picture, as data. Loaded from YAML by `templates.library`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from studio.briefs.files import File
from studio.fields import Fraction, HexColour, Slug
from studio.grounds import Ground
from studio.product import Frozen
from studio.template import Preset, Template

Material = Literal["wood", "marble", "linen", "concrete", "paper", "slate", "tile", "terrazzo", "sand", "metal"]
GroundKind = Literal["white", "colour", "gradient", "transparent", "image", "surface"]

NOT_ITS_BUSINESS = frozenset({"id", "version", "title", "description", "industry", "use", "brand", "samples"})
"""Fields that say which style it is: no brand changes them."""


class ForbiddenLooks(Frozen):
    """Looks that no picture of the brand has, whatever style it is made in."""

    templates: tuple[Slug, ...] = ()
    materials: tuple[Material, ...] = ()
    grounds: tuple[GroundKind, ...] = ()
    relights: tuple[Preset, ...] = ()
    engines: tuple[Literal["procedural", "diffusers"], ...] = ()


class Typeface(Frozen):
    """How the brand writes: for banners and posters, never on a product."""

    family: str = ""
    weights: tuple[Annotated[int, Field(ge=100, le=900)], ...] = (400,)
    fallback: Literal["sans-serif", "serif", "monospace"] = "sans-serif"


class Logo(Frozen):
    """The brand's sign and the room it needs."""

    uri: Annotated[str, Field(min_length=1)]
    file: File | None = None
    """PNG with transparency, beside the brand's file: what posters draw."""
    on_dark: File | None = None
    """Another for dark grounds; a logo is never recoloured."""
    clear_space: Fraction = 0.25
    """Free room on each side, as a share of the logo's height."""
    min_width_px: Annotated[int, Field(ge=8)] = 96
    grounds: tuple[GroundKind, ...] = ()
    """Kinds of ground it may stand on; none named: any."""


class Brand(Frozen):
    """Rules of one brand. `style` and `by_use` are fields over every style; a colour in them may be `$name` of the palette."""

    id: Slug
    title: str
    matches: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """What catalogues write in their brand column, case-insensitively."""
    palette: dict[Slug, HexColour] = Field(default_factory=dict)
    forbidden_words: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    forbidden_looks: ForbiddenLooks = ForbiddenLooks()
    type: Typeface = Typeface()
    logo: Logo | None = None
    style: dict[str, Any] = Field(default_factory=dict)
    by_use: dict[Literal["main", "lifestyle"], dict[str, Any]] = Field(default_factory=dict)
    """Fields over the styles of that use only, over `style`."""

    @field_validator("style", "by_use")
    @classmethod
    def _coloured(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        """Palette names become colours. The palette is checked before."""
        looks = value.values() if info.field_name == "by_use" else (value,)
        known = Template.model_fields.keys() - NOT_ITS_BUSINESS
        strange = sorted({name for look in looks for name in look} - known)
        if strange:
            raise ValueError(f"a brand changes no {', '.join(strange)} of a style")
        coloured: dict[str, Any] = _painted(value, info.data.get("palette", {}))
        return coloured

    def forbidden(self, template: Template) -> tuple[str, ...]:
        """What of a look this brand forbids, as `field: value`; nothing for most."""
        grounds: dict[str, Ground] = {"background": template.background}
        grounds |= {f"backgrounds.{use}": ground for use, ground in template.backgrounds.items()}
        no = self.forbidden_looks
        found = [f"id: {template.id}"] * (template.id in no.templates)
        found += [f"{at}.kind: {ground.kind}" for at, ground in grounds.items() if ground.kind in no.grounds]
        tables = {at: ground.material for at, ground in grounds.items() if ground.kind == "surface"}
        found += [f"{at}.material: {material}" for at, material in tables.items() if material in no.materials]
        found += [f"relight.preset: {template.relight.preset}"] * (template.relight.preset in no.relights)
        found += [f"scene.engine: {template.scene.engine}"] * (template.scene.engine in no.engines)
        return tuple(found)


def _painted(value: Any, palette: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _painted(inner, palette) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_painted(inner, palette) for inner in value]
    if not (isinstance(value, str) and value.startswith("$")):
        return value
    if value[1:] not in palette:
        raise ValueError(f"{value} is not in the palette, which has {', '.join(sorted(palette)) or 'no colour'}")
    return palette[value[1:]]
