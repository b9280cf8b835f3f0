"""From an order's spec to its shots, and from outcomes to what the order remembers of them."""

from __future__ import annotations

from serve_apps.request.schema import OrderSpec, ShotResult
from studio.recipes.base import Cards
from studio.recipes.catalogue import recipe
from studio.shot import Outcome, Shot
from templates.shotlist import shot_of


def shots(spec: OrderSpec) -> list[Shot]:
    """One shot for each setup and destination, in that order. Every photo's digest must be known."""
    return [
        shot_of(spec.product, (setup.template or spec.template).at(place), place, setup)
        for setup in spec.setups
        for place in ([spec.named[output] for output in setup.outputs] or spec.destinations)
    ]


def shot_key(shot: Shot, cards: Cards) -> str:
    """Key of the shot in the action store. Raises UnknownModel."""
    return recipe(shot.template.recipe).key(shot, cards)


def shot_result(shot: Shot, key: str, cards: Cards, outcome: Outcome) -> ShotResult:
    """What an order remembers of a shot."""
    names = {name for used in recipe(shot.template.recipe).models(shot).values() for name in used}
    return ShotResult(
        destination=shot.destination.id,
        slot=shot.slot,
        key=key,
        template=shot.template,
        seed=shot.seed,
        source=shot.images[0].digest,
        models={name: cards(name).revision for name in sorted(names)},
        outcome=outcome,
    )
