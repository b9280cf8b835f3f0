"""What a review is about: pictures that were held back, and what people decided about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from studio.keys import digest_of

Origin = Literal["night", "order"]
Action = Literal["approve", "reject", "regenerate"]
State = Literal["open", "approved", "rejected", "regenerated", "replaced", "superseded"]
"""`replaced`: what was made instead is released. `superseded`: the shot was made anew since, or released."""
STATES: tuple[State, ...] = ("open", "approved", "rejected", "regenerated", "replaced", "superseded")
AFTER: Mapping[Action, State] = {"approve": "approved", "reject": "rejected", "regenerate": "regenerated"}


@dataclass(frozen=True, slots=True)
class Item:
    """A picture that was held back. `place` is the catalogue of a night or the id of an order; `report` is JSON as
    `studio.shot.Report` has it, {} where it was not asked for."""

    origin: Origin
    place: str
    shot: str
    key: str
    digest: str
    media_type: str
    sku: str
    template: str
    destination: str
    slot: str
    reason: str
    detail: str = ""
    source: str = ""
    """Digest of the photo, where it is known."""
    thumb: str = ""
    uncertainty: float = 0.0
    report: Mapping[str, Any] = field(default_factory=dict)
    run: str = ""
    follows: str = ""
    """The item that this one was made instead of."""
    owner: str = ""
    """API key whose order it is of: others but administrators do not see it. "": everybody's."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: State = "open"
    decided: datetime | None = None

    @property
    def id(self) -> str:
        """The same for the same picture in the same place."""
        return item_id(self.place, self.shot, self.key, self.digest)


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who decides: an API key and its name."""

    key_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about one item; those of one `batch` were taken together. `applied`: nothing is left to be done about it."""

    id: str
    item: str
    batch: str
    action: Action
    reason: str
    note: str
    change: Mapping[str, Any]
    order_id: str
    by_key: str
    by_name: str
    at: datetime
    applied: bool
    undone: datetime | None
    undone_by: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items: "" means any. `text` is part of a SKU."""

    state: str = "open"
    origin: str = ""
    template: str = ""
    destination: str = ""
    reason: str = ""
    text: str = ""
    sees: str | None = None
    """Only what this API key may see; None: everything."""
    order: Literal["doubt", "newest", "sku"] = "doubt"


@lru_cache(maxsize=4096)
def item_id(place: str, shot: str, key: str, digest: str) -> str:
    """`rev_` and 26 hex digits."""
    return f"rev_{digest_of(['review', place, shot, key, digest])[:26]}"
