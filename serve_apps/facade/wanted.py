"""A request of the facade as an order: the look `transparent`, its edits, and a destination without a shop's rules."""

from __future__ import annotations

from typing import Any, Literal

from serve_apps.facade.fields import Asked
from serve_apps.facade.lengths import Size, canvas, colour, degrees, elevation, margins, output_size, shrunk
from serve_apps.request.edits import (
    BackgroundEdit,
    CutoutEdit,
    Edits,
    ExportEdit,
    LayoutEdit,
    LightingEdit,
    ReferenceEdit,
    ShadowEdit,
)
from serve_apps.request.schema import ImageInput, ImageRequest
from studio.errors import InputError, NotSupported
from studio.fields import Format

LOOK = "transparent"
"""Its highest version that the installation has."""
CUTOUT, PICTURE = "api-cutout", "api-picture"
"""Destinations, without and with a ground."""
PIXELS = {"preview": 250_000, "medium": 1_500_000, "hd": 4_000_000, "full": 36_000_000}
"""Most pixels of `/v1/segment`'s sizes; the vendor's OpenAPI file, 2026-06-22."""
_FORMATS: dict[str, Format] = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "webp": "webp", "avif": "avif"}
_DIRECTIONS: dict[str, float] = {
    "behind": 0, "behindLeft": 45, "left": 90, "frontLeft": 135,
    "front": 180, "frontRight": 225, "right": 270, "behindRight": 315,
}  # fmt: skip
_SPREADS = {"short": 10.0, "medium": 45.0, "long": 90.0}
_SHADOWS: dict[str, Literal["soft", "hard"]] = {
    "ai.soft": "soft", "ai.preset-soft": "soft", "ai.auto-with-overrides": "soft", "ai.hard": "hard", "ai.preset-hard": "hard",
}  # fmt: skip
_OVERRIDES = ("direction", "intensity", "softness", "spread", "subjectPose")


def segmented(asked: Asked, asset: str, photo: Size) -> ImageRequest:
    """`/v1/segment`: the product where it stood in its photo. Raises InputError, NotSupported naming the field."""
    ground = colour("bg_color", asked.text("bg_color", "transparent"))
    layout = LayoutEdit(
        output_size=output_size(shrunk(photo, PIXELS[asked.text("size", "full")])),
        margin=0.0,
        padding=0.0,
        reference_box="photo",
        scaling="fit",
        align_x="center",
        align_y="center",
        snap_cropped_sides=False,
    )
    cutout = CutoutEdit(despill=True) if asked.text("despill") == "true" else None
    export = ExportEdit(format=_format(asked, "format", ground))
    return _order(asset, Edits(layout=layout, cutout=cutout, background=_plain(ground), export=export), ground)


def edited(asked: Asked, asset: str, photo: Size, pictures: dict[str, str]) -> ImageRequest:
    """`/v2/edit`. `pictures` are digests of further uploads by field. Raises InputError, NotSupported naming the field."""
    background, ground = _background(asked, pictures)
    keep = asked.text("keepExistingAlphaChannel", "never")
    dpi = asked.number("export.dpi")
    edits = Edits(
        layout=_layout(asked, canvas(asked, photo)),
        cutout=CutoutEdit(keep_alpha="auto" if keep == "auto" else "never"),
        background=background,
        shadow=_shadow(asked),
        lighting=LightingEdit(mode="relight") if asked.any("lighting.mode") else None,
        export=ExportEdit(format=_format(asked, "export.format", ground), dpi=None if dpi is None else round(dpi)),
    )
    return _order(asset, edits, ground)


def _order(asset: str, edits: Edits, ground: str) -> ImageRequest:
    place = CUTOUT if ground == "transparent" else PICTURE
    return ImageRequest(
        input=ImageInput(asset=asset), template=LOOK, edits=edits, destinations=(place,), priority="urgent", webhook=False
    )


def _format(asked: Asked, name: str, ground: str) -> Format:
    form = _FORMATS[asked.text(name, "png")]
    if form == "jpeg" and ground == "transparent":
        raise InputError(f"{name}: JPEG has no transparency; give a background colour")
    return form


def _plain(ground: str) -> BackgroundEdit | None:
    """None where the look's own ground, which is transparent, stays."""
    if ground == "transparent":
        return None
    return BackgroundEdit(color="white" if ground == "#ffffff" else ground)


def _background(asked: Asked, pictures: dict[str, str]) -> tuple[BackgroundEdit | None, str]:
    """The edit, and the ground's colour ("" for a picture)."""
    given = {
        "color": asked.any("background.color"),
        "image": asked.any("background.imageFile", "background.imageUrl"),
        "prompt": asked.any("background.prompt", "background.guidance.imageFile", "background.guidance.imageUrl"),
    }
    named = [name for name in given.values() if name]
    if len(named) > 1:
        raise InputError(f"{named[1]} and {named[0]} exclude each other here")
    for name, needed in (
        ("background.negativePrompt", "background.prompt"),
        ("background.guidance.scale", "background.guidance.image"),
    ):
        if asked.any(name) and not any(other.startswith(needed) for other in (*asked.texts, *asked.files)):
            raise InputError(f"{name} goes with {needed}")
    if given["image"]:
        return BackgroundEdit(image=pictures[given["image"]]), ""
    if given["prompt"]:
        return _generated(asked, pictures), ""
    ground = colour("background.color", asked.text("background.color", "transparent"))
    return _plain(ground), ground


def _generated(asked: Asked, pictures: dict[str, str]) -> BackgroundEdit:
    guide = asked.any("background.guidance.imageFile", "background.guidance.imageUrl")
    scale = asked.number("background.guidance.scale")
    reference = ReferenceEdit(image=pictures[guide], influence=0.6 if scale is None else scale) if guide else None
    prompt, negative = asked.text("background.prompt"), asked.text("background.negativePrompt")
    if len(prompt) > 2000 or len(negative) > 2000:
        raise InputError("background.prompt: at most 2000 characters")
    return BackgroundEdit(prompt=prompt or None, negative_prompt=negative or None, reference=reference)


def _layout(asked: Asked, size: Size) -> LayoutEdit:
    """Theirs fills the canvas unless told otherwise. An alignment turns snapping off, as theirs does on its own axis."""
    aligned = asked.any("horizontalAlignment", "verticalAlignment")
    fields: dict[str, Any] = {
        **margins(asked, size),
        "output_size": output_size(size),
        "reference_box": "photo" if asked.text("referenceBox") == "originalImage" else "product",
        "scaling": asked.text("scaling", "fit"),
        "align_x": asked.text("horizontalAlignment", "center"),
        "align_y": asked.text("verticalAlignment", "center"),
        "snap_cropped_sides": not aligned and asked.text("ignorePaddingAndSnapOnCroppedSides", "true") == "true",
    }
    return LayoutEdit(**fields)


def _shadow(asked: Asked) -> ShadowEdit | None:
    mode = asked.text("shadow.mode")
    overrides = [name for name in _OVERRIDES if f"shadow.{name}Override" in asked.texts]
    if overrides and mode != "ai.auto-with-overrides":
        raise InputError(f"shadow.{overrides[0]}Override goes with a shadow.mode of ai.auto-with-overrides")
    if not mode:
        return None
    fields: dict[str, Any] = {"mode": _SHADOWS[mode]}
    for name in ("intensity", "softness"):
        if (number := asked.number(f"shadow.{name}Override")) is not None:
            fields[name] = number
    if "direction" in overrides:
        text = asked.text("shadow.directionOverride")
        angle = _DIRECTIONS[text] if text in _DIRECTIONS else degrees("shadow.directionOverride", text)
        fields["direction"] = angle - 360 if angle > 180 else angle
    if "spread" in overrides:
        text = asked.text("shadow.spreadOverride")
        fields["elevation"] = elevation(_SPREADS[text] if text in _SPREADS else degrees("shadow.spreadOverride", text))
    if "subjectPose" in overrides:
        _upright(asked.text("shadow.subjectPoseOverride"))
    return ShadowEdit(**fields)


def _upright(text: str) -> None:
    angle = {"upright": 90.0, "flatlay": 0.0}.get(text)
    if (degrees("shadow.subjectPoseOverride", text) if angle is None else angle) != 90:
        raise NotSupported("shadow.subjectPoseOverride: only upright is supported here")
