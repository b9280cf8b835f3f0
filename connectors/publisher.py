"""A set of pictures onto a product: once, in order, never half a gallery, and taken up again after a crash anywhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import uuid4

from connectors.publications import GalleryRecord, Item, Publications
from connectors.vendors.base import Gallery, Picture, Placing, Shown
from studio.errors import Conflict, NotFound, VendorError, VendorRefused, VendorUnavailable
from studio.keys import digest_bytes

HOLD_S = 180.0
"""How long a gallery is one publisher's, from its last step on: longer than the slowest step takes, and how long others wait
after a publisher died."""
PAUSES_S = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Pauses before reading again what the vendor still works on, or does not show yet."""

People = Literal["after", "first", "hide"]


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a set. `wrote`: calls that changed something at the vendor."""

    outcome: Literal["live", "unchanged", "stale"]
    items: tuple[Item, ...]
    wrote: int = 0


class Publisher:
    """Publishes to one connection. `read_blob` gives an asset's bytes. Thread-safe."""

    def __init__(
        self,
        connection: str,
        gallery: Gallery,
        records: Publications,
        read_blob: Callable[[str], bytes],
        *,
        people: People = "after",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection, self._gallery, self._records, self._blob = connection, gallery, records, read_blob
        self._people: People = people
        self._sleep = sleep

    def publish(
        self, ref: str, sku: str, items: Sequence[Item], *, stamp: datetime | None = None, force: bool = False
    ) -> Published:
        """Make these the product's pictures of ours; none takes ours off. `stamp` is the source's time: what is older than
        what is live is `stale`. The same set again makes no call unless `force`.

        Raises Conflict while somebody else publishes there, ProductGone, VendorUnavailable (nothing visible has changed, or all
        of it; call again), VendorRefused (kept in the history; what was live stays).
        """
        wanted = tuple(item.wanted for item in items)
        known = self._records.get(self._connection, ref)
        if known is not None and not force and (settled := _settled(known, wanted, stamp)):
            return settled
        holder = uuid4().hex
        if not self._records.claim(self._connection, ref, sku, holder, HOLD_S):
            raise Conflict(f"{self._connection}: {sku} is being published by somebody else")
        try:
            record = self._records.get(self._connection, ref)
            assert record is not None
            if not force and (settled := _settled(record, wanted, stamp)):
                return settled
            self._records.intend(self._connection, ref, holder, wanted, stamp)
            return self._carry_out(record, holder, wanted, outcome="live")
        finally:
            self._records.release(self._connection, ref, holder)

    def rollback(self, ref: str) -> Published:
        """The set that was live before. Raises NotFound when there is none, and what `publish` raises."""
        record = self._records.get(self._connection, ref)
        lines = [line for line in self._records.history(self._connection, ref) if line.outcome != "failed"]
        now = tuple(item.wanted for item in record.live) if record else ()
        before = next((line for line in lines if tuple(item.wanted for item in line.items) != now), None)
        if record is None or before is None:
            raise NotFound(f"{self._connection}: {ref} has no earlier set")
        holder = uuid4().hex
        if not self._records.claim(self._connection, ref, record.sku, holder, HOLD_S):
            raise Conflict(f"{self._connection}: {record.sku} is being published by somebody else")
        try:
            wanted = tuple(item.wanted for item in before.items)
            self._records.intend(self._connection, ref, holder, wanted, record.stamp)
            return self._carry_out(record, holder, wanted, outcome="rolled_back")
        finally:
            self._records.release(self._connection, ref, holder)

    def _carry_out(self, record: GalleryRecord, holder: str, wanted: tuple[Item, ...], *, outcome: str) -> Published:
        work = _Work(self._gallery, record, wanted, self._people, self._picture, self._sleep)
        try:
            work.add_missing(lambda ids: self._uploaded(record, holder, ids))
            for step in (work.settle, work.arrange, work.clear, work.read_back):
                self._records.renew(record.connection, record.ref, holder, HOLD_S)
                step()
        except VendorUnavailable:
            raise
        except VendorError as error:
            self._records.failed(record, holder, wanted, error.message)
            raise
        items = tuple(item.model_copy(update={"id": work.ids[item.digest]}) for item in wanted)
        self._records.published(record, holder, items, outcome=outcome)
        return Published("live", items, work.wrote)

    def _uploaded(self, record: GalleryRecord, holder: str, ids: Mapping[str, str]) -> None:
        self._records.uploaded(record.connection, record.ref, holder, ids)
        self._records.renew(record.connection, record.ref, holder, HOLD_S)

    def _picture(self, item: Item) -> Picture:
        return Picture(
            digest=item.digest,
            media_type=item.media_type,
            name=item.name,
            data=lambda: self._blob(item.digest),
            alt=item.alt,
            types=item.types,
            variants=item.variants,
            details=item.details,
        )


class _Work:
    """One set on its way. Every step looks at what is there first, so that it may be repeated from the start."""

    def __init__(
        self,
        gallery: Gallery,
        record: GalleryRecord,
        wanted: Sequence[Item],
        people: People,
        picture: Callable[[Item], Picture],
        sleep: Callable[[float], None],
    ) -> None:
        self._gallery, self._ref, self._people, self._sleep = gallery, record.ref, people, sleep
        self._pictures = {item.digest: picture(item) for item in wanted}
        self._known = dict(record.ids)
        self.ids: dict[str, str] = {}
        self.wrote = 0

    def add_missing(self, remember: Callable[[Mapping[str, str]], None]) -> None:
        """Bring what is not there yet. An answer that was lost may hide a picture that was added: it is looked for first."""
        shown = self._gallery.read(self._ref)
        for digest, picture in self._pictures.items():
            found = self._found(shown, picture)
            if not found:
                found = self._add(picture)
            self.ids[digest] = self._known[digest] = found
            remember(dict(self._known))

    def settle(self) -> None:
        """Wait until the vendor has taken all of ours in. Raises VendorRefused for one that it does not want."""
        ours = {placed: self._pictures[digest].name for digest, placed in self.ids.items()}
        for pause in PAUSES_S:
            self._sleep(pause) if pause else None
            shown = [picture for picture in self._gallery.read(self._ref) if picture.id in ours]
            for picture in shown:
                if picture.problem:
                    raise VendorRefused(f"{ours[picture.id]}: {picture.problem}")
            if all(picture.ready for picture in shown):
                return
        raise VendorUnavailable(f"{self._ref}: the vendor still works on our pictures")

    def arrange(self) -> None:
        """The one call after which shoppers see the new gallery; left out where everything is as it should be."""
        shown = self._gallery.read(self._ref)
        if not self._right(shown):
            self._gallery.arrange(self._ref, self._order(shown))
            self.wrote += 1

    def clear(self) -> None:
        """Take off what was ours and is not any more, and second copies."""
        kept = set(self.ids.values())
        old = [picture.id for picture in self._gallery.read(self._ref) if self._is_ours(picture) and picture.id not in kept]
        if old:
            self._gallery.remove(self._ref, old)
            self.wrote += 1

    def read_back(self) -> None:
        """Raises VendorUnavailable when the gallery does not come to look as asked."""
        for pause in PAUSES_S:
            self._sleep(pause) if pause else None
            shown = self._gallery.read(self._ref)
            if self._right(shown) and not any(self._is_ours(p) and p.id not in self.ids.values() for p in shown):
                break
        else:
            raise VendorUnavailable(f"{self._ref}: the gallery does not look as it was asked to")
        digests = {placed: digest for digest, placed in self.ids.items()}
        for picture in shown:
            data = self._gallery.fetch(picture) if picture.id in digests else None
            if data is not None and digest_bytes(data) != digests[picture.id]:
                raise VendorUnavailable(f"{self._ref}: {picture.url} does not give the bytes that were sent")

    def _add(self, picture: Picture) -> str:
        try:
            found = self._gallery.add(self._ref, picture)
        except VendorUnavailable:
            found = self._found(self._gallery.read(self._ref), picture)
            if not found:
                raise
        self.wrote += 1
        return found

    def _found(self, shown: Sequence[Shown], picture: Picture) -> str:
        known = self._known.get(picture.digest, "")
        there = [other for other in shown if not other.problem]
        by_id = [other.id for other in there if other.id == known]
        by_mark = [other.id for other in there if other.mark == picture.mark]
        return (by_id or by_mark or [""])[0]

    def _is_ours(self, picture: Shown) -> bool:
        return bool(picture.mark) or picture.id in self._known.values()

    def _order(self, shown: Sequence[Shown]) -> list[Placing]:
        ours = [Placing(self.ids[digest], picture) for digest, picture in self._pictures.items()]
        theirs = [Placing(picture.id) for picture in shown if not self._is_ours(picture)]
        if self._people == "hide":
            return ours
        return [*theirs, *ours] if self._people == "first" else [*ours, *theirs]

    def _right(self, shown: Sequence[Shown]) -> bool:
        """Whether ours stand in their order, in their place beside people's, with their texts."""
        order = self._order(shown)
        named = {placing.id for placing in order}
        there = [picture for picture in shown if picture.id in named]
        if [picture.id for picture in there] != [placing.id for placing in order] or not all(p.placed for p in there):
            return False
        wanted = {placing.id: set(placing.picture.variants) for placing in order if placing.picture}
        if any(p.variants is not None and not wanted.get(p.id, set()) <= set(p.variants) for p in there):
            return False
        texts = {placing.id: placing.picture.alt for placing in order if placing.picture}
        return all(picture.alt is None or picture.alt == texts.get(picture.id, picture.alt) for picture in there)


def _settled(record: GalleryRecord, wanted: tuple[Item, ...], stamp: datetime | None) -> Published | None:
    """What there is to say without any call: nothing has changed, or the source moved on since."""
    if stamp is not None and record.stamp is not None and stamp < record.stamp:
        return Published("stale", record.live)
    if record.state == "live" and tuple(item.wanted for item in record.live) == wanted and record.live:
        return Published("unchanged", record.live)
    return None
