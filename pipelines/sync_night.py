"""The products of a connection as the nightly job's catalogue, and what it has finished of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cluster.connections import Opened
from cluster.settings import Settings
from connectors.records import ShotRecord
from connectors.sets import Finished
from connectors.sync import in_store
from pipelines.executors import Mode
from pipelines.ingest import Publisher
from pipelines.nightly import Night, Request, Rows, Watcher
from pipelines.plan import Tally
from studio.errors import RowError, UnknownTemplate
from studio.product import Product
from templates.library import Library


@dataclass(slots=True)
class Made:
    """What there is of a connection's products. `unfinished` are SKUs of which something may still be made by another run."""

    library: Library
    released: dict[str, list[ShotRecord]] = field(default_factory=lambda: defaultdict(list))
    unfinished: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


class ConnectionNight(Night):
    """A run over products of a connection. `rows` gives them anew at each call; a SKU that comes again is an error there."""

    def __init__(
        self,
        settings: Settings,
        opened: Opened,
        rows: Callable[[], Iterable[Product]],
        watcher: Watcher,
        mode: Mode,
        *,
        retry: bool,
    ) -> None:
        connection = opened.connection
        request = Request(f"connection:{connection.name}", connection.templates, mode=mode, retry_failed=retry)
        super().__init__(settings, request, watcher)
        self._opened, self._wanted = opened, rows

    def made(self) -> Made:
        """What is released of every product now. Nothing is rendered, and no photo that we keep is read."""
        tally, made = Tally(), Made(self._library)
        self._publisher = _Unplaced(self._storage, None)
        made.unfinished = {item.shot.product.sku for item in self.plan(tally)}
        for record in tally.missing:
            made.released[record.shot_id.rsplit("/", 3)[0]].append(record)
        made.problems = [str(problem) for problem in tally.problems]
        return made

    def _catalogue(self) -> tuple[Rows, Callable[[], Rows]]:
        return _once(self._wanted()), self._family

    def _family(self) -> Iterator[Product]:
        """What is wanted, then everything else that the connection has, for bundles and variants."""
        told = set()
        for product in self._wanted():
            told.add(product.sku)
            yield product
        for seen in self._opened.state.all_seen(self._opened.connection.name):
            if seen.sku not in told:
                yield in_store(seen.product)


class _Unplaced(Publisher):
    """Says of every released shot that it is not in its place, so that a plan names them all."""

    def lacks(self, path: str) -> bool:
        return True


def finished(records: Sequence[ShotRecord], library: Library) -> list[Finished]:
    """Released shots as pictures of a set, in the order in which they were planned. Those of looks that are gone are left out."""
    found = []
    for record in records:
        _, template_id, destination_id, slot = record.shot_id.rsplit("/", 3)
        try:
            template, destination = library.template(template_id), library.destination(destination_id)
        except UnknownTemplate:
            continue
        found.append(Finished(template, destination, slot, record.digest, record.media_type))
    return found


def _once(products: Iterable[Product]) -> Iterator[Product | RowError]:
    told: set[str] = set()
    for number, product in enumerate(products, start=1):
        if product.sku in told:
            yield RowError(f"SKU {product.sku!r} is there twice; only the first is made", file="products", line=number)
            continue
        told.add(product.sku)
        yield product
