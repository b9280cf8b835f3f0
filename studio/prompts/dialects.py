"""Dialects: how each family of generators wants to be spoken to. `render` puts fragments into its words.

`tags` is for SDXL and SD (comma-separated, CLIP's 77 tokens), `sentences` for FLUX, Z-Image and Qwen-Image, `edit` for
Qwen-Image-Edit, FLUX.2 klein and Kontext (instructions that start by keeping the product).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from studio.errors import TemplateError
from studio.prompts.budget import Count, estimate
from studio.prompts.fragments import Fragment, Role
from studio.prompts.naming import Name

CLIP_TOKENS = 77
"""Positions of CLIP's text encoder, start and end marks included (Radford 2021)."""
LONG_TOKENS = 256
"""`max_sequence_length` of FLUX.1-schnell, the shortest of the generators that read sentences."""
EDIT_TOKENS = 512
"""The same of FLUX.2 and FLUX.1 Kontext; Qwen-Image-Edit reads more."""
LEAST_TOKENS = {"tags": 64, "sentences": 64, "edit": 192}
"""The shortest budgets: what is never cut fits even where each byte is a token."""
LEADS = {
    "tags": "product photo of",
    "sentences": "A product photograph of",
    "edit": "Make a new setting for",
}
EMPTY_LEADS = {"tags": "photo of an empty set", "sentences": "A photograph of an empty set with nothing standing in it"}
"""There is nothing to edit in an empty set: editing models are told in sentences what to paint."""
GUARD = "Keep the product exactly as it is: its shape, colours, material, lettering, size and position do not change"

TAG_ORDER: tuple[Role, ...] = ("scene", "surface", "detail", "light", "angle", "view", "lens", "mood", "look")
SENTENCE_ORDER: tuple[Role, ...] = ("surface", "light", "angle", "view", "lens", "mood", "look")


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of speaking. `count` counts tokens of a text, marks included; the default is an estimate on the high side."""

    name: str
    budget: int
    negative: bool = False
    """Whether the model has a negative prompt."""
    count: Count = estimate

    def __post_init__(self) -> None:
        if self.budget < LEAST_TOKENS.get(self.name, self.budget + 1):
            known = ", ".join(f"{name} from {least} on" for name, least in LEAST_TOKENS.items())
            raise TemplateError(f"no dialect {self.name!r} with a budget of {self.budget} tokens: {known}")


DIALECTS: dict[str, Dialect] = {
    "tags": Dialect("tags", CLIP_TOKENS, negative=True),
    "sentences": Dialect("sentences", LONG_TOKENS),
    "edit": Dialect("edit", EDIT_TOKENS),
}


def dialect(name: str, *, negative: bool | None = None, count: Count | None = None) -> Dialect:
    """A dialect by name, for a model with or without a negative prompt and with its own tokenizer. Raises TemplateError."""
    if name not in DIALECTS:
        raise TemplateError(f"no dialect {name!r}: {', '.join(DIALECTS)}")
    found = DIALECTS[name]
    return dataclasses.replace(
        found, negative=found.negative if negative is None else negative, count=found.count if count is None else count
    )


def form(name: str, empty: bool) -> str:
    """The dialect whose wording is used: an empty set is described, not edited."""
    return "sentences" if empty and name == "edit" else name


def render(name: str, fragments: Sequence[Fragment], called: Name | None) -> str:
    """The fragments in the words of a form; `called` is the product's name, None an empty set."""
    return {"tags": _tags, "sentences": _sentences, "edit": _edit}[name](fragments, called)


def render_against(fragments: Sequence[Fragment]) -> str:
    """A negative prompt."""
    return ", ".join(dict.fromkeys(fragment.text for fragment in fragments))


def _texts(fragments: Sequence[Fragment], role: Role) -> tuple[str, ...]:
    return tuple(fragment.text for fragment in fragments if fragment.role == role)


def _materials(fragments: Sequence[Fragment]) -> list[tuple[str, bool]]:
    """Materials, and whether there are several: a thing is not made of each of its parts."""
    return [(fragment.text, fragment.name == "materials") for fragment in fragments if fragment.role == "material"]


def _tags(fragments: Sequence[Fragment], called: Name | None) -> str:
    lead = " ".join(_texts(fragments, "lead"))
    if called is not None:
        lead = f"{lead} {called.described(' '.join(_texts(fragments, 'adjective')))}".strip()
    parts = [lead]
    parts += [text if several else f"made of {text}" for text, several in _materials(fragments)]
    parts += [f"{fragment.name} {fragment.text}" for fragment in fragments if fragment.role == "fact"]
    for role in TAG_ORDER:
        parts += _texts(fragments, role)
    return ", ".join(dict.fromkeys(part for part in parts if part))


def _sentences(fragments: Sequence[Fragment], called: Name | None) -> str:
    first = " ".join(_texts(fragments, "lead"))
    if called is not None:
        first = f"{first} {called.described(' '.join(_texts(fragments, 'adjective')))}".strip()
        first += "".join(f" made of {text}" for text, several in _materials(fragments) if not several)
    told = [first]
    told += [f"Its materials are {text}" for text, several in _materials(fragments) if several]
    told += [f"Its {fragment.name} is {fragment.text}" for fragment in fragments if fragment.role == "fact"]
    told += [f"The setting is {text}" for text in _texts(fragments, "scene")]
    told += [", ".join(_texts(fragments, "detail"))]
    for role in SENTENCE_ORDER:
        told += _texts(fragments, role)
    return _as_sentences(told)


def _edit(fragments: Sequence[Fragment], called: Name | None) -> str:
    lead = " ".join(_texts(fragments, "lead"))
    if called is not None:
        lead = f"{lead} {called.described(' '.join(_texts(fragments, 'adjective')), 'the')}".strip()
    told = [*_texts(fragments, "guard"), lead]
    told += [f"The setting is {text}" for text in _texts(fragments, "scene")]
    told += [f"In the surroundings: {', '.join(_texts(fragments, 'detail'))}"] * any(_texts(fragments, "detail"))
    for role in SENTENCE_ORDER:
        told += _texts(fragments, role)
    told += [f"Do not add {', '.join(_texts(fragments, 'against'))}"] * any(_texts(fragments, "against"))
    return _as_sentences(told)


def _as_sentences(told: Sequence[str]) -> str:
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in dict.fromkeys(told) if text)
