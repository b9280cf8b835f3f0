"""What an order would take, said before anything is spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from cluster.estimates import estimate
from cluster.profile import Profile
from cluster.settings import Prices
from serve_apps.request.schema import OrderSpec, Quote
from serve_apps.request.shots import shots
from studio.keys import digest_of
from studio.recipes.base import Cards
from studio.recipes.catalogue import recipe
from studio.shot import Shot


def quote(
    spec: OrderSpec, *, known: Callable[[Shot], bool], cards: Cards, measured: float | None, profile: Profile, prices: Prices
) -> Quote:
    """`known` says whether a shot was made before, `measured` is `cluster.estimates.seconds_a_shot`. Photos that were not fetched
    yet count as never seen. Raises UnknownModel, ModelNotConfigured and LicenceForbidden."""
    wanted = shots(_stand_ins(spec))
    due = [shot for shot in wanted if not (spec.resolved and known(shot))]
    calls = _calls(due, cards)
    guess = estimate(len(due), calls, measured, profile, prices)
    return Quote(
        shots=len(wanted),
        cached=len(wanted) - len(due),
        model_calls=dict(sorted(calls.items())),
        seconds=round(sum(guess.seconds.values()), 3),
        price=round(guess.cost, 9),
        currency=guess.currency,
        basis="default" if measured is None else "measured",
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
