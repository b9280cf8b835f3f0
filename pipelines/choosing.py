"""Which looks each product of a catalogue gets: the named ones, and for `auto` what the rules choose, under its brand's rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from studio.errors import MissingInput, NotFound, PackshotError, TemplateError
from studio.product import Product
from studio.recipes.catalogue import recipe
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


@dataclass(slots=True)
class Served:
    """What a product gets. `rule`: the rule that chose, where one did; `steady`: nothing was refused or amiss, and no day was
    looked at, so that an equal product gets the same tomorrow."""

    looks: list[Wanted] = field(default_factory=list)
    rule: str = ""
    steady: bool = True


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
        return self.served(product).looks

    def served(self, product: Product) -> Served:
        """Every look of a product, each id once, and how they came about."""
        served, found = Served(), dict[str, Wanted]()
        for look in self._looks(product, served):
            found.setdefault(look.template.id, look)
        served.looks = list(found.values())
        return served

    def _looks(self, product: Product, served: Served) -> Iterator[Wanted]:
        for template in self._named:
            look = self._branded(template, product, served)
            if look is not None:
                yield Wanted(product, look, self._setups(product, look, served, named=False))
        if self._auto:
            yield from self._chosen_for(product, served)

    def _chosen_for(self, product: Product, served: Served) -> Iterator[Wanted]:
        choice: Choice = choose(product, self._order)
        served.rule = choice.rule or UNRULED
        self._rules[served.rule] += 1
        for name in choice.templates:
            look = self._branded(self._chosen[name], product, served)
            if look is not None:
                yield Wanted(product, look, self._setups(product, look, served, named=True), str(choice))

    def _setups(self, product: Product, look: Template, served: Served, *, named: bool) -> tuple[Setup, ...]:
        served.steady &= recipe(look.recipe).steady
        try:
            return tuple(self._shotlist.setups(product, look, fitting(product, look, named=named)))
        except (MissingInput, NotFound) as error:
            served.steady = False
            self._problems.append(MissingInput(f"template {look.key}: {error.message}"))
            return ()

    def _branded(self, template: Template, product: Product, served: Served) -> Template | None:
        try:
            return self._library.for_product(template, product)
        except TemplateError as error:
            served.steady = False
            if error.message not in self._told:
                self._told.add(error.message)
                self._problems.append(error)
            return None
