"""A connection brought up to date: what changed there is read, made by the nightly job, published, and only then remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from cluster.connections import Opened, open_connection
from cluster.settings import Settings
from connectors.publisher import Published
from connectors.sync import Looked, Sync, in_store, visible
from connectors.sync_state import Seen
from connectors.vendors.base import Listing
from pipelines.executors import Mode
from pipelines.nightly import ENDS, Summary, Watcher
from pipelines.sync_night import ConnectionNight, Made, finished
from studio.errors import Conflict, FetchError, NotFound, PackshotError, ProductGone, VendorDenied, VendorError
from studio.product import Product

PUBLISHERS = 4
"""Products published at a time; how fast a vendor is called is kept by its pace."""
PAGE = 256
SHOWN = 100
"""Problems that a report names."""


@dataclass(slots=True)
class SyncReport:
    """What became of a sync. `held_back`: products of which no picture is released. `outcomes` counts sets."""

    connection: str
    pages: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    held_back: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    pictures: int = 0
    wrote: int = 0
    night: Summary | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0: everything is published; 3: something is held back or went wrong, the next sync takes it up; 4: a budget is spent;
        130: stopped."""
        if self.night is not None and self.night.state in ENDS:
            return ENDS[self.night.state]
        return 3 if self.held_back or self.problems else 0


class Shop:
    """One connection on the command line."""

    def __init__(self, settings: Settings, name: str, watcher: Watcher, *, mode: Mode = "serve") -> None:
        self._settings, self._watch, self._mode = settings, watcher, mode
        self.opened: Opened = open_connection(settings, name)
        self._sync = self.opened.sync
        self.report = SyncReport(name)

    def look(self, *, full: bool = False) -> SyncReport:
        """What a sync would take. Nothing is remembered, no photo read."""
        opened = self.opened
        for pulled in Sync(opened.connection, opened.vendor, opened.state, opened.publications).pull(full=full, keep=False):
            self._count(len(pulled.changed), pulled.unchanged, len(pulled.gone), pulled.problems)
        return self.report

    def sync(self, *, full: bool = False, retry: bool = False) -> SyncReport:
        """Read, make, publish. It may be stopped anywhere: the next one goes on. Raises VendorError's kinds, RunError."""
        self._watch.phase("reading products")
        for pulled in self._sync.pull(full=full):
            self._sync.promise(pulled.changed)
            self._sync.gone(pulled.gone)
            self._count(len(pulled.changed), pulled.unchanged, len(pulled.gone), pulled.problems)
        if next(iter(self.opened.state.promised(self.opened.connection.name)), None) is None:
            return self.report
        night = self._night(lambda: self._firsts(self._sync.promised()), retry=retry)
        self.report.night = night.run()
        if self.report.night.state == "done":
            self._publish_all(self._sync.promised(), night.made())
        return self.report

    def publish(self, skus: Sequence[str] = (), *, force: bool = False) -> SyncReport:
        """What is made already onto its products, those named or all. Nothing is rendered. Raises NotFound for an unknown SKU."""
        chosen = self._chosen(skus)
        made = self._night(lambda: self._firsts(chosen()), retry=False).made()
        self._publish_all(chosen(), made, force=force)
        return self.report

    def rollback(self, skus: Sequence[str]) -> SyncReport:
        """The sets that were live before. Raises NotFound for an unknown SKU."""
        publisher = self.opened.publisher
        for one in self._chosen(skus)():
            try:
                published = publisher.rollback(self.opened.place_of(one))
            except (VendorError, Conflict, NotFound) as error:
                self._problem(one, error)
                continue
            self._count_set(published, "rolled_back")
        return self.report

    def _night(self, rows: Callable[[], Iterable[Product]], *, retry: bool) -> ConnectionNight:
        return ConnectionNight(self._settings, self.opened, rows, self._watch, self._mode, retry=retry)

    def _count(self, changed: int, unchanged: int, gone: int, problems: Iterable[PackshotError]) -> None:
        report = self.report
        report.pages, report.changed = report.pages + 1, report.changed + changed
        report.unchanged, report.gone = report.unchanged + unchanged, report.gone + gone
        report.problems += [str(problem) for problem in problems]

    def _chosen(self, skus: Sequence[str]) -> Callable[[], Iterator[Looked]]:
        """Products as last taken, by SKU or all."""
        name, state = self.opened.connection.name, self.opened.state
        if not skus:
            return lambda: map(_looked, state.all_seen(name))
        found = [(sku, state.of_sku(name, sku)) for sku in dict.fromkeys(skus)]
        if missing := [sku for sku, seen in found if not seen]:
            raise NotFound(f"connection {name} has no product {', '.join(missing)}; `packshot sync {name}` reads what is there")
        return lambda: (_looked(one) for _, seen in found for one in seen)

    def _publish_all(self, products: Iterable[Looked], made: Made, *, force: bool = False) -> None:
        self._watch.phase("publishing")
        self.report.problems += made.problems
        rest = iter(products)
        with ThreadPoolExecutor(PUBLISHERS, thread_name_prefix="packshot-publish") as pool:
            while page := list(islice(rest, PAGE)):
                results = pool.map(lambda one: self._tried(one, made, force=force), page)
                for one, result in zip(page, results, strict=True):
                    if isinstance(result, VendorDenied):
                        raise result
                    self._problem(one, result) if isinstance(result, PackshotError) else self._published(result)

    def _tried(self, one: Looked, made: Made, *, force: bool) -> Published | PackshotError | None:
        """What became of one; None: nothing of it is released, or it is gone."""
        try:
            return self._publish(one, made, force=force)
        except ProductGone:
            self._sync.gone([one.listing.ref])
            return None
        except (VendorError, FetchError, Conflict, NotFound) as error:
            return error

    def _publish(self, one: Looked, made: Made, *, force: bool) -> Published | None:
        """Raises Conflict for a SKU that another product of the connection has, what `Opened.publish`
        raises. Where pictures go nowhere, they stay in the store."""
        ref, product = one.listing.ref, one.product
        if (first := self._first(one)) != ref:
            raise Conflict(f"SKU {product.sku} is also that of {first}; only that one is made")
        records = made.released.get(product.sku, [])
        if not records:
            return None
        published = self.opened.publish(one, finished(records, made.library), force=force) or Published("unchanged", ())
        if published.outcome == "stale":
            fresh = self._sync.look(ref)
            if fresh is None:
                self._sync.gone([ref])
            elif fresh.changed:
                self._sync.promise([fresh])
        elif product.sku not in made.unfinished:
            self._sync.accept([one])
        return published

    def _firsts(self, products: Iterable[Looked]) -> Iterator[Product]:
        return (one.product for one in products if self._first(one) == one.listing.ref)

    def _first(self, one: Looked) -> str:
        """Ref of the product that is made where several have the same SKU."""
        same = self.opened.state.of_sku(self.opened.connection.name, one.product.sku)
        return same[0].ref if same else one.listing.ref

    def _published(self, published: Published | None) -> None:
        if published is None:
            self.report.held_back += 1
            return
        self._count_set(published, published.outcome if self.opened.gallery else "made")

    def _count_set(self, published: Published, outcome: str) -> None:
        report = self.report
        report.outcomes[outcome] = report.outcomes.get(outcome, 0) + 1
        report.wrote, report.pictures = report.wrote + published.wrote, report.pictures + len(published.items)

    def _problem(self, one: Looked, error: PackshotError) -> None:
        self.report.problems.append(f"{one.product.sku} ({one.listing.ref}): {error.message} ({error.code})")


def _looked(seen: Seen) -> Looked:
    listing, digest = Listing(seen.ref, seen.product, (), seen.updated), seen.digest or visible(seen.product)
    return Looked(listing, in_store(seen.product), digest, changed=not seen.digest, kept=seen.product)
