"""Fields of the facade's requests: which there are, what they may hold, and which are refused by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from studio.errors import InputError, NotSupported

Type = Literal["string", "number", "boolean", "length", "binary"]
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,9})?")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its type, its values where they are listed, those of them that nothing here can do, and a number's bounds."""

    type: Type
    values: tuple[str, ...] = ()
    not_here: frozenset[str] = frozenset()
    least: float | None = None
    most: float | None = None


SEGMENT: Mapping[str, Field] = MappingProxyType(
    {
        "image_file": Field("binary"),
        "format": Field("string", ("png", "jpg", "webp")),
        "channels": Field("string", ("rgba", "alpha"), frozenset({"alpha"})),
        "bg_color": Field("string"),
        "size": Field("string", ("preview", "medium", "hd", "full")),
        "crop": Field("string", ("true", "false"), frozenset({"true"})),
        "despill": Field("string", ("true", "false")),
    }
)
_SIDES = ("", "Top", "Right", "Bottom", "Left")
EDIT: Mapping[str, Field] = MappingProxyType(
    {
        "imageFile": Field("binary"),
        "imageUrl": Field("string"),
        "removeBackground": Field("boolean", not_here=frozenset({"false"})),
        "background.color": Field("string"),
        "background.imageFile": Field("binary"),
        "background.imageUrl": Field("string"),
        "background.scaling": Field("string", ("fit", "fill"), frozenset({"fit"})),
        "background.prompt": Field("string"),
        "background.negativePrompt": Field("string"),
        "background.guidance.imageFile": Field("binary"),
        "background.guidance.imageUrl": Field("string"),
        "background.guidance.scale": Field("number", least=0, most=1),
        "outputSize": Field("string"),
        "maxWidth": Field("number", least=16),
        "maxHeight": Field("number", least=16),
        **{f"margin{side}": Field("length") for side in _SIDES},
        **{f"padding{side}": Field("length") for side in _SIDES},
        "referenceBox": Field("string", ("subjectBox", "originalImage")),
        "scaling": Field("string", ("fit", "fill")),
        "horizontalAlignment": Field("string", ("left", "center", "right")),
        "verticalAlignment": Field("string", ("top", "center", "bottom")),
        "ignorePaddingAndSnapOnCroppedSides": Field("boolean"),
        "keepExistingAlphaChannel": Field("string", ("auto", "never")),
        "shadow.mode": Field(
            "string",
            ("ai.soft", "ai.hard", "ai.floating", "ai.preset-soft", "ai.preset-hard", "ai.auto-with-overrides"),
            frozenset({"ai.floating"}),
        ),
        "shadow.directionOverride": Field("string"),
        "shadow.intensityOverride": Field("number", least=0, most=1),
        "shadow.softnessOverride": Field("number", least=0, most=1),
        "shadow.spreadOverride": Field("string"),
        "shadow.subjectPoseOverride": Field("string"),
        "lighting.mode": Field(
            "string",
            ("ai.auto", "ai.preserve-hue-and-saturation", "ai.optimize-portrait"),
            frozenset({"ai.optimize-portrait"}),
        ),
        "export.format": Field("string", ("png", "jpeg", "jpg", "webp", "avif")),
        "export.dpi": Field("number", least=72, most=1200),
        "colorSpace": Field("string", ("original", "sRGB"), frozenset({"original"})),
        "preserveMetadata": Field(
            "string",
            ("never", "xmp", "exifSubset", "exifSubsetWithXmpCompatibility"),
            frozenset({"xmp", "exifSubset", "exifSubsetWithXmpCompatibility"}),
        ),
    }
)
NOT_HERE = re.compile(
    r"(background\.(blur|expandPrompt|seed)|beautify|describeAnyChange|editWithAI|expand|flatLay|ghostMannequin|imageFromPrompt"
    r"|ironing|layers|outline|segmentation|templateId|textRemoval|uncrop|upscale|virtualModel)(\..+)?"
)
"""Fields of `/v2/edit` that are known and refused. What is neither here nor above is no field."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields of one request, checked one by one; `files` by field."""

    texts: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        both = set(self.texts) & set(self.files)
        if both:
            raise InputError(f"{min(both)}: given twice")

    def text(self, name: str, default: str = "") -> str:
        """A text, or its default."""
        return self.texts.get(name, default)

    def number(self, name: str) -> float | None:
        """A number, None where it is not given."""
        return float(self.texts[name]) if name in self.texts else None

    def any(self, *names: str) -> str:
        """The first of these fields that is given, "" for none."""
        return next((name for name in names if name in self.texts or name in self.files), "")


def checked(asked: Asked, known: Mapping[str, Field]) -> Asked:
    """The same request. Raises InputError for a field or value that there is not, NotSupported for one that nothing here does."""
    for name in (*asked.texts, *asked.files):
        if name not in known and NOT_HERE.fullmatch(name):
            raise NotSupported(f"{name}: not supported here")
        if name not in known:
            raise InputError(f"{name}: there is no such field")
        if (known[name].type == "binary") != (name in asked.files):
            raise InputError(f"{name}: must be {'a file' if known[name].type == 'binary' else 'text'}")
    for name, text in asked.texts.items():
        if not text or "\0" in text:
            raise InputError(f"{name} must not be empty, nor contain NUL characters")
        _check(name, text, known[name])
    return asked


def _check(name: str, text: str, wanted: Field) -> None:
    values = ("true", "false") if wanted.type == "boolean" else wanted.values
    if values and text not in values:
        raise InputError(f"{name} must be {' or '.join(values)}")
    if text in wanted.not_here:
        raise NotSupported(f"{name}: {text} is not supported here")
    if wanted.type == "number":
        if not _NUMBER.fullmatch(text):
            raise InputError(f"{name} must be a number")
        if not (wanted.least or 0) <= float(text) <= (1e9 if wanted.most is None else wanted.most):
            bound = "" if wanted.most is None else f" and at most {wanted.most:g}"
            raise InputError(f"{name} must be at least {wanted.least or 0:g}{bound}")
