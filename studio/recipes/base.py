"""`Recipe`: an ordered list of steps, and the keys that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from studio.destination import Destination
from studio.keys import canonical, chain, digest_bytes, digest_of
from studio.models.base import ModelCard
from studio.setups import Arrange, each_photo
from studio.shot import Shot
from studio.steps.base import Step
from studio.template import Template

Cards = Callable[[str], ModelCard]


@dataclass(frozen=True, slots=True)
class Recipe:
    """An ordered list of steps that reads top to bottom; adding a step is one line."""

    name: str
    steps: tuple[Step, ...]
    setups: Arrange = each_photo
    """Which pictures there are of a product, and from which photos."""
    steady: bool = True
    """Whether `setups` says the same tomorrow. One that looks at the day, or asks studios that may, is not."""

    def keys(self, shot: Shot, cards: Cards) -> Iterator[tuple[Step, str]]:
        """Every step with its key: the digest of all that could change what the step makes."""
        key = self.first(shot)
        for step in self.steps:
            if step.applies(shot):
                key = chain(key, _part(step, shot, cards))
            yield step, key

    def first(self, shot: Shot) -> str:
        """The key that the first step's key follows: the photo. Studios that begin alike share what they made of it."""
        return digest_of({"photo": shot.images[0].digest})

    def key(self, shot: Shot, cards: Cards) -> str:
        """The shot's own key: the key of its last step."""
        *_, (_, key) = self.keys(shot, cards)
        return key

    def parts(self, shot: Shot, cards: Cards) -> dict[str, str]:
        """Digests of what the key is made of, by kind, so that a changed key can be explained."""
        steps = [step for step in self.steps if step.applies(shot)]
        return {
            "image": digest_of([image.digest for image in shot.photos]),
            "template": digest_of([{k: v for k, v in step.reads(shot).items() if k != "attributes"} for step in steps]),
            "attribute": digest_of([step.reads(shot).get("attributes") for step in steps]),
            "model": digest_of([cards(name).key for step in steps for name in step.models(shot)]),
            "code": digest_of([[step.name, step.version] for step in steps]),
        }

    def models(self, shot: Shot) -> dict[str, tuple[str, ...]]:
        """Models each step may call for the shot, by step name."""
        return {step.name: names for step in self.steps if step.applies(shot) and (names := step.models(shot))}

    def assets(self, shot: Shot) -> tuple[str, ...]:
        """Digests of further bytes the recipe needs beside the photos (a background picture)."""
        look = shot.template
        named = (getattr(look.background, "digest", ""), look.scene.reference_digest, *(file.digest for file in look.files))
        return tuple(dict.fromkeys(digest for digest in named if digest))


@dataclass(frozen=True, slots=True)
class Look:
    """What many shots share. A step that reads more of a shot finds no such attribute here, and counts as a step of its own."""

    template: Template
    destination: Destination


class KeyLine:
    """`Recipe.key` for many shots of one template at one destination: the same keys, with what the shots share written once."""

    def __init__(self, recipe: Recipe, look: Look, cards: Cards) -> None:
        self._recipe, self._cards = recipe, cards
        self._texts = [_around(step, look, cards) for step in recipe.steps]

    def key(self, shot: Shot) -> str:
        """The shot's own key."""
        key = self._recipe.first(shot)
        for step, text in zip(self._recipe.steps, self._texts, strict=True):
            if text is None:
                key = chain(key, _part(step, shot, self._cards)) if step.applies(shot) else key
            elif text:
                key = digest_bytes(f"{text[0]}{key}{text[1]}".encode())
        return key


_HOLE = digest_of("the place of the previous key")


def _around(step: Step, look: Look, cards: Cards) -> tuple[str, str] | tuple[()] | None:
    """Canonical text of a step's part before and after the previous key; empty for a step that does not apply, None when the
    step reads the product or the photos."""
    try:
        if not step.applies(cast("Shot", look)):
            return ()
        part = _part(step, cast("Shot", look), cards)
    except AttributeError:
        return None
    before, _, after = canonical({"previous": _HOLE, **part}).partition(_HOLE)
    return before, after


def _part(step: Step, shot: Shot, cards: Cards) -> dict[str, Any]:
    part = {
        "step": step.name,
        "version": step.version,
        "reads": step.reads(shot),
        "models": [cards(name).key for name in step.models(shot)],
    }
    opened = [image.digest for image in step.opens(shot)]
    return {**part, "opens": opened} if opened else part
