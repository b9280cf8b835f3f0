"""Which templates a product gets when nobody names one: ordered rules over catalogue facts, the first that fits decides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from pydantic import Field, StringConstraints

from studio.fields import Slug
from studio.product import Frozen, ImageRole, Product

AUTO = "auto"
"""Instead of a template's name: the rules choose."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}(@[1-9]\d{0,5})?$")]
Words = Annotated[str, StringConstraints(min_length=2, max_length=60)]

_NO_PLURAL = ("ss", "us", "is")


class When(Frozen):
    """What must be so. Within a field one of the entries is enough; all fields that are given must hold; none given: always."""

    categories: tuple[Words, ...] = ()
    """Words that stand together in the category, at any level of its path, singular or plural. A product without category is
    known by its title."""
    attributes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Attribute -> values of which the product has one, case-insensitively; no values: the attribute is there at all."""
    roles: tuple[ImageRole, ...] = ()
    """Photos of which the product has at least one."""
    brands: tuple[str, ...] = ()


class Rule(Frozen):
    """Products -> templates, and the reason in a sentence."""

    id: Slug
    when: When = When()
    templates: Annotated[tuple[Name, ...], Field(min_length=1)]
    because: Annotated[str, Field(min_length=1)]


class Selection(Frozen):
    """A file of rules, tried in order."""

    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """Templates for a product, by which rule, from which facts; no template and no rule where none fits."""

    templates: tuple[str, ...] = ()
    rule: str = ""
    because: str = ""
    facts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.rule} ({', '.join(self.facts)}): {self.because}" if self.rule else "no rule fits"


def choose(product: Product, rules: Iterable[Rule]) -> Choice:
    """The first rule that fits. Same product, same rules, same answer."""
    for rule in rules:
        facts = _facts(product, rule.when)
        if facts is not None:
            return Choice(rule.templates, rule.id, rule.because, facts or ("any product",))
    return Choice()


def has_attributes(product: Product, wanted: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether the product has one of the values of each attribute, case-insensitively; no values: whether it is there at all."""
    return all(_value(product, name, values) is not None for name, values in wanted.items())


def _facts(product: Product, when: When) -> tuple[str, ...] | None:
    """What in the product makes a rule fit; None when it does not."""
    found: list[str] = []
    if when.brands:
        if product.brand.strip().lower() not in {brand.strip().lower() for brand in when.brands}:
            return None
        found.append(f"brand {product.brand!r}")
    if when.categories:
        name, text = ("category", product.category) if product.category.strip() else ("title", product.title)
        hit = _hit(text, when.categories)
        if hit is None:
            return None
        found.append(f"{name} {text!r} has {hit!r}")
    for name, values in when.attributes.items():
        value = _value(product, name, values)
        if value is None:
            return None
        found.append(f"{name} is {value!r}")
    if when.roles:
        there = [image.role for image in product.images if image.role in when.roles]
        if not there:
            return None
        found.append(f"has a {there[0]} photo")
    return tuple(found)


def _value(product: Product, name: str, values: tuple[str, ...]) -> str | None:
    own = next((v for n, v in product.attributes.items() if n.strip().lower() == name.strip().lower()), "").strip()
    fits = own and (not values or own.lower() in {value.strip().lower() for value in values})
    return own if fits else None


def _hit(text: str, terms: tuple[str, ...]) -> str | None:
    said = f" {_plain(text)} "
    return next((term for sought, term in _sought(terms) if sought in said), None)


@lru_cache(1024)
def _sought(terms: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((f" {_plain(term)} ", term) for term in terms)


@lru_cache(8192)
def _plain(text: str) -> str:
    """Lower-case words in the singular. Levels of a path and commas stay apart, apostrophes fall away."""
    spaced = re.sub(r"[>/|:;,]+", " | ", text.lower().replace("'", "").replace("’", ""))
    return " ".join(_singular(word) for word in re.findall(r"[^\W_]+|\|", spaced))


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith(_NO_PLURAL):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses", "zes")):
        return word[:-2]
    return word[:-1]
