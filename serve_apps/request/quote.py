"""What an order would take, said before anything is spent."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cluster.estimates import error_of_quotes, quoted, seconds_a_shot
from cluster.metering.forecast import Forecast, History
from cluster.profile import Profile
from cluster.settings import Prices
from cluster.tiers import Tier
from connectors.records import Records
from connectors.spend import Spend
from serve_apps.request.schema import OrderSpec, Quote
from serve_apps.request.shots import shots
from studio.keys import digest_of
from studio.recipes.base import Cards
from studio.recipes.catalogue import recipe
from studio.shot import Shot

FRESH_S = 60.0
"""How long what was read of the past is good enough for the next quote."""


@dataclass(frozen=True, slots=True)
class Past:
    """What quotes rest on: steps that ran before, seconds of a shot, and how far off the quotes of the latest runs were."""

    history: History = field(default_factory=lambda: History({}))
    a_shot: float | None = None
    error: float | None = None


class Experience:
    """The past, read from the records at most once a minute. Safe for many threads."""

    def __init__(self, spend: Spend, records: Records, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._spend, self._records, self._clock = spend, records, clock
        self._lock = threading.Lock()
        self._read: tuple[float, Past] | None = None

    def now(self) -> Past:
        """Raises what `Spend` and `Records` raise."""
        with self._lock:
            now = self._clock()
            if self._read is None or now - self._read[0] >= FRESH_S:
                past = Past(History.read(self._spend), seconds_a_shot(self._records), error_of_quotes(self._records))
                self._read = now, past
            return self._read[1]

    def forget(self) -> None:
        """Read anew at the next quote."""
        with self._lock:
            self._read = None


def quote(
    spec: OrderSpec,
    *,
    known: Callable[[Shot], bool],
    stored: Callable[[str], bool],
    cards: Cards,
    past: Past,
    profile: Profile,
    prices: Prices,
    tier: Tier = "standard",
    left: float | None = None,
) -> Quote:
    """`known` says whether a shot was made before, `stored` whether the result of a step is kept under a key, `left` is what
    budgets leave to the brand. Photos that were not fetched yet count as never seen. Raises UnknownModel, ModelNotConfigured and
    LicenceForbidden."""
    wanted = shots(_stand_ins(spec))
    due = [shot for shot in wanted if not (spec.resolved and known(shot))]
    calls, forecast = _calls(due, cards), Forecast(cards, stored)
    for shot in due:
        forecast.watch(shot)
    guess = quoted(forecast, past.history, calls, lambda: past.a_shot, profile, prices, shots=len(due), tier=tier)
    return Quote(
        shots=len(wanted),
        cached=len(wanted) - len(due),
        model_calls=dict(sorted(calls.items())),
        seconds=round(sum(guess.seconds.values()), 3),
        price=round(guess.cost, 9),
        currency=guess.currency,
        basis=guess.basis,
        error=None if past.error is None else round(past.error, 4),
        priority=tier,
        brand=spec.product.brand,
        budget_left=None if left is None else round(left, 9),
        resolved=spec.resolved,
        template=spec.template.key,
        destinations=tuple(place.id for place in spec.destinations),
    )


def _stand_ins(spec: OrderSpec) -> OrderSpec:
    """The same order, with a digest of the address for photos whose own is not known yet."""
    found = {i.uri: i if i.digest else i.model_copy(update={"digest": digest_of(["address", i.uri])}) for i in spec.photos}
    return spec.with_photos(found)


def _calls(due: Iterable[Shot], cards: Cards) -> Counter[str]:
    """Model calls by name. Shots that share a step (the cut-out of one photo) share its calls."""
    asked = {
        (key, name)
        for shot in due
        for step, key in recipe(shot.template.recipe).keys(shot, cards)
        if step.applies(shot)
        for name in step.models(shot)
    }
    return Counter(name for _, name in asked)
