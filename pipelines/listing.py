"""A product page's pictures: the whole set made, named as the shop wants, held against its rules, reported and packed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from cluster.engine import fetcher, host_threads, open_renderer, registry, storage
from cluster.settings import Settings
from connectors.names import safe_name
from connectors.sources.mapping import load_mapping
from connectors.sources.registry import open_source
from pipelines.listing_files import Entry, packed, spin_files, write_set
from pipelines.listing_rules import Set, held
from pipelines.relatives import CatalogueRelatives
from studio.briefs.listing_set import Frame, ListingSetBrief
from studio.errors import MissingInput, PackshotError, RowError, TemplateError
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.product import Product, ProductImage
from studio.recipes.listing_set import expanded
from studio.setups import Setup, fitting
from studio.shot import Failed, Outcome, Shot
from studio.template import Template
from templates.library import Library
from templates.shotlist import ShotList

THREADS = 2


@dataclass(frozen=True, slots=True)
class Order:
    """What to make: every product of a catalogue, or those named by SKU, with one listing template."""

    catalog: str
    template: str
    out: Path
    skus: tuple[str, ...] = ()
    limit: int = 0
    mapping: Path | None = None
    format: str = ""
    zipped: bool = False


@dataclass(slots=True)
class Listing:
    """One product's set. `problem` says why there is none."""

    product: Product
    entries: list[Entry] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    rules: Set | None = None
    problem: str = ""
    files: tuple[Path, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every picture was released and every rule of the shop holds."""
        return not self.problem and self.rules is not None and self.rules.passed


class Desk:
    """Makes listings one after the other, in this process; what the store has already is not made again."""

    def __init__(self, settings: Settings, order: Order) -> None:
        self._order, self._store, self._fetch = order, storage(settings), fetcher(settings)
        self._library = Library.default(extra=settings.template_folders, fonts=settings.weights_folder)
        self._mapping = load_mapping(order.mapping) if order.mapping else None
        self._shotlist = ShotList(self._library, CatalogueRelatives(self._rows))
        self._models = LocalModels(registry(settings))
        self._renderer = open_renderer(settings, self._models)
        for digest, data in self._library.assets():
            if not self._store.has_blob(digest):
                self._store.put_blob(data)

    def _rows(self) -> Iterable[Product | RowError]:
        return open_source(self._order.catalog, mapping=self._mapping, format=self._order.format or None)

    def listings(self) -> Iterator[Listing | RowError]:
        """One for each product that the template is for; broken rows as they are. Raises UnknownTemplate and TemplateError."""
        template = self._library.template(self._order.template)
        if not isinstance(template.brief, ListingSetBrief):
            raise TemplateError(f"{template.key} is no listing set: its brief is of another kind")
        with asyncio.Runner() as runner:
            yield from islice(self._of(template, runner), self._order.limit or None)

    def _of(self, template: Template, runner: asyncio.Runner) -> Iterator[Listing | RowError]:
        for row in self._rows():
            if isinstance(row, RowError):
                yield row
            elif not self._order.skus or row.sku in self._order.skus:
                look = self._library.for_product(template, row)
                if fitting(row, look):
                    yield self._listing(row, look, runner)

    def _listing(self, product: Product, template: Template, runner: asyncio.Runner) -> Listing:
        found = Listing(product)
        try:
            plan = expanded(product, template, self._shotlist)
            found.left_out = plan.left_out
            shots = [(frame, shot) for frame, setup in plan.pictures for shot in self._shots(product, template, setup)]
            outcomes = runner.run(self._render([shot for _, shot in shots]))
        except PackshotError as error:
            found.problem = f"{error.message} ({error.code})"
            return found
        self._pack(found, template, shots, outcomes)
        return found

    def _shots(self, product: Product, template: Template, setup: Setup) -> Iterator[Shot]:
        yield from self._shotlist.shots(product, template, setup.with_photos(self._known))

    def _known(self, image: ProductImage) -> ProductImage:
        return image.model_copy(update={"digest": digest_bytes(self._fetch.read(image.uri))})

    async def _render(self, shots: Sequence[Shot]) -> list[Outcome]:
        host_threads(THREADS)
        return await self._renderer.render(shots)

    def _pack(self, found: Listing, template: Template, shots: Sequence[tuple[Frame, Shot]], outcomes: Sequence[Outcome]) -> None:
        """Write what was released, hold it against the rules, zip it."""
        brief = template.brief
        assert isinstance(brief, ListingSetBrief)
        place = self._library.destination(template.outputs[0])
        folder = self._order.out / safe_name(found.product.sku)
        for (frame, shot), outcome in zip(shots, outcomes, strict=True):
            if _lacking(frame, outcome):
                assert isinstance(outcome, Failed)
                found.left_out.setdefault(frame.name, outcome.message)
            else:
                found.entries.append(Entry(frame, shot, outcome))
        write_set(found.product, found.entries, place, folder, self._store.get_blob, brief.language)
        found.rules = held(found.product, found.entries, place, self._library.destination, self._models)
        written = [entry.path for entry in found.entries if entry.path is not None]
        found.files = (*written, *spin_files(found.entries, folder))
        if self._order.zipped and written:
            packed(found.files, folder.with_name(folder.name + ".zip"))


def _lacking(frame: Frame, outcome: Outcome) -> bool:
    """Whether an optional picture could not be made for want of input."""
    return frame.optional and isinstance(outcome, Failed) and outcome.code == MissingInput.code
