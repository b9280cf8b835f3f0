"""What a run spends: quoted before, counted while it goes on, stopped at its budgets, compared with the quote after."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from cluster.metering.budgets import FRESH_S, BudgetBook, BudgetState
from cluster.metering.meter import RunMeter
from cluster.metering.tariff import Tariff
from cluster.profile import Profile
from cluster.settings import Settings
from connectors.spend import Spend
from pipelines.plan import Planned


class Purse:
    """The prices, sums and budgets of these settings."""

    def __init__(self, settings: Settings, profile: Profile) -> None:
        self.tariff = Tariff(settings.prices, profile)
        self.spend = Spend(settings.records)
        self.book = BudgetBook(settings.budgets, self.spend, self.tariff.currency)

    def admitted(self, planned: Iterator[Planned], held_back: Counter[str]) -> Iterator[Planned]:
        """Shots of brands whose budget is not spent; the others are counted by brand, and due again the next time."""
        over = self.book.exhausted_brands() if self.book.any else {}
        for item in planned:
            if item.shot.product.brand in over:
                held_back[item.shot.product.brand] += 1
            else:
                yield item

    def of_run(self, run: str) -> RunSpending:
        """What this run spends, starting at nothing."""
        return RunSpending(run, self)


class RunSpending:
    """One run's sums beside its budgets."""

    def __init__(self, run: str, purse: Purse, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._run, self._book, self._clock = run, purse.book, clock
        self.meter = RunMeter(run, purse.tariff, purse.spend)
        self._looked, self._room = float("-inf"), 0.0
        self._warned: set[tuple[str, str]] = set()
        self.warnings: list[str] = []

    def announce(self, quote: float) -> None:
        """Warn where a quote does not fit into what is left. Nothing is stopped for a quote."""
        for state in self._book.states(self._run, frozenset()) if self._book.any else ():
            if quote > state.left:
                left = f"{state.left:.4g} of {state.limit:.4g} {self._book.currency}"
                self.warnings.append(f"the quote of {quote:.4g} is more than what is left of the {state.kind} budget: {left}")

    def over(self, *, now: bool = False) -> str:
        """Why the run must stop, "" while it may go on.

        The database is asked every two seconds, `now`, and as soon as this run has spent what a budget had left at the last look.
        """
        if not self._book.any:
            return ""
        spent = self.meter.price
        if not now and spent < self._room and self._clock() - self._looked < FRESH_S:
            return ""
        self._looked = self._clock()
        self.meter.save()
        states = self._book.states(self._run, self.meter.brands)
        self._room = spent + min((state.left for state in states if state.stop), default=math.inf)
        for state in states:
            self._warn(state)
        return next((state.say(self._book.currency) for state in states if state.level == "stop"), "")

    def states(self) -> list[dict[str, Any]]:
        """Every budget as it stands, as JSON."""
        return [state.document() for state in self._book.states(self._run)] if self._book.any else []

    def _warn(self, state: BudgetState) -> None:
        if state.level in ("warn", "over") and (state.kind, state.level) not in self._warned:
            self._warned.add((state.kind, state.level))
            self.warnings.append(state.say(self._book.currency))
