"""`write`: a product, a template and a brand's rules as the prompt of one dialect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from studio.errors import TemplateError
from studio.product import Product
from studio.prompts import gathering
from studio.prompts.budget import Render, fitted
from studio.prompts.dialects import EMPTY_LEADS, GUARD, LEADS, Dialect, dialect, form, render, render_against
from studio.prompts.fragments import Dropped, Fragment, Written
from studio.prompts.lexicon import Lexicon
from studio.prompts.naming import Name, named
from studio.prompts.wording import singulars, spoken
from studio.template import Template

NEUTRAL = ("product", "item", "object", "article")
"""What a product is called when a brand forbids its name, in turn."""


WANTED = frozenset({"noun", "adjective", "material", "scene", "detail"})
"""Fragments about what is in the picture, not how it is taken."""


class HouseRules(Protocol):
    """What of a brand concerns words."""

    @property
    def forbidden_words(self) -> tuple[str, ...]:
        """Words and phrases that no prompt of the brand has."""


def write(
    product: Product | None, template: Template, brand: HouseRules | None, speech: Dialect | str, lexicon: Lexicon
) -> Written:
    """The prompt of a picture; of an empty set where `product` is None. The same input writes the same text.

    Raises TemplateError for an unknown term or dialect, and for a brand that forbids words without which nothing can be said.
    """
    how = dialect(speech) if isinstance(speech, str) else speech
    forbidden = brand.forbidden_words if brand is not None else ()
    name = _permitted(named(product, lexicon), forbidden) if product is not None else None
    wording = form(how.name, product is None)
    said, dropped = _gathered(product, template, lexicon, wording, name)
    kept, struck = _allowed(said, forbidden)
    positive = [f for f in kept if f.role != "against" or wording == "edit"]
    negative = [f for f in kept if f.role == "against" and wording != "edit"] if how.negative else []
    unsaid = () if how.negative or wording == "edit" else (Dropped("dialect:negative", "the model has no negative prompt"),)
    negative, denied = _not_against(negative, positive)
    written = _finished(how, name, (positive, negative), (*dropped, *struck, *denied, *unsaid), forbidden)
    return replace(written, parameters=_parameters(template, how, name))


def refit(written: Written, speech: Dialect) -> Written:
    """The same prompt inside another budget or counted by another tokenizer; what was cut before does not come back."""
    again = _finished(speech, written.called, (written.provenance, written.against), written.dropped, ())
    return replace(again, parameters=written.parameters)


def _gathered(
    product: Product | None, template: Template, lexicon: Lexicon, wording: str, name: Name | None
) -> tuple[list[Fragment], list[Dropped]]:
    """Everything there is to say, in order, and what cannot be said."""
    kind = name.kind if name is not None and name.kind else template.industry
    told: list[Fragment | Dropped] = []
    if product is not None and name is not None:
        if wording == "edit":
            told.append(gathering.fragment(GUARD, "guard", "dialect:edit"))
        told.append(gathering.fragment(LEADS[wording], "lead", f"dialect:{wording}"))
        told += gathering.about_product(product, template, name)
    else:
        told.append(gathering.fragment(EMPTY_LEADS[wording], "lead", f"dialect:{wording}"))
    told += gathering.about_scene(template, product)
    told += gathering.about_terms(template, product, kind, lexicon, wording)
    if not gathering.aims(template, lexicon):
        told += gathering.about_light(template.light, wording)
    told += gathering.against(template, wording, product is None)
    return [each for each in told if isinstance(each, Fragment)], [each for each in told if isinstance(each, Dropped)]


def _permitted(name: Name, forbidden: tuple[str, ...]) -> Name:
    """The name, or a neutral one where a brand forbids it."""
    if not spoken(name.phrase, forbidden):
        return name
    for noun in NEUTRAL:
        if not spoken(noun, forbidden):
            return Name(noun, name.kind, "brand:forbidden_words", reasons=(*name.reasons, "forbidden by the brand"))
    raise TemplateError(f"forbidden_words: the brand forbids {', '.join(NEUTRAL)}, so that the product has no name")


def _allowed(said: Iterable[Fragment], forbidden: tuple[str, ...]) -> tuple[list[Fragment], list[Dropped]]:
    """Fragments without forbidden words, each once."""
    kept, struck = [], []
    for fragment in dict.fromkeys(said):
        if fragment.weight < 1 and spoken(f"{fragment.name if fragment.role == 'fact' else ''} {fragment.text}", forbidden):
            struck.append(Dropped(fragment.source, "forbidden by the brand"))
        else:
            kept.append(fragment)
    return kept, struck


def _not_against(negative: Sequence[Fragment], positive: Sequence[Fragment]) -> tuple[list[Fragment], list[Dropped]]:
    """Negative words that the product or the template's own words say are struck: the picture shall have them."""
    wanted = {word for f in positive if f.role in WANTED for word in singulars(f.text)}
    denied = [f for f in negative if set(singulars(f.text)) & wanted]
    return [f for f in negative if f not in denied], [Dropped(f.source, "the picture shall have it") for f in denied]


def _parameters(template: Template, how: Dialect, name: Name | None) -> dict[str, str | int | float]:
    """What the engine needs besides words, and what names the prompt: template, dialect, noun."""
    scene = template.scene
    found: dict[str, str | int | float] = {"template": template.key, "dialect": how.name, "mode": scene.mode}
    if scene.seed is not None:
        found["seed"] = scene.seed
    if scene.reference:
        found["influence"] = scene.influence
    if scene.control != "none":
        found["control"] = scene.control
    if name is not None and name.entry:
        found["noun"] = name.entry
    return found


def _finished(
    how: Dialect,
    name: Name | None,
    said: tuple[Sequence[Fragment], Sequence[Fragment]],
    dropped: Sequence[Dropped],
    forbidden: tuple[str, ...],
) -> Written:
    """Rendered, inside the budget, and without a forbidden phrase even where two fragments meet."""

    def text(fragments: Sequence[Fragment]) -> str:
        return render(form(how.name, name is None), fragments, name)

    positive, cut = fitted(said[0], text, how.count, how.budget)
    positive, struck = _unspoken(positive, text, forbidden)
    negative, cut_negative = fitted(said[1], render_against, how.count, how.budget)
    negative, struck_negative = _unspoken(negative, render_against, forbidden)
    written = text(positive)
    return Written(
        positive=written,
        negative=render_against(negative),
        provenance=tuple(positive),
        against=tuple(negative),
        dropped=tuple(dict.fromkeys((*dropped, *cut, *struck, *cut_negative, *struck_negative))),
        tokens=how.count(written),
        called=name,
    )


def _unspoken(
    fragments: Sequence[Fragment], text: Render, forbidden: tuple[str, ...]
) -> tuple[tuple[Fragment, ...], list[Dropped]]:
    """Without the least weighty fragments that make a forbidden phrase. Raises TemplateError when one cannot be avoided."""
    kept, struck = list(fragments), []
    while words := spoken(text(kept), forbidden):
        movable = [at for at, fragment in enumerate(kept) if fragment.weight < 1]
        better = [at for at in movable if len(spoken(text(kept[:at] + kept[at + 1 :]), forbidden)) < len(words)] or movable
        if not better:
            raise TemplateError(f"forbidden_words: nothing can be written without {', '.join(words)}")
        gone = kept.pop(min(better, key=lambda at: (kept[at].weight, -at)))
        struck.append(Dropped(gone.source, "forbidden by the brand"))
    return tuple(kept), struck
