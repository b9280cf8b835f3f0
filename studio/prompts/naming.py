"""What a product is called: a noun of the lexicon where category or title says it, else the title's own words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from studio.product import Product
from studio.prompts.clean import attribute
from studio.prompts.lexicon import Kind, Lexicon
from studio.prompts.wording import singular, singulars, within, words

MAX_NAME_BYTES, MAX_NAME_WORDS = 48, 6
"""Bounds of a title that stands for the noun: it fits every budget even where each byte is a token."""
_LEVELS = re.compile(r"\s*(?:->|[>|/\u203a\u00bb]|::)\s*")
_TAIL = re.compile(r"\s(?:for|with|in|by|from|featuring|fits)\s|[(\[,;|]|\s[-\u2013\u2014]\s", re.IGNORECASE)
_SIZE = re.compile(
    r"^(?:[x\d.,/-]+[a-z]{0,4}|ml|cl|l|g|kg|mm|cm|m|oz|xs|s|m|l|xl|xxl|pro|compact|mini|max|plus|set)$", re.IGNORECASE
)
_PLURAL = re.compile(r"[^su]s$")


@dataclass(frozen=True, slots=True)
class Name:
    """`noun` without article; `kind` a slug of the lexicon or empty; `entry` the lexicon's id@version, or empty."""

    noun: str
    kind: str
    source: str
    entry: str = ""
    pair: bool = False
    bare: bool = False
    reasons: tuple[str, ...] = ()
    """Why title or category were not used as they are."""

    @property
    def phrase(self) -> str:
        """The noun as it stands after "of": `pair of jeans`."""
        return f"pair of {self.noun}" if self.pair else self.noun

    def described(self, adjectives: str, article: str = "a") -> str:
        """With adjectives and an article: "a pair of blue jeans", "an air fryer", "apple juice". "the" goes with everything."""
        core = f"{adjectives} {self.noun}".strip()
        if self.pair:
            return f"{article} pair of {core}"
        if article == "the":
            return f"the {core}"
        if self.bare or _PLURAL.search(_TAIL.split(self.noun, maxsplit=1)[0]):
            return core
        return f"an {core}" if re.match(r"(?!uni|use|usb|one|eu(?!re))[aeiou]|eau|hour|honest", core) else f"a {core}"


def named(product: Product, lexicon: Lexicon) -> Name:
    """The noun the title ends with, if the category's kind has it; else the category's noun, the kind's noun, the title itself,
    or `product`."""
    levels = [level for level in reversed(_LEVELS.split(product.category[:200])) if level]
    slug, kind = _kind(levels, lexicon)
    by_category = next(filter(None, (_found(singulars(level), {}, lexicon, "product:category") for level in levels)), None)
    kinds = {found: lexicon.nouns.kinds[found] for found in (by_category.kind if by_category else "", slug) if found}
    name = _found(_head(product), kinds, lexicon, "product:title") or by_category
    if name:
        return name
    if kind and any(within(singulars(called), singulars(level)) for level in levels for called in kind.called):
        return Name(kind.generic, slug, "product:category", f"noun.{slug}@{kind.version}")
    return _own_words(product, slug)


def _kind(levels: list[str], lexicon: Lexicon) -> tuple[str, Kind | None]:
    """The kind of goods that the deepest telling level of a category names."""
    for level in levels:
        said = singulars(level)
        for slug, kind in lexicon.nouns.kinds.items():
            if any(within(singulars(called), said) for called in (*kind.called, *kind.near)):
                return slug, kind
    return "", None


def _found(said: tuple[str, ...], among: Mapping[str, Kind], lexicon: Lexicon, source: str) -> Name | None:
    """The longest noun that `said` ends with, of some kinds, or of any when none are given; of equally long ones the first."""
    for size in range(min(4, len(said)), 0, -1):
        for slug, kind in (among or lexicon.nouns.kinds).items():
            noun = kind.known.get(said[-size:])
            if noun:
                return Name(noun, slug, source, f"noun.{slug}@{kind.version}", noun in kind.pairs, noun in kind.bare)
    return None


def _head(product: Product) -> tuple[str, ...]:
    """The title's head in singular words: what stands before "with", brackets and commas, without sizes and the product's own
    attribute values at its end."""
    head = _TAIL.split(product.title[:200], maxsplit=1)[0].split()
    values = [words(value) for value in product.attributes.values()] + [words(swatch.name) for swatch in product.swatches]
    changed = True
    while changed and len(head) > 1:
        changed = False
        if _SIZE.match(head[-1]):
            head.pop()
            changed = True
            continue
        said = words(" ".join(head))
        for value in values:
            if value and len(value) < len(said) and said[-len(value) :] == value and len(value) < len(head):
                del head[-len(value) :]
                changed = True
                break
    return tuple(singular(word) for word in words(" ".join(head)))


def _own_words(product: Product, slug: str) -> Name:
    """The product as its title calls it, cleaned."""
    cleaned = attribute(product.title, MAX_NAME_BYTES, MAX_NAME_WORDS)
    told = next((part for part in cleaned.parts if re.search(r"[^\W\d_]{2}", part)), "")
    source = "product:title" if told else "dialect:noun"
    return Name(told or "product", slug, source, reasons=cleaned.reasons)
