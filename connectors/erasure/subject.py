"""`Subject`: what is to be erased, and whether a record, an order or a planned shot is about it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.storage.base import BLOB

HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
"""A digest or a key."""


@dataclass(slots=True)
class Subject:
    """Products by SKU, photos by digest, orders by id. The last two grow while records are read.

    Photos that are named are erased wherever they are used; those that only came with a SKU stay where another product has them.
    """

    skus: frozenset[str] = frozenset()
    photos: frozenset[str] = frozenset()
    orders: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    """Of its shots."""
    showing: set[str] = field(default_factory=set)
    """Of shots that are named for other products and show it."""

    @property
    def forced(self) -> bool:
        """Whether nobody else's use of a thing keeps it."""
        return bool(self.photos)

    def shown_in(self, value: Any) -> bool:
        """Whether JSON tells of one of its products or photos, anywhere inside."""
        if isinstance(value, Mapping):
            sku = value.get("sku")
            return (isinstance(sku, str) and sku in self.skus) or any(self.shown_in(part) for part in value.values())
        if isinstance(value, list | tuple):
            return any(self.shown_in(part) for part in value)
        return isinstance(value, str) and value.removeprefix(BLOB) in self.photos

    def named_in(self, text: str) -> bool:
        """Whether it is worth to look closer: JSON text that lacks every name cannot tell of it."""
        return any(json.dumps(sku)[1:-1] in text or sku in text for sku in self.skus) or any(p in text for p in self.photos)


def digests_in(value: Any) -> set[str]:
    """Every digest and key in a JSON value."""
    return set(HEX.findall(value if isinstance(value, str) else json.dumps(value, default=str)))


def sources_in(value: Any) -> Iterator[str]:
    """Digests of the small pictures of photos (`previews.source`) in a JSON value."""
    if isinstance(value, Mapping):
        previews = value.get("previews")
        if isinstance(previews, Mapping) and isinstance(previews.get("source"), str):
            yield previews["source"]
        for part in value.values():
            yield from sources_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from sources_in(part)


def photos_in(value: Any) -> Iterator[tuple[str, str]]:
    """Address and digest ("" where it is not said) of every photo in a JSON value."""
    if isinstance(value, Mapping):
        uri, digest = value.get("uri"), value.get("digest")
        if isinstance(uri, str) and uri:
            yield uri, uri.removeprefix(BLOB) if uri.startswith(BLOB) else str(digest or "")
        for part in value.values():
            yield from photos_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from photos_in(part)
