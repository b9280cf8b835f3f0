"""Edits in the caller's words become fields of a template and its destinations. What cannot be done is refused, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from serve_apps.request.edits import (
    BackgroundEdit,
    CutoutEdit,
    Edits,
    ExportEdit,
    LightingEdit,
    RecolourEdit,
    ShadowEdit,
    UpscaleEdit,
)
from serve_apps.request.layout import composed, sized
from serve_apps.request.refused import BadEdit
from studio.destination import Destination, Limit
from studio.errors import NotSupported
from studio.imaging.recolour import target_lab
from studio.models.presets import preset
from studio.models.registry import ROWS
from studio.template import Recolour, Template

LONELY = {"cutout": frozenset({"cutout", "recolour"})}
"""Recipes that read only some edits: there, all others but `export` are refused."""
UNSUPPORTED = (
    ("cutout", "prompt"),
    ("cutout", "negative_prompt"),
)
REFUSED_VALUES = {
    ("shadow", "mode"): "floating",
    ("shadow", "pose"): "flat_lay",
    ("export", "icc"): "original",
    ("export", "metadata"): "keep",
}
ABOUT: Mapping[str, frozenset[str]] = {
    "layout": frozenset({"fill", "fill_area"}),
    "background": frozenset({"white_purity_error", "white_far", "white_border", "clear_border", "edge_contrast"}),
    "shadow": frozenset({"shadow_gap"}),
}
"""Measurements that a template limits for its own layout, ground and shadow."""
DIRECTIONS = {
    "behind": 0.0,
    "behind_left": 45.0,
    "left": 90.0,
    "front_left": 135.0,
    "front": 180.0,
    "front_right": -135.0,
    "right": -90.0,
    "behind_right": -45.0,
}
"""Where a shadow falls. The light's azimuth is the same number: a light from the right (90) throws it to the left."""
_EDITED_AS = {"composition": "layout", "light": "lighting", "relight": "lighting", "reflection": "shadow"}
"""Groups of a look whose edits have another name."""
SPREADS = {"short": 65.0, "medium": 45.0, "long": 25.0}
SHADOWS: Mapping[str, tuple[float, float, float | None]] = {
    "none": (0.0, 0.0, None),
    "contact": (0.6, 0.0, None),
    "soft": (0.6, 0.3, 0.8),
    "hard": (0.7, 0.6, 0.1),
}
"""Contact, cast, softness of the light (None: as it is)."""
RELIGHTS: Mapping[str, str] = {
    "window": "window",
    "softbox": "softbox",
    "overhead": "top",
    "sun": "rim",
    "evening": "golden-hour",
}
"""The product's light that goes with each of the set's."""
LIGHTS: Mapping[str, dict[str, float]] = {
    "window": {"azimuth_deg": -60.0, "elevation_deg": 40.0, "softness": 0.6, "temperature_k": 5200.0},
    "softbox": {"azimuth_deg": -35.0, "elevation_deg": 55.0, "softness": 0.85, "temperature_k": 5500.0},
    "overhead": {"azimuth_deg": 0.0, "elevation_deg": 85.0, "softness": 0.7, "temperature_k": 5500.0},
    "sun": {"azimuth_deg": 50.0, "elevation_deg": 45.0, "softness": 0.08, "temperature_k": 5600.0},
    "evening": {"azimuth_deg": -75.0, "elevation_deg": 18.0, "softness": 0.3, "temperature_k": 3400.0},
}


def apply_edits(
    template: Template,
    destinations: Sequence[Destination],
    edits: Edits,
    *,
    has_blob: Callable[[str], bool],
    generator: str = "",
) -> tuple[Template, tuple[Destination, ...]]:
    """The template and destinations of one order. `has_blob` says whether the store holds a digest (background pictures);
    `generator` is the model that paints sets, "" where there is none.

    Raises BadEdit (422) naming the field that contradicts template, destination or another field, NotSupported (501) for what no
    engine here does.
    """
    _refuse(template, edits)
    places = exported(sized(tuple(destinations), edits.layout), edits.export)
    changes: dict[str, dict[str, Any]] = {}
    if edits.cutout:
        changes["cutout"] = _cutout(edits.cutout)
    if edits.layout and edits.layout.model_dump(exclude_none=True):
        changes["composition"] = composed(template.composition, places, edits.layout)
        template = template.model_copy(update={"crops": {}})
    if edits.upscale:
        changes["upscale"] = _upscale(edits.upscale)
    changes |= lit(edits.shadow, edits.lighting)
    look = _merged(template, changes)
    if edits.background and edits.background.model_dump(exclude_none=True):
        look = grounded(look, places, edits.background, has_blob).model_copy(update={"backgrounds": {}})
        look = painted(look, places, edits.background, has_blob, generator)
    if edits.recolour:
        look = _merged(look, {"recolour": _recolour(edits.recolour)})
    deliverable(look, places)
    return _without_stale_limits(look, edits), places


def lit(shadow: ShadowEdit | None, lighting: LightingEdit | None) -> dict[str, dict[str, Any]]:
    """Fields of shadow, reflection and light. Raises BadEdit where both speak about the light and do not agree."""
    light = _light(lighting) if lighting else {}
    fields: dict[str, dict[str, Any]] = {}
    if shadow:
        fields["shadow"], own = _shadow(shadow)
        for name, (field, value) in own.items():
            asked = {"azimuth_deg": "direction", "elevation_deg": "elevation", "softness": "softness"}[name]
            if lighting and getattr(lighting, asked) is not None and light[name] != value:
                raise BadEdit(f"shadow.{field}", f"contradicts lighting.{asked}: one light throws one shadow")
            light[name] = value
        if shadow.reflection is not None:
            fields["reflection"] = {"strength": shadow.reflection}
    if lighting and lighting.mode == "relight":
        relight = {"preset": RELIGHTS[lighting.preset or "softbox"]}
        fields["relight"] = relight | ({} if lighting.strength is None else {"strength": lighting.strength})
    return {**fields, "light": light} if light else fields


def grounded(
    template: Template, destinations: Sequence[Destination], edit: BackgroundEdit, has_blob: Callable[[str], bool]
) -> Template:
    """The template on another ground. Raises BadEdit when a destination insists on its own or the picture is not stored."""
    field = next(iter(edit.model_dump(exclude_none=True)), "")
    if not field:
        return template
    ground = _ground(template, edit, has_blob)
    for destination in destinations:
        wanted = destination.background
        if wanted != "any" and wanted != ground["kind"]:
            raise BadEdit(f"background.{field}", f"destination {destination.id} wants a {wanted} ground")
    look = _merged(template, {"scene": {"seed": edit.seed}} if edit.seed is not None else {})
    return Template.model_validate({**_plain(look), "background": ground})


def painted(
    template: Template,
    destinations: Sequence[Destination],
    edit: BackgroundEdit,
    has_blob: Callable[[str], bool],
    generator: str,
) -> Template:
    """The template with a generated set. Raises NotSupported without a generator, BadEdit for a destination that insists on its
    own ground or a picture that is not stored."""
    if edit.prompt is None and edit.reference is None:
        return template
    field = "prompt" if edit.prompt is not None else "reference"
    if not generator:
        raise NotSupported(f"edits.background.{field}: this installation has no generator (models.configured)")
    for place in destinations:
        if place.background != "any":
            raise BadEdit(f"background.{field}", f"destination {place.id} wants a {place.background} ground")
    modes = preset(generator).modes
    scene: dict[str, Any] = {"engine": "diffusers", "model": generator, "mode": "inpaint" if "inpaint" in modes else modes[0]}
    if edit.reference is not None:
        digest = edit.reference.image
        if digest is None:
            raise NotSupported("edits.background.reference.url: upload the picture and name its hash as `image`")
        if not has_blob(digest):
            raise BadEdit("background.reference.image", f"no picture {digest} in the store: upload it first")
        scene |= {"reference": digest, "reference_digest": digest, "influence": edit.reference.influence}
    words: dict[str, Any] = {}
    if edit.prompt is not None:
        words = {"scene": edit.prompt, "negative": (edit.negative_prompt,) if edit.negative_prompt else ()}
    return _merged(template, {"scene": scene} | ({"prompt": words} if words else {}))


def exported(destinations: tuple[Destination, ...], edit: ExportEdit | None) -> tuple[Destination, ...]:
    """Destinations with another encoding. Raises BadEdit for what one of them does not accept."""
    return tuple(_exported(place, edit) for place in destinations) if edit else destinations


def deliverable(look: Template, destinations: Sequence[Destination]) -> None:
    """Raises BadEdit where a picture without a ground would go to a format without transparency."""
    for place in destinations:
        clear = place.background == "transparent" or (place.background == "any" and look.background.kind == "transparent")
        if (clear or look.recipe == "cutout") and place.encoding.format == "jpeg":
            raise BadEdit(
                "export.format",
                f"destination {place.id} gets JPEG, which has no transparency; it accepts {', '.join(place.accepts)}",
            )


def _refuse(template: Template, edits: Edits) -> None:
    if edits.text_removal is not None:
        raise NotSupported("edits.text_removal: no engine of this installation removes lettering")
    for group, name in UNSUPPORTED:
        if getattr(getattr(edits, group), name, None) is not None:
            raise NotSupported(f"edits.{group}.{name}: no engine of this installation can do it")
    for (group, name), value in REFUSED_VALUES.items():
        if getattr(getattr(edits, group), name, None) == value:
            raise NotSupported(f"edits.{group}.{name}: no engine of this installation can do {value!r}")
    read = LONELY.get(template.recipe)
    for group, fields in edits.model_dump(exclude_none=True).items():
        if read is not None and group not in read | {"export"} and fields:
            raise BadEdit(group, f"the recipe {template.recipe!r} of {template.key} has no such thing")


def _cutout(edit: CutoutEdit) -> dict[str, Any]:
    fields = edit.model_dump(exclude_none=True, include={"model", "refiner", "keep_alpha", "second_pass", "roi"})
    _known_model("cutout.model", edit.model, "matting")
    return fields | ({} if edit.despill is None else {"decontaminate": edit.despill})


def _upscale(edit: UpscaleEdit) -> dict[str, Any]:
    _known_model("upscale.model", edit.model, "upscaling")
    return edit.model_dump(exclude_none=True)


def _known_model(field: str, name: str | None, task: str) -> None:
    if name is not None and (name not in ROWS or ROWS[name].card.task != task):
        known = ", ".join(sorted(row.card.name for row in ROWS.values() if row.card.task == task))
        raise BadEdit(field, f"no {task} model {name!r}; there are {known}")


def _light(edit: LightingEdit) -> dict[str, float]:
    names = {"direction": "azimuth_deg", "elevation": "elevation_deg", "softness": "softness", "temperature_k": "temperature_k"}
    own = {field: value for name, field in names.items() if (value := getattr(edit, name)) is not None}
    return {**(LIGHTS[edit.preset] if edit.preset else {}), **own}


def _shadow(edit: ShadowEdit) -> tuple[dict[str, Any], dict[str, tuple[str, float]]]:
    """Fields of the shadow, and what the light must be for it, with the edit's field that says so."""
    fields: dict[str, Any] = {}
    light: dict[str, tuple[str, float]] = {}
    if edit.mode is not None:
        contact, cast, softness = SHADOWS[edit.mode]
        fields = {"contact": contact, "cast": cast}
        if softness is not None:
            light["softness"] = ("mode", softness)
    if edit.intensity is not None:
        fields |= {"cast": edit.intensity} if edit.mode in ("soft", "hard") else {"contact": edit.intensity}
        if edit.mode is None:
            fields["cast"] = edit.intensity
    if edit.color is not None:
        fields["colour"] = edit.color
    if edit.direction is not None:
        light["azimuth_deg"] = ("direction", DIRECTIONS[edit.direction] if isinstance(edit.direction, str) else edit.direction)
    height = edit.elevation if edit.spread is None else SPREADS[edit.spread]
    if height is not None:
        light["elevation_deg"] = ("elevation" if edit.spread is None else "spread", height)
    if edit.softness is not None:
        light["softness"] = ("softness", edit.softness)
    return fields, light


def _ground(template: Template, edit: BackgroundEdit, has_blob: Callable[[str], bool]) -> dict[str, Any]:
    ground: dict[str, Any] = template.background.model_dump()
    if edit.color in ("white", "#ffffff", "transparent"):
        ground = {"kind": "transparent" if edit.color == "transparent" else "white"}
    elif edit.color is not None:
        ground = {"kind": "colour", "colour": edit.color}
    elif edit.gradient is not None:
        ground = {"kind": "gradient", **edit.gradient.model_dump()}
    elif edit.surface is not None:
        ground = {"kind": "surface", **edit.surface.model_dump()}
    elif edit.image is not None:
        if not has_blob(edit.image):
            raise BadEdit("background.image", f"no picture {edit.image} in the store: upload it first")
        ground = {"kind": "image", "path": edit.image, "digest": edit.image}
    if edit.blur is not None:
        if ground["kind"] not in ("surface", "image"):
            raise BadEdit("background.blur", f"a {ground['kind']} ground has no depth of field")
        ground["blur"] = edit.blur
    if edit.seed is not None and ground["kind"] not in ("surface", "gradient"):
        raise BadEdit("background.seed", f"nothing about a {ground['kind']} ground is random")
    return ground


def _recolour(edit: RecolourEdit) -> dict[str, Any]:
    target = edit.target if isinstance(edit.target, str) else (edit.target.l, edit.target.a, edit.target.b)
    fields: dict[str, Any] = {"target": target, "source": edit.source}
    if edit.tolerance is not None:
        fields["tolerance"] = edit.tolerance
    try:
        target_lab(Recolour.model_validate(fields))
    except ValueError as error:
        raise BadEdit("recolour.target", str(error)) from error
    return fields


def _exported(place: Destination, edit: ExportEdit) -> Destination:
    fields: dict[str, Any] = edit.model_dump(exclude_none=True, include={"format", "quality", "subsampling", "dpi"})
    form = edit.format or place.encoding.format
    if edit.format is not None and edit.format not in place.accepts:
        raise BadEdit("export.format", f"destination {place.id} accepts {', '.join(place.accepts)}")
    if edit.quality is not None:
        if form == "png":
            raise BadEdit("export.quality", f"PNG, which destination {place.id} gets, is lossless")
        fields["floor"] = min(place.encoding.floor, edit.quality)
    if edit.subsampling is not None and form not in ("jpeg", "avif"):
        raise BadEdit("export.subsampling", f"{form}, which destination {place.id} gets, leaves no choice")
    limit = place.max_bytes
    if edit.max_bytes is not None:
        if edit.max_bytes > limit:
            raise BadEdit("export.max_bytes", f"destination {place.id} takes {limit} bytes at most")
        limit = edit.max_bytes
    encoding = place.encoding.model_copy(update=fields)
    return place.model_copy(update={"encoding": encoding, "max_bytes": limit})


def _without_stale_limits(look: Template, edits: Edits) -> Template:
    """A template's own limits are about its own look: those on what was changed no longer mean anything. Destinations' hold."""
    changed = {group for group, fields in edits.model_dump(exclude_none=True).items() if fields}
    stale = set().union(*(names for group, names in ABOUT.items() if group in changed))
    kept: dict[str, Limit] = {name: limit for name, limit in look.qa.items() if name not in stale}
    return look.model_copy(update={"qa": kept}) if len(kept) < len(look.qa) else look


def _merged(template: Template, changes: Mapping[str, Mapping[str, Any]]) -> Template:
    """The template with fields of its groups replaced, checked again. Raises BadEdit for what this look cannot have."""
    groups = {name: {**(_plain_group(template, name)), **fields} for name, fields in changes.items() if fields}
    try:
        return Template.model_validate({**_plain(template), **groups}) if groups else template
    except ValidationError as error:
        first = error.errors()[0]
        named = [str(part) for part in first["loc"]] or list(groups)
        raise BadEdit(".".join((_EDITED_AS.get(named[0], named[0]), *named[1:])), f"{template.key}: {first['msg']}") from None


def _plain(template: Template) -> dict[str, Any]:
    return template.model_dump()


def _plain_group(template: Template, name: str) -> dict[str, Any]:
    group = getattr(template, name)
    return group.model_dump() if group is not None else {}
