"""Which looks each product of a catalogue gets: the named ones, and for `auto` what the rules choose, under its brand's rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from studio.errors import MissingInput, NotFound, PackshotError, TemplateError
from studio.product import Product
from studio.selection import AUTO, Choice, choose
from studio.setups import Setup, fitting
from studio.template import Template
from templates.shotlist import ShotList

UNRULED = "no rule fits"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A look for a product, the pictures it makes of it, and the reason where a rule chose it."""

    product: Product
    template: Template
    setups: tuple[Setup, ...]
    because: str = ""


class Desk:
    """Hands out looks. `rules` counts products by rule, `problems` takes in once what a brand forbids, and what a
    studio misses of a product. Raises UnknownTemplate."""

    def __init__(self, shotlist: ShotList, names: Sequence[str], rules: Counter[str], problems: list[PackshotError]) -> None:
        library = shotlist.library
        self._shotlist, self._library, self._rules, self._problems = shotlist, library, rules, problems
        self._auto = AUTO in names
        self._named = [library.template(name) for name in names if name != AUTO]
        self._order = library.rules() if self._auto else ()
        self._chosen = {name: library.template(name) for rule in self._order for name in rule.templates}
        self._told: set[str] = set()

    def wanted(self, product: Product) -> list[Wanted]:
        """Every look of a product, each id once."""
        found: dict[str, Wanted] = {}
        for look in self._looks(product):
            found.setdefault(look.template.id, look)
        return list(found.values())

    def _looks(self, product: Product) -> Iterator[Wanted]:
        for template in self._named:
            look = self._branded(template, product)
            if look is not None:
                yield Wanted(product, look, self._setups(product, look, named=False))
        if self._auto:
            yield from self._chosen_for(product)

    def _chosen_for(self, product: Product) -> Iterator[Wanted]:
        choice: Choice = choose(product, self._order)
        self._rules[choice.rule or UNRULED] += 1
        for name in choice.templates:
            look = self._branded(self._chosen[name], product)
            if look is not None:
                yield Wanted(product, look, self._setups(product, look, named=True), str(choice))

    def _setups(self, product: Product, look: Template, *, named: bool) -> tuple[Setup, ...]:
        try:
            return tuple(self._shotlist.setups(product, look, fitting(product, look, named=named)))
        except (MissingInput, NotFound) as error:
            self._problems.append(MissingInput(f"template {look.key}: {error.message}"))
            return ()

    def _branded(self, template: Template, product: Product) -> Template | None:
        try:
            return self._library.for_product(template, product)
        except TemplateError as error:
            if error.message not in self._told:
                self._told.add(error.message)
                self._problems.append(error)
            return None
