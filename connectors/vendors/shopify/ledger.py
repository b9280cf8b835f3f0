"""`Ledger`: the metafield `packshot.pictures` of a product: which media are ours, whose, and what they replaced on variants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NAMESPACE, KEY = "packshot", "pictures"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Written before anything is put on the product, so that nothing of ours is ever taken for somebody else's."""

    marks: Mapping[str, str] = field(default_factory=dict)
    """Mark by media id."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """Ref of the product or variant that a picture was published to, by media id."""
    before: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By variant: the picture of a person that it had before ours, and the ref whose publication replaced it."""
    digest: str | None = None
    """Shopify's digest of what was read, for compare-and-set; None where there is no metafield yet."""

    def text(self) -> str:
        """The metafield's value; the same for the same contents."""
        pictures = {media: [self.marks[media], self.owners.get(media, "")] for media in sorted(self.marks)}
        return json.dumps({"pictures": pictures, "before": {key: list(self.before[key]) for key in sorted(self.before)}})


def read_ledger(metafield: Mapping[str, Any] | None) -> Ledger:
    """What a metafield says; one that somebody broke says nothing."""
    if not metafield:
        return Ledger()
    digest = str(metafield.get("compareDigest") or "") or None
    try:
        data = json.loads(metafield["value"])
        pictures = {str(media): (str(mark), str(owner)) for media, (mark, owner) in data["pictures"].items()}
        before = {str(variant): (str(media), str(owner)) for variant, (media, owner) in data["before"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Ledger(digest=digest)
    marks = {media: mark for media, (mark, _) in pictures.items()}
    return Ledger(marks, {media: owner for media, (_, owner) in pictures.items()}, before, digest)
