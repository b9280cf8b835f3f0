"""Which actions of the store were made from a subject's photos, and which blobs nobody else names."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from connectors.erasure.subject import HEX, digests_in, photos_in, sources_in
from connectors.storage.inventory import Inventory


@dataclass(slots=True)
class Traces:
    """What a subject's records name. `sources`: small pictures of photos that are in its shots; `own`: of photos that are erased
    themselves, so that every shot made from them goes. `claimed`: what records of others name."""

    digests: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)
    claimed: set[str] = field(default_factory=set)
    uris: set[str] = field(default_factory=set)
    photos: dict[str, str] = field(default_factory=dict)
    """Address by digest, of photos that its records name."""

    def take(self, value: Any) -> None:
        """Remember what a record of the subject's names."""
        self.digests |= digests_in(value)
        self.sources.update(sources_in(value))
        for uri, digest in photos_in(value):
            self.uris.add(uri)
            if digest:
                self.photos[digest] = uri


@dataclass(frozen=True, slots=True)
class Doomed:
    """What goes from the store."""

    actions: tuple[str, ...]
    unsigned: int
    """Of those, how many are kept answers that do not say whose photo they are of: all of these go, and are made again when
    somebody needs them."""
    blobs: tuple[str, ...]
    digests: frozenset[str] = frozenset()
    """Of everything that only the subject's records name, blobs that went in an earlier call included."""


def doomed(store: Inventory, traces: Traces, *, keep: Collection[str] = ()) -> Doomed:
    """Actions and blobs that go. `keep`: blobs of the library. The store is read twice, so that no list of it need fit in memory.

    A shot goes by its key, unless a record of somebody else names the same key. The result of a step goes by the small picture of
    its photo, which lies beside it. What names no photo at all - an enlargement, lettering that was read - goes too: it is a
    memory of work, and may hold pixels of the photo. A signed copy (`of`) goes with its picture.
    """
    free = traces.sources - traces.claimed | traces.own
    going: dict[str, None] = {}
    candidates, unsigned = set(traces.digests), 0
    for key, value in store.actions():
        told = _told(value)
        if not (_goes(key, told, traces, free) if isinstance(told, dict) else HEX.fullmatch(value.decode(errors="replace"))):
            continue
        going[key] = None
        unsigned += not isinstance(told, dict)
        candidates |= digests_in(told if isinstance(told, dict) else value.decode(errors="replace"))
    claimed = traces.claimed | set(keep)
    for key, value in store.actions():
        if key not in going:
            claimed |= digests_in(value.decode(errors="replace")) & candidates
    alone = frozenset(candidates - claimed)
    return Doomed(tuple(going), unsigned, tuple(_there(store, alone)), alone)


def _goes(key: str, told: dict[str, Any], traces: Traces, free: Collection[str]) -> bool:
    sources = set(sources_in(told))
    if "of" in told:
        return told["of"] in traces.digests and told["of"] not in traces.claimed
    if "blob" in told:
        return not sources or bool(sources & set(free))
    if key in traces.keys:
        return key not in traces.claimed
    return bool(sources & traces.own) and key not in traces.claimed


def _told(value: bytes) -> Any:
    """An action of a step or a shot as a dict; kept answers are bare digests."""
    try:
        return json.loads(value)
    except ValueError:
        return None


def _there(store: Inventory, digests: Collection[str]) -> Iterable[str]:
    return sorted(digest for digest in store.blobs() if digest in digests) if digests else ()
