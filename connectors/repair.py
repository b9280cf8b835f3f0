"""What reconciliation found, mended by policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from connectors.findings import Finding, Kind, Repair
from connectors.online.ids import new_id
from connectors.publications import Publications
from connectors.publisher import Publisher
from connectors.sync_state import SyncState
from connectors.vendors.base import Told
from studio.errors import Conflict, NotStored, ProductGone, VendorError

MANY, SHARE = 20, 0.2
"""More deleted products than both at once (a share of all we took) are not believed: a key, store or channel may be wrong."""
_GALLERY_OF = attrgetter("at", "ref")
_GALLERY = frozenset({Repair.PUBLISH, Repair.RESTORE})


@dataclass(frozen=True, slots=True)
class Mended:
    """A finding and what became of it: "" where it was mended, else why not."""

    finding: Finding
    left: str = ""


class Repairs:
    """Of one connection. `restore` puts pictures back that somebody took off. `publisher` writes its galleries, or those of the
    connection `target`; None leaves them as they are."""

    def __init__(
        self,
        connection: str,
        state: SyncState,
        publications: Publications,
        publisher: Publisher | None,
        *,
        restore: bool = False,
        target: str = "",
    ) -> None:
        self._name, self._state, self._publications = connection, state, publications
        self._publisher, self._restore, self._target = publisher, restore, target or connection

    def mend(self, findings: Sequence[Finding], *, now: datetime) -> Iterator[Mended]:
        """Each finding with what became of it. It may be repeated: what is mended already is not touched again. Raises
        StorageUnavailable."""
        gone = sum(finding.kind is Kind.DELETED for finding in findings)
        doubted = gone > MANY and gone > SHARE * sum(1 for _ in self._state.all_seen(self._name))
        ordered = sorted(findings, key=_GALLERY_OF)
        for _, some in groupby(ordered, key=_GALLERY_OF):
            yield from self._product(list(some), now, doubted=doubted)

    def _product(self, findings: list[Finding], now: datetime, *, doubted: bool) -> Iterator[Mended]:
        gallery = self._gallery([finding for finding in findings if finding.repair in _GALLERY])
        for finding in findings:
            match finding.repair:
                case Repair.TELL | Repair.REMAKE:
                    yield Mended(finding, self._told(finding, now))
                case Repair.FORGET:
                    yield Mended(finding, f"{MANY} and more at once are not believed" if doubted else self._forgotten(finding))
                case Repair.PUBLISH | Repair.RESTORE:
                    yield Mended(finding, gallery)
                case Repair.NONE:
                    yield Mended(finding, "nothing mends this by itself")

    def _told(self, finding: Finding, now: datetime) -> str:
        """As if the vendor had said so. What is to be made anew is taken as never made, or its look would find nothing new."""
        if finding.repair is Repair.REMAKE and (seen := self._state.seen(self._name, finding.ref)):
            self._state.keep([replace(seen, digest="")])
        self._state.take(self._name, [Told(new_id("rec"), "changed", (finding.ref,))], now=now)
        return ""

    def _forgotten(self, finding: Finding) -> str:
        """What is gone at the target of a source is not gone at the source."""
        name = finding.at or self._name
        if not finding.at:
            self._state.forget(name, [finding.ref])
        record, holder = self._publications.get(name, finding.ref), new_id("rec")
        if record is None or not (record.live or record.ids or record.state == "pending"):
            return ""
        if not self._publications.claim(name, record.ref, record.sku, holder, 60.0):
            return "somebody publishes there"
        self._publications.published(record, holder, (), outcome="gone")
        self._publications.release(name, record.ref, holder)
        return ""

    def _gallery(self, findings: list[Finding]) -> str:
        """One publication mends everything about a gallery, so one picture that may not come back holds back the rest."""
        if not findings:
            return ""
        if self._publisher is None:
            return "this vendor has no galleries"
        name = findings[0].at or self._name
        if name != self._target:
            return f"its pictures go to {self._target} now"
        if any(finding.repair is Repair.RESTORE for finding in findings) and not self._restore:
            return "a person took pictures off; --restore puts them back"
        record = self._publications.get(name, findings[0].ref)
        if record is None:
            return "it is not recorded any more"
        wanted = record.wanted if record.state == "pending" else record.live
        try:
            self._publisher.publish(record.ref, record.sku, wanted, stamp=record.stamp, force=True)
        except ProductGone:
            return self._forgotten(findings[0])
        except (VendorError, Conflict, NotStored) as error:
            return error.message
        return ""
