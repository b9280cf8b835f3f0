"""`Reconciliation`: the source, what we took of it, what we published and what galleries show, held against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.differences import differences
from connectors.findings import Finding, Kind
from connectors.online.ids import new_id
from connectors.publications import GalleryRecord, Publications
from connectors.sync import visible, without_ours
from connectors.sync_state import Seen, SyncState
from connectors.vendors.base import Gallery, Listing
from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor
from studio.errors import ProductGone, RowError, VendorRefused

_MISSED = (Kind.MISSED, Kind.UNKNOWN, Kind.RETURNED)
IDLE = timedelta(hours=1)
"""A product that has been due for longer is nobody's: no service works on it."""


@dataclass(slots=True)
class Checked:
    """What was looked at, and what it took: `gallery_reads` and `lookups` are calls beyond the source's pages."""

    pages: int = 0
    products: int = 0
    published: int = 0
    under_way: int = 0
    """Products that wait or are being made: nothing is said about them."""
    gallery_reads: int = 0
    lookups: int = 0


@dataclass(frozen=True, slots=True)
class Walls:
    """Where galleries hang. `name` is the connection that they are recorded under, `at` is "" where that is the source's own."""

    name: str
    people: str
    gallery: Gallery | None
    at: str = ""


class Reconciliation:
    """Of one connection. Nothing changes there or here. `drift` says why what is live on a product is not what would be
    made now, "" where it is; None asks nobody. `target`: the connection that its pictures go to, and that one's galleries.

    Calls: every page of the source once, one look for each product that seems deleted, and one reading of each gallery that
    does not look right in its page, and of each at the target.
    """

    def __init__(
        self,
        connection: Connection,
        vendor: Vendor,
        state: SyncState,
        publications: Publications,
        *,
        drift: Callable[[Seen, GalleryRecord], str] | None = None,
        target: tuple[Connection, Gallery | None] | None = None,
    ) -> None:
        self._connection, self._vendor, self._name = connection, vendor, connection.name
        self._state, self._publications, self._drift = state, publications, drift
        self._own = Walls(connection.name, connection.people, vendor.gallery)
        elsewhere = target is not None and target[0].name != connection.name
        self._other = Walls(target[0].name, target[0].people, target[1], at=target[0].name) if target and elsewhere else None
        self.checked = Checked()

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong, as it is found. Raises VendorUnavailable and VendorDenied: then the rest is not known."""
        self.checked = Checked()
        idle = datetime.now(UTC) - IDLE
        waiting = {one.ref for one in self._state.all_waiting(self._name) if one.due > idle}
        met: set[str] = set()
        gone: set[str] = set()
        missed: set[str] = set()
        for listings, problems in self._pages():
            met |= {listing.ref for listing in listings}
            yield from problems
            for finding in self._page(listings, waiting):
                missed |= {finding.ref} if finding.kind in _MISSED else set()
                yield finding
        if self._vendor.source is not None:
            yield from self._not_met(met, waiting, gone)
        yield from self._recorded(met, gone)
        if self._other is not None:
            yield from self._elsewhere(self._other, waiting | gone, missed)

    def _pages(self) -> Iterator[tuple[list[Listing], list[Finding]]]:
        for page in self._vendor.source.pages("") if self._vendor.source else ():
            self.checked.pages += 1
            listings = [item for item in page.listings if isinstance(item, Listing)]
            self.checked.products += len(listings)
            broken = [item for item in page.listings if isinstance(item, RowError)]
            yield listings, [Finding(Kind.UNREADABLE, "", "", str(error)) for error in broken]

    def _page(self, listings: Sequence[Listing], waiting: set[str]) -> Iterator[Finding]:
        refs = [listing.ref for listing in listings]
        before = self._state.of_refs(self._name, refs)
        ours = self._state.published_ids(self._name, refs)
        for listing in listings:
            seen = before.get(listing.ref)
            missed = self._missed(listing, seen, ours.get(listing.ref, frozenset()), waiting)
            yield from missed
            if listing.ref in ours:
                yield from self._published(listing, None if missed else seen)
            elif any(picture.mark for picture in listing.pictures):
                detail = f"{sum(bool(picture.mark) for picture in listing.pictures)} pictures of ours, and no record of them"
                yield Finding(Kind.UNRECORDED, listing.ref, listing.product.sku, detail)

    def _missed(self, listing: Listing, seen: Seen | None, ours: frozenset[str], waiting: set[str]) -> list[Finding]:
        ref, sku = listing.ref, listing.product.sku
        if ref in waiting or (seen is not None and not seen.gone and not seen.digest):
            self.checked.under_way += 1
            return []
        if seen is None:
            return [Finding(Kind.UNKNOWN, ref, sku, f"changed at {_time(listing.updated)}, never taken")]
        if seen.gone:
            return [Finding(Kind.RETURNED, ref, sku, f"changed at {_time(listing.updated)}, taken to be gone")]
        product = without_ours(listing, ours)
        if listing.product.images and not product.images:
            product = product.model_copy(update={"images": seen.product.images})
        if visible(product) == seen.digest:
            return []
        return [Finding(Kind.MISSED, ref, sku, f"changed at {_time(listing.updated)}, taken at {_time(seen.updated)}")]

    def _published(self, listing: Listing, seen: Seen | None) -> Iterator[Finding]:
        """`seen` None: the product itself has changed, so what is live is old anyway."""
        record = self._publications.get(self._name, listing.ref)
        if record is None:
            return
        self.checked.published += 1
        if record.state == "pending":
            yield from self._pending(record, self._own)
            return
        if not record.live:
            return
        if not listing.pictures or differences(record, listing.pictures, self._own.people):
            yield from self._gallery(record, self._own)
        yield from self._drifted(seen, record)

    def _drifted(self, seen: Seen | None, record: GalleryRecord) -> Iterator[Finding]:
        if self._drift is not None and seen is not None and seen.digest and (why := self._drift(seen, record)):
            yield Finding(Kind.DRIFTED, seen.ref, record.sku, why)

    def _elsewhere(self, other: Walls, passed: set[str], missed: set[str]) -> Iterator[Finding]:
        """What the connection shows that our pictures go to, there by SKU. Products that are gone at the source are passed over:
        what becomes of their pictures is a person's to say. So are others' products."""
        mine = {seen.sku: seen.ref for seen in self._state.all_seen(self._name) if seen.digest and seen.ref not in passed}
        for record in self._publications.of_connection(other.name):
            if record.sku not in mine:
                continue
            self.checked.published += 1
            if record.state == "pending":
                yield from self._pending(record, other)
            elif record.live:
                yield from self._gallery(record, other)
                ref = mine[record.sku]
                yield from self._drifted(None if ref in missed else self._state.seen(self._name, ref), record)

    def _not_met(self, met: set[str], waiting: set[str], gone: set[str]) -> Iterator[Finding]:
        """Believed to be deleted only when the vendor says so of each."""
        for seen in self._state.all_seen(self._name):
            if seen.ref in met or seen.ref in waiting:
                continue
            if self._is_gone(seen.ref):
                gone.add(seen.ref)
                yield Finding(Kind.DELETED, seen.ref, seen.sku, f"taken at {_time(seen.updated)}")

    def _is_gone(self, ref: str) -> bool:
        assert self._vendor.source is not None
        self.checked.lookups += 1
        try:
            return self._vendor.source.listing(ref) is None
        except (RowError, VendorRefused):
            return False

    def _recorded(self, met: set[str], gone: set[str]) -> Iterator[Finding]:
        """Publications to products that no page showed."""
        for record in self._publications.of_connection(self._name):
            if record.ref in met:
                continue
            self.checked.published += 1
            if record.ref in gone:
                if record.live or record.state == "pending":
                    yield Finding(Kind.ORPHANED, record.ref, record.sku, f"{len(record.live)} pictures were live")
            elif record.state == "pending":
                yield from self._pending(record, self._own)
            elif record.live:
                yield from self._gallery(record, self._own)

    def _pending(self, record: GalleryRecord, walls: Walls) -> Iterator[Finding]:
        """Whoever publishes holds the gallery; a hold that can be had is nobody's."""
        if not self._publications.claim(walls.name, record.ref, record.sku, new_id("rec"), 0.0):
            self.checked.under_way += 1
            return
        last = next(iter(self._publications.history(walls.name, record.ref)), None)
        if last is not None and last.outcome == "failed" and last.items == record.wanted:
            yield Finding(Kind.REFUSED, record.ref, record.sku, last.detail, walls.at)
            return
        detail = f"{len(record.wanted)} pictures were to be published, {len(record.ids)} had been sent"
        yield Finding(Kind.STUCK, record.ref, record.sku, detail, walls.at)

    def _gallery(self, record: GalleryRecord, walls: Walls) -> Iterator[Finding]:
        if walls.gallery is None:
            return
        self.checked.gallery_reads += 1
        try:
            shown = walls.gallery.read(record.ref)
        except ProductGone:
            yield Finding(Kind.ORPHANED, record.ref, record.sku, f"{len(record.live)} pictures were live", walls.at)
            return
        except VendorRefused as error:
            yield Finding(Kind.UNREADABLE, record.ref, record.sku, error.message, walls.at)
            return
        for kind, detail in differences(record, shown, walls.people):
            yield Finding(kind, record.ref, record.sku, detail, walls.at)


def _time(value: object) -> str:
    return str(value) if value else "an unknown time"
