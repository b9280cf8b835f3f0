"""`Hits`: orders whose every image is in the store already are answered from it, without a replica."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from cluster.journal import judged, load_outcome
from connectors.storage.base import Storage
from serve_apps.schema import OrderResult, OrderSpec, ShotResult
from serve_apps.shots import shot_key, shot_result, shots
from studio.recipes.base import Cards
from studio.shot import Done, Outcome, Shot

REMEMBER_S = 60.0
"""How long a found image is taken to be still in the store."""
_MOST = 4096


class Hits:
    """Looks orders up in the store by the keys of their shots. Thread-safe; remembers what it found for a while."""

    def __init__(self, storage: Storage, cards: Cards) -> None:
        self._storage, self.cards = storage, cards
        self._known: OrderedDict[str, tuple[float, Done]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, spec: OrderSpec) -> OrderResult | None:
        """The result of an order when every image was made before and is released under today's limits; else None: there is
        something to make, to judge or to try otherwise. Raises StorageError and UnknownModel.
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

    def knows(self, shot: Shot) -> bool:
        """Whether the image is in the store and released."""
        return self._done(shot_key(shot, self.cards), shot) is not None

    def _done(self, key: str, shot: Shot) -> Done | None:
        with self._lock:
            known = self._known.get(key)
        if known and known[0] > time.monotonic():
            # Limits are no part of the key: what one template releases another may not.
            outcome: Outcome | None = judged(shot, known[1].asset, known[1].report)
            return outcome if isinstance(outcome, Done) else None
        outcome = load_outcome(self._storage, key, shot)
        if not isinstance(outcome, Done):
            return None
        with self._lock:
            self._known[key] = (time.monotonic() + REMEMBER_S, outcome)
            self._known.move_to_end(key)
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        return outcome
