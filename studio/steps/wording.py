"""The words that a generator is given for a look: `studio.prompts.write` in the dialect of its preset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from studio.models.presets import Mode, Preset
from studio.product import Product
from studio.prompts.dialects import dialect
from studio.prompts.lexicon import Lexicon
from studio.prompts.writer import write
from studio.template import Template


@dataclass(frozen=True, slots=True)
class Words:
    """What is wanted, and what is not; the second is empty for generators without negative prompts."""

    positive: str
    negative: str


@dataclass(frozen=True, slots=True)
class _House:
    forbidden_words: tuple[str, ...]


def empty_set(template: Template, preset: Preset) -> Words:
    """Words for a set without a product: nothing of them hangs on one, so that SKUs share it."""
    return _written(None, template, preset, "backdrop")


def with_product(product: Product, template: Template, preset: Preset) -> Words:
    """Words for a set around a product."""
    return _written(product, template, preset, template.scene.mode)


def _written(product: Product | None, template: Template, preset: Preset, mode: Mode) -> Words:
    prompt = template.prompt
    said = write(
        product,
        template,
        _House(prompt.forbidden_words) if prompt.forbidden_words else None,
        dialect(preset.speaks(mode), negative=preset.negative),
        prompt.lexicon or _unlettered(),
    )
    return Words(said.positive, said.negative)


@lru_cache(maxsize=1)
def _unlettered() -> Lexicon:
    """No words of the studio's own: a template that uses some is refused."""
    return Lexicon()
