"""Alternative texts: what a picture of a listing shows, said with nothing but the product's own data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from studio.errors import InputError
from studio.lengths import Mark, Unit, length
from studio.product import ImageRole, Product
from studio.template import Template

LIMIT = 125
"""Characters where a shop states no limit: what screen readers commonly read without a break."""

WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "detail": "Detail of {title}",
            "scene": "{title} in a room set",
            "angle": "Another view of {title}",
            "back": "{title} from behind",
            "inside": "{title}, the inside",
            "spin": "{title}, view {number} of a full turn",
            "variants": "{title} in {colours}",
            "size": "{title} beside a drawing of known size",
            "measures": "{title}: {measures}",
            "features": "{title}: {features}",
            "width": "{mm} wide",
            "height": "{mm} high",
            "depth": "{mm} deep",
            "and": " and ",
        },
        "de": {
            "detail": "Detail: {title}",
            "scene": "{title} in einem Raum",
            "angle": "{title}, andere Ansicht",
            "back": "{title} von hinten",
            "inside": "{title}, innen",
            "spin": "{title}, Ansicht {number} einer ganzen Drehung",
            "variants": "{title} in {colours}",
            "size": "{title} neben einer Zeichnung bekannter Größe",
            "measures": "{title}: {measures}",
            "features": "{title}: {features}",
            "width": "{mm} breit",
            "height": "{mm} hoch",
            "depth": "{mm} tief",
            "and": " und ",
        },
    }
)
"""Phrases by language; a language is one more entry."""
DECIMALS: Mapping[str, Mark] = MappingProxyType({"de": ","})
KINDS: Mapping[str, str] = MappingProxyType(
    {"detail-crop": "detail", "dimensions": "measures", "callouts": "features", "variant-strip": "variants", "in-hand": "size"}
)
VIEWS: Mapping[ImageRole, str] = MappingProxyType(
    {ImageRole.ANGLE: "angle", ImageRole.BACK: "back", ImageRole.INSIDE: "inside", ImageRole.SPIN: "spin"}
)
NAMED = ("colour", "color", "material")
"""Attributes that are said of the product as a whole where the title does not say them already."""


def alt_text(
    product: Product,
    template: Template,
    role: ImageRole,
    *,
    limit: int | None = None,
    language: str = "en",
    number: int = 1,
    features: Sequence[str] = (),
    colours: Sequence[str] = (),
) -> str:
    """One sentence without a full stop, at most `limit` characters (125 where None), cut between words.

    `features` are the words that a picture of features shows, `colours` those of a strip. Raises InputError for a language that
    has no phrases.
    """
    if language not in WORDS:
        raise InputError(f"no phrases for alternative texts in {language!r}; there are {', '.join(WORDS)}")
    words = WORDS[language]
    title = (product.title or product.sku).strip()
    kind = KINDS.get(template.recipe) or VIEWS.get(role) or ("scene" if template.use == "lifestyle" else "")
    filled = {
        "title": title,
        "number": str(number),
        "measures": ", ".join(_measures(product, template, words, language)),
        "features": "; ".join(features),
        "colours": _joined(colours, words["and"]),
    }
    known = bool(kind) and all(filled[name] for name in ("measures", "features", "colours") if f"{{{name}}}" in words[kind])
    text = words[kind].format(**filled) if known else title
    if kind in {"", "scene", "angle", "back"}:
        text = ", ".join([text, *_said(product, text)])
    return shortened(text, limit or LIMIT)


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters: whole clauses where there are some, else whole words, else the characters that fit."""
    plain = " ".join(text.split())
    if len(plain) <= limit:
        return plain
    for mark in ("; ", ", ", " "):
        cut = plain.rfind(mark, 0, limit + 1)
        if cut >= limit // 2:
            return plain[:cut].rstrip(" ,;:")
    return plain[:limit].rstrip()


def _said(product: Product, text: str) -> list[str]:
    """Colour and material, where the data has them and the text does not."""
    known = {name.lower(): value.strip() for name, value in product.attributes.items() if value.strip()}
    values = dict.fromkeys(known[name] for name in NAMED if name in known)
    return [value for value in values if value.lower() not in text.lower()]


def _measures(product: Product, template: Template, words: Mapping[str, str], language: str) -> list[str]:
    """The sides that the drawing shows, in its own first unit."""
    units: Sequence[Unit] = getattr(template.brief, "units", ("cm",))
    shown = getattr(template.brief, "sides", ("width", "height", "depth"))
    size = product.dimensions
    sides = (("width", size.width_mm), ("height", size.height_mm), ("depth", size.depth_mm))
    return [
        words[name].format(mm=length(mm, units[0], DECIMALS.get(language, "."))) for name, mm in sides if mm and name in shown
    ]


def _joined(parts: Sequence[str], last: str) -> str:
    return last.join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
