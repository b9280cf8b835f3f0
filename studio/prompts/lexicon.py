"""`Lexicon`: the studio's own words for light, lens, view, surface, material and mood, and what goods are called. Versioned."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from studio.errors import TemplateError
from studio.fields import Slug
from studio.product import Frozen
from studio.prompts.wording import singulars

Words = Annotated[str, StringConstraints(min_length=2, max_length=160, strip_whitespace=True)]
TermId = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z0-9-]+$")]
Version = Annotated[int, Field(ge=1)]


class Wording(Frozen):
    """One thing said in each dialect: short tags, a full sentence without its stop, an instruction (empty: nothing to say)."""

    tags: Annotated[tuple[Words, ...], Field(min_length=1)]
    sentence: Words
    edit: str = ""


class Variant(Wording):
    """Other words for goods of some kinds."""

    categories: Annotated[tuple[Slug, ...], Field(min_length=1)]


class Term(Wording):
    """One entry. `version` rises with every change of its words."""

    version: Version = 1
    negative: tuple[Words, ...] = ()
    clashes: tuple[TermId, ...] = ()
    """Terms that say the opposite; of two such the template's first is used."""
    categories: tuple[Slug, ...] = ()
    """Kinds of goods it is for; none: any."""
    needs: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Attribute -> words of which the product's value has one, or the term would state what the data does not say."""
    variants: tuple[Variant, ...] = ()
    aims: bool = False
    """It says where the light comes from, so that the template's angles are not named."""
    empty: bool = True
    """Whether it can be said about an empty set."""

    def wording(self, kind: str) -> Wording:
        """Its words for goods of a kind."""
        return next((variant for variant in self.variants if kind in variant.categories), self)


class Family(Frozen):
    """Terms about one thing. `one_of`: they exclude each other."""

    family: Annotated[str, StringConstraints(pattern=r"^[a-z]+$")]
    about: Literal["picture", "set", "product"]
    one_of: bool = False
    terms: Annotated[dict[Slug, Term], Field(min_length=1)]


class Kind(Frozen):
    """What goods of one kind are called."""

    version: Version = 1
    generic: Words
    called: Annotated[tuple[Words, ...], Field(min_length=1)]
    """Words of shop categories that say that goods are `generic`."""
    near: tuple[Words, ...] = ()
    """Words of shop categories that only hint at the kind: they choose wording, they state nothing."""
    nouns: dict[str, tuple[Words, ...]]
    """Noun -> other words for the same thing."""
    pairs: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    """Nouns without an article: "honey"."""

    @model_validator(mode="after")
    def _known(self) -> Kind:
        strange = (set(self.pairs) | set(self.bare)) - set(self.nouns)
        if strange:
            raise ValueError(f"no noun of this kind: {', '.join(sorted(strange))}")
        return self

    @cached_property
    def known(self) -> dict[tuple[str, ...], str]:
        """Every way of naming a noun, in singular words -> the noun."""
        return {singulars(name): noun for noun, others in self.nouns.items() for name in (noun, *others)}


class Nouns(Frozen):
    """Every kind of goods, by slug."""

    family: Literal["noun"] = "noun"
    kinds: dict[Slug, Kind] = Field(default_factory=dict)


class Lexicon(Frozen):
    """All families by name, and the nouns. Raises ValueError for a clash with a term that does not exist."""

    families: dict[str, Family] = Field(default_factory=dict)
    nouns: Nouns = Nouns()

    @model_validator(mode="after")
    def _sound(self) -> Lexicon:
        known = set(self.ids())
        for name in self.ids():
            term = self.term(name)
            strange = set(term.clashes) - known
            one_sided = [other for other in set(term.clashes) & known if name not in self.term(other).clashes]
            if strange or one_sided:
                wrong = ", ".join(sorted([*strange, *one_sided]))
                raise ValueError(f"{name}: clashes with {wrong}, which does not exist or does not say so too")
        return self

    @classmethod
    def of(cls, families: Iterable[Family], nouns: Nouns) -> Lexicon:
        """A lexicon of these parts."""
        return cls(families={family.family: family for family in families}, nouns=nouns)

    def ids(self) -> tuple[str, ...]:
        """Every term's id, sorted."""
        return tuple(sorted(f"{name}.{term}" for name, family in self.families.items() for term in family.terms))

    def family(self, term: str) -> Family:
        """The family of a term id. Raises TemplateError for a term that does not exist."""
        name, _, entry = term.partition(".")
        if name not in self.families or entry not in self.families[name].terms:
            near = difflib.get_close_matches(term, self.ids(), 1, 0.5)
            raise TemplateError(f"prompt.terms: the lexicon has no {term!r}" + (f"; is {near[0]} meant?" if near else ""))
        return self.families[name]

    def term(self, term: str) -> Term:
        """The entry of a term id. Raises TemplateError for a term that does not exist."""
        return self.family(term).terms[term.partition(".")[2]]

    def unknown(self, terms: Iterable[str]) -> tuple[str, ...]:
        """Those ids the lexicon does not have, for `packshot template lint`."""
        known = set(self.ids())
        return tuple(term for term in terms if term not in known)

    def excerpt(self, terms: Iterable[str], *, nouns: bool = True) -> Lexicon:
        """Only these terms, and the nouns where products are named: small enough to travel with a template."""
        wanted = set(terms)
        kept: list[Family] = []
        for name, family in self.families.items():
            entries = {
                entry: term.model_copy(update={"clashes": tuple(other for other in term.clashes if other in wanted)})
                for entry, term in family.terms.items()
                if f"{name}.{entry}" in wanted
            }
            if entries:
                kept.append(family.model_copy(update={"terms": entries}))
        return Lexicon.of(kept, self.nouns if nouns else Nouns())
