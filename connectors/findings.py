"""What reconciliation can find, and what mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is not as it should be."""

    MISSED = "missed"
    """The source shows what pictures depend on otherwise than we took it, and nobody told us."""
    UNKNOWN = "unknown"
    """At the source, and never taken."""
    RETURNED = "returned"
    """We think that it is gone, and it is there."""
    DELETED = "deleted"
    """We took it, and it is not there any more."""
    ORPHANED = "orphaned"
    """We published to it, and it is not there any more."""
    MISSING = "missing"
    """Pictures of ours that are live were taken off."""
    MOVED = "moved"
    """Ours are all there, in another order."""
    DISPLACED = "displaced"
    """A person's picture stands where ours should."""
    REWRITTEN = "rewritten"
    """An alt text of ours was changed."""
    UNASSIGNED = "unassigned"
    """A variant does not show our picture of it any more."""
    STRAY = "stray"
    """A picture of ours that no set names: a second copy, or one of a set that is over."""
    UNRECORDED = "unrecorded"
    """Pictures of ours on a product that we know of no publication to."""
    STUCK = "stuck"
    """Somebody began to publish and died, or the vendor did not answer to the end."""
    REFUSED = "refused"
    """The vendor did not want the newest set."""
    DRIFTED = "drifted"
    """What is live is not what would be made now."""
    UNREADABLE = "unreadable"
    """The vendor's record or gallery cannot be understood."""


class Repair(StrEnum):
    """What mends it. `restore` undoes what a person may have wanted: it is done only when asked for by name."""

    TELL = "tell"
    REMAKE = "remake"
    FORGET = "forget"
    PUBLISH = "publish"
    RESTORE = "restore"
    NONE = ""


REPAIRS: Mapping[Kind, Repair] = {
    Kind.MISSED: Repair.TELL,
    Kind.UNKNOWN: Repair.TELL,
    Kind.RETURNED: Repair.TELL,
    Kind.DELETED: Repair.FORGET,
    Kind.ORPHANED: Repair.FORGET,
    Kind.MISSING: Repair.RESTORE,
    Kind.MOVED: Repair.PUBLISH,
    Kind.DISPLACED: Repair.PUBLISH,
    Kind.REWRITTEN: Repair.PUBLISH,
    Kind.UNASSIGNED: Repair.PUBLISH,
    Kind.STRAY: Repair.PUBLISH,
    Kind.STUCK: Repair.PUBLISH,
    Kind.DRIFTED: Repair.REMAKE,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about one product. `ref` is "" where a broken record does not even say which product it is."""

    kind: Kind
    ref: str
    sku: str
    detail: str
    at: str = ""
    """The connection that the pictures go to, where it is another and the finding is about what hangs there, under `ref`."""

    @property
    def repair(self) -> Repair:
        """What mends it."""
        return REPAIRS.get(self.kind, Repair.NONE)
