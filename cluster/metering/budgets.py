"""Budgets: what a run, a day and a brand may cost, what they have cost so far, and who is told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from cluster.settings import Budget, Budgets
from connectors.spend import Spend
from studio.errors import BudgetExhausted

FRESH_S = 2.0
"""How long a sum that was read is good enough for the next order."""


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True)
class BudgetState:
    """How a budget stands. `kind` is run, day or brand, `name` the run, day or brand that it is about."""

    kind: str
    name: str
    limit: float
    spent: float
    warn_at: float
    stop: bool

    @property
    def level(self) -> Literal["ok", "warn", "over", "stop"]:
        """`over`: exhausted, and nobody is stopped for it."""
        if self.spent >= self.limit:
            return "stop" if self.stop else "over"
        return "warn" if self.spent >= self.limit * self.warn_at else "ok"

    @property
    def left(self) -> float:
        """What may still be spent, at least 0."""
        return max(0.0, self.limit - self.spent)

    def say(self, currency: str) -> str:
        """In words, for people."""
        share = f"{100 * self.spent / self.limit:.0f} %"
        return f"budget of {self.kind} {self.name}: {self.spent:.4g} of {self.limit:.4g} {currency} spent ({share})"

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "level": self.level, "left": self.left}


class BudgetBook:
    """The budgets of the settings over what is in `Spend`. Days and months are UTC."""

    def __init__(self, budgets: Budgets, spend: Spend, currency: str, *, today: Callable[[], date] = _today) -> None:
        self._budgets, self._spend, self.currency, self._today = budgets, spend, currency, today

    @property
    def any(self) -> bool:
        """Whether there is a budget at all."""
        return bool(self._budgets.run or self._budgets.day or self._budgets.brand)

    def states(self, run: str = "", brands: frozenset[str] | None = None) -> list[BudgetState]:
        """Every budget that concerns a run (none: "") and brands (None: all that have one)."""
        return list(self._states(run, brands))

    def exhausted_brands(self) -> dict[str, BudgetState]:
        """Brands for which nothing more may be made in this period."""
        return {state.name: state for state in self._states("", None) if state.kind == "brand" and state.level == "stop"}

    def _states(self, run: str, brands: frozenset[str] | None) -> Iterator[BudgetState]:
        today, budgets = self._today(), self._budgets
        if budgets.run and run:
            yield _state("run", run, budgets.run, self._spend.price(run=run))
        if budgets.day:
            yield _state("day", str(today), budgets.day, self._spend.price(since=today))
        for brand, budget in budgets.brand.items():
            if brands is None or brand in brands:
                since = today if budget.period == "day" else today.replace(day=1)
                yield _state("brand", brand, budget, self._spend.price(since=since, brand=brand))


class BudgetGuard:
    """Says no to work beyond a budget that stops; asks the database at most every two seconds. Safe for many threads.

    Orders that are under way are not in the sums yet: a budget may be passed by what is open when it runs out.
    """

    def __init__(self, book: BudgetBook, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._book, self._clock = book, clock
        self._lock = threading.Lock()
        self._read: float | None = None
        self._states: tuple[BudgetState, ...] = ()

    def check(self, brand: str) -> None:
        """Raises BudgetExhausted for work of this brand ("": no brand)."""
        if not self._book.any:
            return
        for state in self._concern(brand):
            if state.level == "stop":
                raise BudgetExhausted(f"{state.say(self._book.currency)}; images that were made before are still answered")

    def left(self, brand: str) -> float | None:
        """The least that a budget which stops leaves to work of this brand; None where there is none."""
        found = [state.left for state in self._concern(brand) if state.stop] if self._book.any else []
        return min(found, default=None)

    def forget(self) -> None:
        """Ask the database at the next check."""
        with self._lock:
            self._read = None

    def _now(self) -> tuple[BudgetState, ...]:
        with self._lock:
            now = self._clock()
            if self._read is None or now - self._read >= FRESH_S:
                self._states = tuple(self._book.states())
                self._read = now
            return self._states

    def _concern(self, brand: str) -> Iterator[BudgetState]:
        return (state for state in self._now() if state.kind == "day" or state.name == brand)


def _state(kind: str, name: str, budget: Budget, spent: float) -> BudgetState:
    return BudgetState(kind, name, budget.limit, spent, budget.warn_at, budget.stop)
