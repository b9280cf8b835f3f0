"""Fonts by family: `templates/fonts/*.yaml` say which file of which wheel, under which terms; briefs get their files here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from studio.brand import Brand
from studio.briefs.files import File
from studio.briefs.lettering import FontFile, Lettering
from studio.errors import TemplateError, WeightsMissing
from studio.keys import digest_bytes
from studio.models.base import ModelCard, WheelFile
from studio.product import Frozen, Product
from studio.template import Template
from studio.typesetting.cases import FETCH
from templates.reading import parsed, read_yaml

FOLDER = Path(__file__).parent / "fonts"
PLAIN_FAMILY = "Inter"
LAST = "Noto Sans"
"""In every chain: signs and diacritics that a display face lacks."""

Script = Literal["latin", "greek", "cyrillic", "hebrew", "arabic", "devanagari", "thai", "han", "kana", "hangul"]
NAMES: Mapping[str, Script] = {
    "LATIN": "latin",
    "GREEK": "greek",
    "CYRILLIC": "cyrillic",
    "HEBREW": "hebrew",
    "ARABIC": "arabic",
    "ARABIC-INDIC": "arabic",
    "DEVANAGARI": "devanagari",
    "THAI": "thai",
    "CJK": "han",
    "IDEOGRAPHIC": "han",
    "FULLWIDTH": "han",
    "HIRAGANA": "kana",
    "KATAKANA": "kana",
    "KATAKANA-HIRAGANA": "kana",
    "HANGUL": "hangul",
}
"""First word of a character's Unicode name -> script."""
LANGUAGES: Mapping[str, Script] = {"ar": "arabic", "fa": "arabic", "ur": "arabic", "he": "hebrew", "hi": "devanagari"}
"""Scripts that a locale's own price format may bring in."""


class Wheel(Frozen):
    """A file inside a pinned wheel; nothing of the wheel is installed or imported."""

    package: str
    version: str
    sha256: str
    member: str


class FontRow(Frozen):
    """One font file. `weights`: the lowest and highest it can be set to; `digest` is BLAKE3, `sha256` is checked on fetching."""

    file: str
    weights: tuple[int, int]
    sha256: str
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    wheel: Wheel


class Family(Frozen):
    """A typeface: scripts it writes, terms, files. `axes` are settings of a variable font beside its weight."""

    family: str
    style: Literal["sans-serif", "serif", "monospace"]
    scripts: tuple[Script, ...]
    licence: str
    axes: dict[str, float] = Field(default_factory=dict)
    optional: bool = False
    """Large: fetched by `models fetch fonts`, not by `models fetch` alone."""
    files: Annotated[tuple[FontRow, ...], Field(min_length=1)]

    def at(self, weight: int) -> FontFile:
        """The file whose weights are nearest, set to that weight where it can be."""
        row = min(self.files, key=lambda one: (max(one.weights[0] - weight, weight - one.weights[1], 0), one.file))
        low, high = row.weights
        axes = {**self.axes, "wght": float(min(max(weight, low), high))} if low < high else {}
        return FontFile(file=File(path=row.file, digest=row.digest), axes=axes)


@cache
def families(folder: Path = FOLDER) -> dict[str, Family]:
    """Every family by name, in the order of their files. Raises TemplateError that names file and field."""
    found = [parsed(Family, path, read_yaml(path)) for path in sorted(folder.glob("*.yaml"))]
    return {family.family: family for family in found}


def cards() -> list[ModelCard]:
    """A card for each font file, so that `connectors.weights` fetches and verifies them as it does weights."""
    return [_card(family, row) for family in families().values() for row in family.files]


def font_assets(cache_folder: Path) -> Iterator[tuple[str, bytes]]:
    """Digest and bytes of every fetched font file that is as pinned; missing ones are left out (`check` names them)."""
    for row in _rows():
        path = cache_folder / row.file
        data = path.read_bytes() if path.is_file() else b""
        if data and digest_bytes(data) == row.digest:
            yield row.digest, data


def check(lettering: Lettering, cache_folder: Path) -> None:
    """Raises WeightsMissing, naming the command, where a font of a brief is not in the weight cache."""
    named = (*lettering.strong_files, *lettering.plain_files)
    missing = sorted({one.file.path for one in named if not (cache_folder / one.file.path).is_file()})
    if missing:
        raise WeightsMissing(f"fonts are missing in {cache_folder}: {', '.join(missing)}; run `{FETCH}`")


def lettered(template: Template, product: Product, brand: Brand | None, cache_folder: Path | None = None) -> Template:
    """A look whose brief names its font files; one whose brief has no `lettering` stays as it is.

    The chain is the brief's family (else the brand's, else Inter), then families for scripts of the brief's and product's texts
    that it lacks. Raises TemplateError for an unknown family and, where `cache_folder` is given, WeightsMissing.
    """
    wanted = getattr(template.brief, "lettering", None)
    if template.brief is None or not isinstance(wanted, Lettering):
        return template
    chain = fonts_for(wanted, brand, scripts_of(_texts(template, product)))
    if cache_folder is not None:
        check(chain, cache_folder)
    return template.model_copy(update={"brief": template.brief.model_copy(update={"lettering": chain})})


def fonts_for(wanted: Lettering, brand: Brand | None, scripts: Iterable[Script]) -> Lettering:
    """The lettering with its font files filled in. A brand's family that is not here gives way to one of its fallback style."""
    shelf = families()
    own, style = wanted.family, "sans-serif"
    if not own and brand is not None and brand.type.family:
        own, style = brand.type.family, brand.type.fallback
        own = own if own in shelf else next((f.family for f in shelf.values() if f.style == style), PLAIN_FAMILY)
    if (own or PLAIN_FAMILY) not in shelf:
        raise TemplateError(f"no font family {own!r} in templates/fonts; there are {', '.join(shelf)}")
    first = shelf[own or PLAIN_FAMILY]
    chain = [first]
    for script in dict.fromkeys(scripts):
        if not any(script in family.scripts for family in chain):
            near = sorted(shelf.values(), key=lambda f: (f.style != first.style, len(f.scripts)))
            chain += [family for family in near if script in family.scripts][:1]
    chain += [shelf[LAST]] if shelf[LAST] not in chain else []
    files = {name: tuple(f.at(weight) for f in chain) for name, weight in (("strong", wanted.strong), ("plain", wanted.plain))}
    return wanted.model_copy(update={"strong_files": files["strong"], "plain_files": files["plain"]})


def scripts_of(texts: Iterable[str]) -> tuple[Script, ...]:
    """Scripts of the letters in some texts, in order of appearance."""
    found = (NAMES.get(unicodedata.name(c, "").split(" ")[0].split("-")[0]) for text in texts for c in text)
    return tuple(dict.fromkeys(script for script in found if script))


def _texts(template: Template, product: Product) -> Iterator[str]:
    yield from _strings(template.brief.model_dump(exclude={"lettering"}) if template.brief else {})
    yield from (product.title, product.brand, product.category, *product.attributes.values())
    locale = str(getattr(template.brief, "locale", "")).split("_")[0].split("-")[0]
    if locale in LANGUAGES:
        yield {"arabic": "\u0627", "hebrew": "\u05d0", "devanagari": "\u0905"}[LANGUAGES[locale]]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)


def _rows() -> Iterator[FontRow]:
    return (row for family in families().values() for row in family.files)


def _card(family: Family, row: FontRow) -> ModelCard:
    wheel = row.wheel
    return ModelCard(
        name=row.file.partition(".")[0],
        task="lettering",
        id=family.family,
        revision=f"{wheel.package}-{wheel.version}",
        sha256=row.sha256,
        licence=family.licence,
        commercial_use=True,
        memory_mb=0,
        file=row.file,
        optional=family.optional,
        source=WheelFile(wheel.package, wheel.version, wheel.sha256, wheel.member),
    )
