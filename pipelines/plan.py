"""`plan`: what would be made, and why, before anything is spent. An unchanged catalogue is planned without opening an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice

from pydantic import Field

from connectors.database import batched
from connectors.fetch import Fetcher
from connectors.records import ImageRecord, PlanRecord, Records, ShotRecord
from connectors.sources.base import Draft
from connectors.storage.base import BLOB
from pipelines.choosing import Desk, Served, Wanted
from pipelines.plan_memory import Judged, Memory, Page, stamps
from pipelines.relatives import Asked
from studio.destination import Destination
from studio.errors import MissingInput, PackshotError, RowError, retryable_codes
from studio.keys import digest_bytes, digest_of
from studio.models.base import ModelCard
from studio.product import Frozen, Product
from studio.qa import policy
from studio.recipes.base import KeyLine, Look
from studio.recipes.catalogue import recipe
from studio.shot import Shot
from studio.template import Template
from templates.shotlist import ShotList, shot_of

PAGE = 256
"""Rows that are planned together."""
SIGHT = 4 * PAGE
"""Rows that are compared with earlier plans together."""
REASONS = ("image", "attribute", "template", "model", "code", "policy")


class Planned(Frozen):
    """One shot to make: its key, why it is due, what its key is made of, and the model calls it may need."""

    shot: Shot
    key: str
    why: str
    parts: dict[str, str]
    because: str = ""
    """Why the product got this template, where a rule chose it."""
    calls: dict[str, int] = Field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """What planning saw besides the shots that are due."""

    products: int = 0
    unchanged: Counter[str] = field(default_factory=Counter)
    """Shots that are up to date, by their status."""
    unmatched: int = 0
    """Products for which no template has a fitting photo."""
    why: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    images_read: int = 0
    problems: list[PackshotError] = field(default_factory=list)
    """Broken rows and unreadable images; the run goes on without them."""
    rules: Counter[str] = field(default_factory=Counter)
    """Products by the rule that chose their templates."""
    missing: list[ShotRecord] = field(default_factory=list)
    """Released earlier and unchanged, and not where they were published."""


@dataclass(slots=True)
class Case:
    """A row on its way through the plan: its product, the looks it gets and its shots so far."""

    draft: Draft
    product: Product
    served: Served
    steady: bool
    shots: list[Judged] = field(default_factory=list)

    @property
    def photos(self) -> list[str]:
        """Addresses of the photos that are looked at, each once."""
        every = (photo.uri for look in self.served.looks for setup in look.setups for photo in setup.photos)
        return list(dict.fromkeys(every))


class Planner:
    """Compares a catalogue with the records of earlier runs."""

    def __init__(
        self,
        shotlist: ShotList,
        records: Records,
        fetch: Fetcher,
        card: Callable[[str], ModelCard],
        missing: Callable[[str], bool] = lambda _: False,
        world: str = "",
    ) -> None:
        """`missing` says of the path of a released shot whether its file has gone; `world` is the digest of all that plans follow
        from beside rows and photos: without one, every row is planned anew."""
        self._asked = Asked(shotlist.relatives)
        self._shotlist = replace(shotlist, relatives=self._asked)
        self._records, self._fetch, self._card, self._missing = records, fetch, card, missing
        self._memory = Memory(records, fetch, world, missing) if world else None
        self._lines: dict[tuple[str, str, str], tuple[KeyLine, str]] = {}
        self._looks: dict[tuple[str, str, tuple[str, ...]], list[tuple[Destination, Template]]] = {}

    def plan(
        self,
        catalog: str,
        rows: Iterable[Draft | RowError],
        templates: Sequence[str],
        tally: Tally,
        *,
        force: bool = False,
        retry_failed: bool = False,
        limit: int = 0,
    ) -> Iterator[Planned]:
        """Every shot that is due. `tally` is filled on the way; `limit` stops after that many due shots (0: no limit)."""
        desk = Desk(self._shotlist, templates, tally.rules, tally.problems)
        planned = (
            item
            for page in self._pages(catalog, rows, tally, force=force)
            for item in self._of_page(catalog, page, desk, tally, force=force, retry_failed=retry_failed)
        )
        for due, item in enumerate(planned, start=1):
            tally.why[item.why] += 1
            tally.calls.update(item.calls)
            yield item
            if limit and due >= limit:
                return

    def _pages(self, catalog: str, rows: Iterable[Draft | RowError], tally: Tally, *, force: bool) -> Iterator[Page]:
        """The rows that are to be planned; the others are counted."""
        rest = iter(rows)
        while some := list(islice(rest, SIGHT)):
            seen = Page(some) if force or self._memory is None else self._memory.sorted(catalog, some)
            tally.products += len(seen.passed)
            tally.unmatched += sum(not known.shots for known in seen.passed)
            tally.unchanged.update(seen.unchanged)
            tally.rules.update(known.rule for known in seen.passed if known.rule)
            yield from (replace(seen, rows=part) for part in batched(seen.rows, PAGE))

    def _of_page(
        self, catalog: str, page: Page, desk: Desk, tally: Tally, *, force: bool, retry_failed: bool
    ) -> Iterator[Planned]:
        """Every shot of some rows that is due."""
        cases = list(self._cases(page.rows, desk, tally))
        digests = self._digests(cases, page, tally)
        shots = {shot.id: (shot, because, case) for case in cases for shot, because in self._shots(case, digests, tally)}
        known = self._records.shots_of(catalog, shots)
        for name, (shot, because, case) in shots.items():
            try:
                key, rules = self._judged(shot)
                planned = self._due(shot, key, rules, known.get(name), force=force, retry_failed=retry_failed, tally=tally)
            except MissingInput as error:
                tally.problems.append(error)
                case.steady = False
                continue
            case.shots.append(Judged(name, key, rules))
            if planned is not None:
                yield planned.model_copy(update={"because": because}) if because else planned
        if self._memory is not None:
            self._memory.keep(catalog, page, self._remembered(cases, page, self._memory))

    def _remembered(self, cases: Sequence[Case], page: Page, memory: Memory) -> Iterator[PlanRecord]:
        """What is remembered of rows whose plan follows from nothing but themselves, their photos and the world."""
        for case in cases:
            record = memory.record(case.draft, page.stamps, case.photos, case.shots) if case.steady else None
            if record is not None and (case.shots or not any(look.setups for look in case.served.looks)):
                yield record._replace(rule=case.served.rule)

    def _cases(self, rows: Iterable[Draft | RowError], desk: Desk, tally: Tally) -> Iterator[Case]:
        for row in rows:
            if isinstance(row, RowError):
                tally.problems.append(row)
                continue
            product = row.make()
            if isinstance(product, RowError):
                tally.problems.append(product)
                continue
            tally.products += 1
            before = self._asked.count
            served = desk.served(product)
            yield Case(row, product, served, steady=served.steady and self._asked.count == before)

    def _digests(self, cases: Sequence[Case], page: Page, tally: Tally) -> Mapping[str, str]:
        """Digest by URI. An image whose stamp (size and time, or ETag) is known is not opened; one in our store names its own.
        The page gets the stamps."""
        every = {uri: None for case in cases for uri in case.photos}
        digests = {uri: uri.removeprefix(BLOB) for uri in every if uri.startswith(BLOB)}
        page.stamps |= stamps(self._fetch, [uri for uri in every if uri not in page.stamps])
        wanted = [uri for uri in every if uri not in digests]
        current, records = page.stamps, self._records.images(wanted)
        unread: list[str] = []
        for uri in wanted:
            record, stamp = records.get(uri), current.get(uri, "")
            if record and stamp and record.stamp == stamp:
                digests[uri] = record.digest
            else:
                unread.append(uri)
        fresh = self._read(unread, tally)
        digests.update(fresh)
        self._records.remember_images([ImageRecord(uri, current.get(uri, ""), digest) for uri, digest in fresh.items()])
        return digests

    def _read(self, uris: Sequence[str], tally: Tally) -> dict[str, str]:
        if not uris:
            return {}
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(self._digest, uris))
        tally.images_read += len(uris)
        tally.problems += [result for result in results if isinstance(result, PackshotError)]
        return {uri: result for uri, result in zip(uris, results, strict=True) if isinstance(result, str)}

    def _digest(self, uri: str) -> str | PackshotError:
        try:
            return digest_bytes(self._fetch.read(uri))
        except PackshotError as error:
            return type(error)(f"{uri}: {error.message}") if uri not in error.message else error

    def _shots(self, case: Case, digests: Mapping[str, str], tally: Tally) -> Iterator[tuple[Shot, str]]:
        looks: Sequence[Wanted] = case.served.looks
        tally.unmatched += not any(look.setups for look in looks)
        for look in looks:
            for setup in look.setups:
                if any(image.uri not in digests for image in setup.photos):
                    case.steady = False
                    continue
                known = setup.with_photos(lambda image: image.model_copy(update={"digest": digests[image.uri]}))
                for place, template in self._places(setup.template or look.template, setup.outputs):
                    yield shot_of(look.product, template, place, known), look.because

    def _places(self, template: Template, outputs: tuple[str, ...]) -> Sequence[tuple[Destination, Template]]:
        """A look's destinations, with the look as it is there; worked out once."""
        look = template.key, _told(template), outputs
        if look not in self._looks:
            self._looks[look] = self._shotlist.places(template, outputs)
        return self._looks[look]

    def _judged(self, shot: Shot) -> tuple[str, str]:
        """The shot's key, and the digest of the limits that it is judged by."""
        line, rules = self._line(shot.template, shot.destination)
        return line.key(shot), rules

    def _due(
        self, shot: Shot, key: str, rules: str, record: ShotRecord | None, *, force: bool, retry_failed: bool, tally: Tally
    ) -> Planned | None:
        why = _why(record, key, rules, force=force, retry_failed=retry_failed)
        if record is not None and not why:
            tally.unchanged[record.status] += 1
            if record.status == "released" and self._missing(record.path):
                tally.missing.append(record)
            return None
        chosen = recipe(shot.template.recipe)
        parts = {**chosen.parts(shot, self._card), "policy": rules}
        if why == "changed" and record is not None:
            why = next((name for name in REASONS if record.parts.get(name) != parts[name]), "code")
        calls = {} if why == "policy" else {name: 1 for names in chosen.models(shot).values() for name in names}
        return Planned(shot=shot, key=key, why=why, parts=parts, calls=calls)

    def _line(self, template: Template, destination: Destination) -> tuple[KeyLine, str]:
        """Keys of a template's shots at a destination, and the digest of the limits that hold there; worked out once."""
        place = (template.key, _told(template), destination.id)
        if place not in self._lines:
            line = KeyLine(recipe(template.recipe), Look(template, destination), self._card)
            self._lines[place] = (line, digest_of(policy.limits(template, destination)))
        return self._lines[place]


def _told(template: Template) -> str:
    """Digest of the brief: a studio may narrow it for a product or a variant."""
    return "" if template.brief is None else digest_of(template.brief)


def _why(record: ShotRecord | None, key: str, rules: str, *, force: bool, retry_failed: bool) -> str:
    if record is None:
        return "new"
    if force:
        return "forced"
    if record.key != key or record.parts.get("policy") != rules:
        return "changed"
    if record.status == "failed" and (retry_failed or record.reason in retryable_codes()):
        return "failed before"
    return ""
