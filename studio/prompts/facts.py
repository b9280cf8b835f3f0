"""Product attributes a template names, as the data has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from studio.product import Product
from studio.prompts.clean import attribute
from studio.prompts.fragments import WEIGHTS, Dropped, Fragment, Role
from studio.prompts.wording import within, words

ALIASES: dict[str, tuple[str, ...]] = {
    "colour": ("color", "colours", "colors", "colorway", "colour name", "color name"),
    "material": ("materials", "fabric", "composition", "material composition"),
    "flavour": ("flavor", "taste"),
    "pattern": ("print", "motif"),
    "size": ("sizes",),
}
"""What catalogues call the same thing."""
ADJECTIVES = frozenset({"colour", "pattern", "finish", "shape", "style"})
"""Attributes whose values stand before a noun."""
UNREAL = frozenset(
    ("faux", "fake", "imitation", "synthetic", "artificial", "vegan", "look", "effect", "style", "free", "print", "like")
)
"""Words with which a value names a material that the product is not made of."""
PLAIN_COLOURS = re.compile(
    r"\b(white|black|gr[ae]y|red|green|blue|yellow|orange|brown|pink|purple|violet|beige|cream|ivory|navy|teal|turquoise|silver|gold"
    r"|chrome|steel|copper|bronze|clear|transparent|tan|khaki|burgundy|magenta|striped?|check(ed)?|coloured|multicolou?r(ed)?)\b"
)
"""Words that are colours and nothing else beside a product: `sage` or `fig` would be painted as what they are."""
LETTERS = re.compile(r"[^\W\d_]{2}")


def canonical(name: str) -> str:
    """An attribute's name as the lexicon and templates write it."""
    plain = " ".join(words(name))
    return next((one for one, others in ALIASES.items() if plain == one or plain in others), plain)


def value(product: Product, name: str) -> tuple[str, str]:
    """The raw value of an attribute and its source; both empty when the data does not have it. `title` and `brand` are the
    product's own fields, and a colour may come from its only swatch."""
    wanted = canonical(name)
    for key, raw in product.attributes.items():
        if canonical(key) == wanted and raw.strip():
            return raw, f"attribute:{wanted}"
    own = {"title": product.title, "brand": product.brand}.get(wanted, "")
    if own:
        return own, f"product:{wanted}"
    if wanted == "colour" and len(product.swatches) == 1 and product.swatches[0].name:
        return product.swatches[0].name, "swatch:colour"
    return "", ""


def facts(product: Product, names: tuple[str, ...], noun: str) -> Iterator[Fragment | Dropped]:
    """Each named attribute that the data has, cleaned, or why it is not said."""
    for name in dict.fromkeys(canonical(name) for name in names):
        raw, source = value(product, name)
        if not raw:
            yield Dropped(f"attribute:{name}", "the data does not have it")
            continue
        cleaned = attribute(raw)
        for reason in cleaned.reasons:
            yield Dropped(source, reason)
        told = cleaned.text
        role: Role = "adjective" if name in ADJECTIVES else "material" if name == "material" else "fact"
        if not told:
            if not cleaned.reasons:
                yield Dropped(source, "nothing is said in it")
        elif role != "fact" and not LETTERS.search(told):
            yield Dropped(source, "a code, not a word")
        elif within(words(told), words(noun)):
            yield Dropped(source, "the noun says it")
        else:
            several = role == "material" and len(cleaned.parts) > 1
            coloured = name == "colour" and not PLAIN_COLOURS.search(told)
            yield Fragment(
                f"{told}-coloured" if coloured else told, role, source, WEIGHTS[role], "materials" if several else name
            )


def supported(product: Product | None, needs: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether the data has, for each needed attribute, one of the words."""
    if product is None:
        return not needs
    for name, wanted in needs.items():
        parts = [words(part) for part in attribute(value(product, name)[0]).parts]
        said = [part for part in parts if not UNREAL.intersection(part)]
        if not any(within(words(word), part) for word in wanted for part in said):
            return False
    return True
