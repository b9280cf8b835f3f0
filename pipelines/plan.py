"""`plan`: what would be made, and why, before anything is spent. An unchanged catalogue is planned without opening an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from pydantic import Field

from connectors.fetch import Fetcher
from connectors.records import ImageRecord, Records, ShotRecord
from connectors.storage.base import BLOB
from pipelines.choosing import Desk, Wanted
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


class Planner:
    """Compares a catalogue with the records of earlier runs."""

    def __init__(
        self,
        shotlist: ShotList,
        records: Records,
        fetch: Fetcher,
        card: Callable[[str], ModelCard],
        missing: Callable[[ShotRecord], bool] = lambda _: False,
    ) -> None:
        """`missing` says of a released shot whether its published file has gone."""
        self._shotlist, self._records, self._fetch, self._card, self._missing = shotlist, records, fetch, card, missing
        self._lines: dict[tuple[str, str, str], tuple[KeyLine, str]] = {}
        self._looks: dict[tuple[str, str, tuple[str, ...]], list[tuple[Destination, Template]]] = {}

    def plan(
        self,
        catalog: str,
        rows: Iterable[Product | RowError],
        templates: Sequence[str],
        tally: Tally,
        *,
        force: bool = False,
        retry_failed: bool = False,
        limit: int = 0,
    ) -> Iterator[Planned]:
        """Every shot that is due. `tally` is filled on the way; `limit` stops after that many due shots (0: no limit)."""
        desk = Desk(self._shotlist, templates, tally.rules, tally.problems)
        due = 0
        products = self._products(rows, tally)
        while page := list(islice(products, PAGE)):
            wanted = [desk.wanted(product) for product in page]
            digests = self._digests(wanted, tally)
            shots = {shot.id: (shot, because) for looks in wanted for shot, because in self._shots(looks, digests, tally)}
            known = self._records.shots_of(catalog, shots)
            for name, (shot, because) in shots.items():
                try:
                    planned = self._due(shot, known.get(name), force=force, retry_failed=retry_failed, tally=tally)
                except MissingInput as error:
                    tally.problems.append(error)
                    continue
                if planned is None:
                    continue
                tally.why[planned.why] += 1
                tally.calls.update(planned.calls)
                yield planned.model_copy(update={"because": because}) if because else planned
                due += 1
                if limit and due >= limit:
                    return

    def _products(self, rows: Iterable[Product | RowError], tally: Tally) -> Iterator[Product]:
        for row in rows:
            if isinstance(row, RowError):
                tally.problems.append(row)
                continue
            tally.products += 1
            yield row

    def _digests(self, looks: Sequence[Sequence[Wanted]], tally: Tally) -> Mapping[str, str]:
        """Digest by URI. An image whose stamp (size and time, or ETag) is known is not opened; one in our store names its own."""
        every = {photo.uri: None for product in looks for look in product for setup in look.setups for photo in setup.photos}
        digests = {uri: uri.removeprefix(BLOB) for uri in every if uri.startswith(BLOB)}
        wanted = [uri for uri in every if uri not in digests]
        current, stamps = self._fetch.stamps(wanted), self._records.images(wanted)
        unread: list[str] = []
        for uri in wanted:
            record, stamp = stamps.get(uri), current.get(uri, "")
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

    def _shots(self, looks: Sequence[Wanted], digests: Mapping[str, str], tally: Tally) -> Iterator[tuple[Shot, str]]:
        tally.unmatched += not any(look.setups for look in looks)
        for look in looks:
            for setup in look.setups:
                if any(image.uri not in digests for image in setup.photos):
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

    def _due(self, shot: Shot, record: ShotRecord | None, *, force: bool, retry_failed: bool, tally: Tally) -> Planned | None:
        line, rules = self._line(shot.template, shot.destination)
        key = line.key(shot)
        why = _why(record, key, rules, force=force, retry_failed=retry_failed)
        if record is not None and not why:
            tally.unchanged[record.status] += 1
            if record.status == "released" and self._missing(record):
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
