"""What earlier plans made of rows: a row of which everything is as it was then is up to date, and no product is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.fetch import Fetcher
from connectors.records import PlanRecord, Records, Verdict
from connectors.sources.base import Draft
from connectors.storage.base import BLOB
from studio.errors import RowError
from studio.keys import digest_bytes

DIGITS = 32
"""Hex digits of a kept digest."""
BETWEEN = "\n"
"""Between ids of shots, which are names."""


@dataclass(slots=True)
class Page:
    """Some rows of a catalogue: those that are to be planned, and what the others come to."""

    rows: list[Draft | RowError]
    """To be planned, in order."""
    stamps: dict[str, str] = field(default_factory=dict)
    """Of photos that were looked at."""
    known: dict[str, PlanRecord] = field(default_factory=dict)
    """What was known, by SKU."""
    passed: list[PlanRecord] = field(default_factory=list)
    """What is known of the others."""
    unchanged: list[str] = field(default_factory=list)
    """Status of each of their shots."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A shot as it was planned: its key, and the digest of the limits that hold for it."""

    shot_id: str
    key: str
    policy: str


class Memory:
    """Keeps and recognises plans of rows. `world` is the digest of everything beside rows and photos that a plan follows from.

    Nothing is taken on trust that the plan itself would look at: the photos' stamps, each shot's last outcome, and (`missing`)
    whether its published file is there.
    """

    def __init__(self, records: Records, fetch: Fetcher, world: str, missing: Callable[[str], bool]) -> None:
        self._records, self._fetch, self._world, self._missing = records, fetch, world, missing

    def sorted(self, catalog: str, rows: Sequence[Draft | RowError]) -> Page:
        """The rows, less those that are as they were: of these nothing is due."""
        page = Page([])
        drafts = [row for row in rows if not isinstance(row, RowError)]
        page.known = self._records.plans(catalog, [draft.sku for draft in drafts])
        photos = {draft.sku: uris for draft in drafts if (uris := self._photos(draft, page.known.get(draft.sku))) is not None}
        page.stamps = stamps(self._fetch, (uri for uris in photos.values() for uri in uris))
        ids = {sku: _ids(sku, page.known[sku].shots) for sku in photos}
        verdicts = self._records.verdicts(catalog, (name for some in ids.values() for name in some))
        for row in rows:
            if isinstance(row, RowError) or row.sku not in photos:
                page.rows.append(row)
                continue
            known = page.known[row.sku]
            found = [verdicts.get(name) for name in ids[row.sku]]
            shots = self._up_to_date(known, [page.stamps[uri] for uri in photos[row.sku]], found)
            if shots is None:
                page.rows.append(row)
                continue
            page.passed.append(known)
            page.unchanged += [shot.status for shot in shots]
        return page

    def keep(self, catalog: str, page: Page, rows: Iterable[PlanRecord]) -> None:
        """Remember what planning came to."""
        fresh = [row for row in rows if page.known.get(row.sku) != row]
        if fresh:
            self._records.remember_plans(catalog, fresh)

    def record(self, draft: Draft, found: Mapping[str, str], photos: Iterable[str], shots: Sequence[Judged]) -> PlanRecord | None:
        """What is remembered of a row, from its photos that were looked at, their stamps and its shots; None where one of the
        photos is not the row's own, or has no stamp."""
        own = draft.photos()
        used = [uri for uri in own if uri in set(photos)]
        seen = [found.get(uri, "") for uri in used]
        if not all(seen) or set(photos) - set(own):
            return None
        numbers = " ".join(str(own.index(uri)) for uri in used)
        names = BETWEEN.join(shot.shot_id.removeprefix(f"{draft.sku}/") for shot in shots)
        proof = _proof(seen, [(shot.key, shot.policy) for shot in shots])
        return PlanRecord(draft.sku, self._facts(draft), proof, numbers, names)

    def _photos(self, draft: Draft, known: PlanRecord | None) -> list[str] | None:
        """Addresses of the photos that planning looked at; None for a row that is new or has changed."""
        if known is None or known.facts != self._facts(draft):
            return None
        own = draft.photos()
        return [own[int(number)] for number in known.photos.split()]

    def _facts(self, draft: Draft) -> str:
        return digest_bytes(f"{self._world}{draft.facts}".encode())[:DIGITS]

    def _up_to_date(self, known: PlanRecord, seen: list[str], found: list[Verdict | None]) -> list[Verdict] | None:
        shots = [shot for shot in found if shot is not None and shot.status != "failed"]
        if len(shots) < len(found) or not all(seen):
            return None
        if _proof(seen, [(shot.key, shot.policy) for shot in shots]) != known.proof:
            return None
        return None if any(shot.status == "released" and self._missing(shot.path) for shot in shots) else shots


def stamps(fetch: Fetcher, uris: Iterable[str]) -> dict[str, str]:
    """Stamps by address; a photo in our store, which is named by its digest, is its own."""
    every = list(dict.fromkeys(uris))
    found = {uri: uri for uri in every if uri.startswith(BLOB)}
    return found | fetch.stamps([uri for uri in every if uri not in found])


def _ids(sku: str, shots: str) -> list[str]:
    return [f"{sku}/{name}" for name in shots.split(BETWEEN)] if shots else []


def _proof(seen: list[str], shots: list[tuple[str, str | None]]) -> str:
    return digest_bytes(repr((seen, shots)).encode())[:DIGITS]
