"""`Fragment`: a piece of a prompt with where it comes from; `Written`: the finished prompt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from studio.prompts.naming import Name

Role = Literal[
    "guard", "lead", "noun", "adjective", "material", "fact", "scene", "surface", "detail", "light", "angle", "view", "lens",
    "mood", "look", "against",
]  # fmt: skip

WEIGHTS: dict[Role, float] = {
    "guard": 1.0,
    "noun": 1.0,
    "lead": 0.97,
    "scene": 0.92,
    "adjective": 0.9,
    "surface": 0.8,
    "light": 0.75,
    "material": 0.7,
    "detail": 0.6,
    "view": 0.5,
    "angle": 0.48,
    "fact": 0.45,
    "look": 0.42,
    "lens": 0.4,
    "mood": 0.35,
    "against": 0.5,
}
"""How much a fragment matters, 0..1, when a budget cuts; what has 1 is never cut. What weighs least goes first."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One piece. `source` is e.g. `attribute:colour`, `template:scene`, `lexicon:lighting.window@2`, `dialect:edit`."""

    text: str
    role: Role
    source: str
    weight: float
    name: str = ""
    """The attribute's name, where the fragment is an attribute."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something that is not said, and why. The text itself is not repeated: it may be hostile or ten kilobytes long."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Written:
    """A prompt. `negative` is empty where the model has none. `provenance` and `against` are what `positive` and `negative` are
    made of, in order; `called` is the product's name, None for an empty set; `tokens` counts `positive`."""

    positive: str
    negative: str = ""
    parameters: dict[str, str | int | float] = field(default_factory=dict)
    provenance: tuple[Fragment, ...] = ()
    against: tuple[Fragment, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    tokens: int = 0
    called: Name | None = None
