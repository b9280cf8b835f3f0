"""`Hits`: orders whose every image is in the store already are answered from it, without a replica."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, TypeVar

from cluster.journal import judged, load_outcome, settled
from connectors.storage.base import Storage
from serve_apps.request.schema import OrderResult, OrderSpec, ShotResult
from serve_apps.request.shots import shot_key, shot_result, shots
from studio.recipes.base import Cards
from studio.shot import Done, Outcome, Shot

T = TypeVar("T")
REMEMBER_S = 60.0
"""How long a found image is taken to be still in the store, and an answer to be still right."""
_MOST = 4096


@dataclass(frozen=True, slots=True)
class Hit:
    """An order that needs no work: what it asks for and what it gets, and both as JSON."""

    spec: OrderSpec
    result: OrderResult
    spec_json: dict[str, Any]
    result_json: dict[str, Any]


class Hits:
    """Looks orders up in the store by the keys of their shots. Thread-safe; remembers what it found for a while."""

    def __init__(self, storage: Storage, cards: Cards) -> None:
        self._storage, self.cards = storage, cards
        self._known: OrderedDict[str, tuple[float, Done]] = OrderedDict()
        self._answers: OrderedDict[str, tuple[float, Hit]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, spec: OrderSpec) -> OrderResult | None:
        """The result of an order when every image was made before and is released by today's limits or by a person; else None:
        there is something to make, to judge or to try otherwise. Raises StorageError and UnknownModel.
        """
        if not spec.resolved:
            return None
        found: list[ShotResult] = []
        for shot in shots(spec):
            key = shot_key(shot, self.cards)
            done = self._done(key, shot)
            if done is None:
                return None
            result = shot_result(shot, key, self.cards, done)
            found.append(result.model_copy(update={"published": (f"/v1/assets/{done.asset.digest}",)}))
        return OrderResult(shots=tuple(found), cache_hit=True)

    def recall(self, name: str) -> Hit | None:
        """The hit that was kept under a name lately."""
        with self._lock:
            found = self._answers.get(name)
        return found[1] if found and found[0] > time.monotonic() else None

    def keep(self, name: str, spec: OrderSpec, result: OrderResult) -> Hit:
        """A hit, kept under a name for a while: the name says all that spec and result depend on; "" keeps nothing."""
        hit = Hit(spec, result, spec.model_dump(mode="json"), result.model_dump(mode="json"))
        if name:
            self._remember(self._answers, name, hit)
        return hit

    def forget(self) -> None:
        """Ask the store again: a person has taken a verdict back."""
        with self._lock:
            self._known.clear()
            self._answers.clear()

    def knows(self, shot: Shot) -> bool:
        """Whether the image is in the store and released."""
        return self._done(shot_key(shot, self.cards), shot) is not None

    def _done(self, key: str, shot: Shot) -> Done | None:
        with self._lock:
            known = self._known.get(key)
        if known and known[0] > time.monotonic():
            # Limits are no part of the key: what one template releases another may not.
            outcome: Outcome | None = settled(self._storage, key, judged(shot, known[1].asset, known[1].report))
            return outcome if isinstance(outcome, Done) else None
        outcome = load_outcome(self._storage, key, shot)
        if not isinstance(outcome, Done):
            return None
        self._remember(self._known, key, outcome)
        return outcome

    def _remember(self, shelf: OrderedDict[str, tuple[float, T]], name: str, value: T) -> None:
        with self._lock:
            shelf[name] = (time.monotonic() + REMEMBER_S, value)
            shelf.move_to_end(name)
            if len(shelf) > _MOST:
                shelf.popitem(last=False)
