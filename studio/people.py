"""People that products are shown on: who they are, what allows their pictures to be used, and who is chosen for a product."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from studio.fields import Slug
from studio.keys import digest_of
from studio.product import Frozen

BodyType = Literal["petite", "slim", "average", "athletic", "curvy", "plus", "tall"]
AgeRange = Literal["18-24", "25-34", "35-44", "45-54", "55-64", "65-plus"]
Stance = Literal["front", "three-quarter", "side", "back", "sitting", "walking", "bust", "torso", "hands"]
MonkTone = Annotated[int, Field(ge=1, le=10)]
"""The Monk Skin Tone scale (Monk 2019, skintone.google): 1 lightest to 10 darkest."""
TRAITS = ("body_type", "skin_tone", "age", "stance")
"""What representation is counted by."""


class Consent(Frozen):
    """The person's written agreement. Both dates are needed: a picture without an end of its consent is not used."""

    given: date
    expires: date
    document: Annotated[str, Field(min_length=1, max_length=300)]
    """Where the signed release is kept: a contract number, a file name."""
    uses: Annotated[tuple[Literal["shop", "marketplace", "advertising", "generation"], ...], Field(min_length=1)]
    """`generation`: the picture may be shown to a generative model."""

    @model_validator(mode="after")
    def _ordered(self) -> Consent:
        if self.expires <= self.given:
            raise ValueError("the consent expires before it was given")
        return self


class Person(Frozen):
    """One photo of one person of age, with the right to use it."""

    id: Slug
    photo: Annotated[str, Field(min_length=1, max_length=2000)]
    """A path beside the people file, or a URI."""
    licence: Annotated[str, Field(min_length=1, max_length=200)]
    """The photographer's: under which terms the photo itself is used."""
    consent: Consent
    body_type: BodyType
    skin_tone: MonkTone
    age: AgeRange
    stance: Stance
    share: Annotated[float, Field(gt=0, le=100)] = 1.0
    """How often this person is chosen, against the others."""

    def lapsed(self, today: date, *, use: str = "shop") -> str:
        """Why the picture may not be used, in words; empty: it may."""
        if today > self.consent.expires:
            return f"the consent of {self.id} expired on {self.consent.expires}"
        if today < self.consent.given:
            return f"the consent of {self.id} begins on {self.consent.given}"
        return "" if use in self.consent.uses else f"the consent of {self.id} does not cover {use}"


class Wanted(Frozen):
    """Which people suit a look; empty means any."""

    body_types: tuple[BodyType, ...] = ()
    skin_tones: tuple[MonkTone, ...] = ()
    ages: tuple[AgeRange, ...] = ()
    stances: tuple[Stance, ...] = ()

    def suits(self, person: Person) -> bool:
        """Whether a person has one of each."""
        asked = (self.body_types, self.skin_tones, self.ages, self.stances)
        return all(not values or getattr(person, trait) in values for trait, values in zip(TRAITS, asked, strict=True))


def choose(people: Sequence[Person], product: str) -> Person:
    """The person for a product: the same in every run and every process, whatever else is in the batch, and over many products
    as often as the shares say (weighted rendezvous hashing, Schindelhauer and Schomaker 2005). A person who joins or leaves
    changes only their own products."""

    def score(person: Person) -> float:
        drawn = (int(digest_of(["person", person.id, product])[:13], 16) + 1) / (16**13 + 1)
        return math.log(drawn) / person.share

    return max(people, key=lambda person: (score(person), person.id))


def representation(chosen: Iterable[Person]) -> dict[str, dict[str, float]]:
    """Share of each value of each trait among the people of a batch, most frequent first."""
    people = list(chosen)
    found: dict[str, dict[str, float]] = {}
    for trait in TRAITS:
        counts = Counter(str(getattr(person, trait)) for person in people)
        found[trait] = {
            value: count / len(people) for value, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        }
    return found


def asked(people: Sequence[Person]) -> dict[str, dict[str, float]]:
    """The shares that the people's `share` fields ask for."""
    total = sum(person.share for person in people)
    found: dict[str, dict[str, float]] = {trait: {} for trait in TRAITS}
    for person in people:
        for trait in TRAITS:
            value = str(getattr(person, trait))
            found[trait][value] = found[trait].get(value, 0.0) + person.share / total
    return found
