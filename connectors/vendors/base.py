"""What every shop, PIM and DAM looks like from here: products come out of it, pictures go onto them, it tells about changes.

A vendor is a folder `connectors/vendors/<name>/` and a row in `registry.py`. What it has not got (a DAM has no products) is None
there. All calls block, may be made by several threads, and raise VendorError's kinds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from studio.errors import RowError
from studio.product import Product

MARK = re.compile(r"packshot-([0-9a-f]{16})")
"""What the names of our files hold: the first 16 hex digits of the asset's BLAKE3."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that is on a product now. `position` counts from 0."""

    id: str
    url: str
    position: int
    alt: str | None = ""
    """None where the vendor keeps none."""
    mark: str = ""
    """Of an asset of ours, where the vendor keeps file names or other fields of ours; 16 hex digits (`mark_in`)."""
    variants: tuple[str, ...] | None = None
    """Refs of the variants that show it; None where the vendor does not say."""
    placed: bool = True
    """False for one that was added and that shoppers do not see before an arrangement."""
    ready: bool = True
    """False while the vendor still works on it."""
    problem: str = ""
    """Why the vendor refused it after taking it."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A product as the vendor has it. `product.images` holds the addresses of all its pictures; whoever syncs takes out ours."""

    ref: str
    """The vendor's own name for it."""
    product: Product
    pictures: tuple[Shown, ...] = ()
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some listings. `cursor` goes on after them, also in another process and after a crash; it is opaque text."""

    listings: tuple[Listing | RowError, ...]
    cursor: str
    gone: tuple[str, ...] = ()
    """Refs of products that are no longer there, where the vendor says so."""


class Source(Protocol):
    """Products out of a vendor."""

    def pages(self, cursor: str = "") -> Iterator[Page]:
        """What changed since a cursor, oldest first; everything for "". A page that was seen may come again, none is left out."""
        ...

    def listing(self, ref: str) -> Listing | None:
        """One product as it is now; None when it is not there."""
        ...


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished image to publish. `data` reads its bytes; `name` is a file name with the mark in it (`marked`)."""

    digest: str
    media_type: str
    name: str
    data: Callable[[], bytes]
    alt: str = ""
    types: tuple[str, ...] = ()
    """What it is used as, e.g. `main`; a vendor maps what it knows (Magento: image, small_image, thumbnail)."""
    variants: tuple[str, ...] = ()
    """Refs of variants it shows."""
    details: Mapping[str, str] = field(default_factory=dict)
    """Metadata for a DAM: sku, template, slot and the like."""

    @property
    def mark(self) -> str:
        """The mark in its name."""
        return self.digest[:16]


@dataclass(frozen=True, slots=True)
class Placing:
    """A picture's place after an arrangement. `picture` is None for one that is not ours: its text is left alone."""

    id: str
    picture: Picture | None = None


class Gallery(Protocol):
    """Pictures onto a product, in steps that may be repeated.

    `add` brings bytes to the vendor where shoppers do not see them yet, or see them last; `arrange` is the one call after which
    shoppers see the new gallery; `remove` comes after it. A call that fails may have worked: whoever calls reads again first.
    """

    def read(self, ref: str) -> tuple[Shown, ...]:
        """Pictures in their order, those that were added but not arranged yet included where the vendor shows them.
        Raises ProductGone."""
        ...

    def add(self, ref: str, picture: Picture) -> str:
        """Id of the picture at the vendor. Adding the same mark again gives the same id where the vendor can tell."""
        ...

    def arrange(self, ref: str, order: Sequence[Placing]) -> None:
        """Exactly this order, alt texts and uses of ours with it. Pictures that are not named stay behind those that are, or go
        with `remove`."""
        ...

    def remove(self, ref: str, ids: Sequence[str]) -> None:
        """Take pictures off; ids that are not there are no error."""
        ...

    def fetch(self, shown: Shown) -> bytes | None:
        """Bytes as shoppers get them, for reading back; None where the vendor re-encodes."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """One message of a vendor, verified: which products it is about, when that happened there, and who did it."""

    id: str
    """The vendor's id of the message, the same when it is sent again."""
    kind: str
    """`changed`, `deleted`, or `other` (nothing to do)."""
    refs: tuple[str, ...] = ()
    at: datetime | None = None
    author: str = ""
    """Who changed it, where the vendor says so: our own writes are passed over."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vendor gets to hear at once, instead of 202: a handshake."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Inbound(Protocol):
    """Messages of a vendor."""

    def handshake(self, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer | None:
        """The answer that the vendor waits for while a subscription is made; None for an ordinary message."""
        ...

    def verify(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: float) -> tuple[Told, ...]:
        """What the message says, once a secret fits the raw body. Header names are lower case, `now` is in Unix seconds.

        Raises Unauthenticated for a message that is not signed, malformed or out of the replay window; InputError for a body that
        cannot be understood; VendorUnavailable where the vendor's public key cannot be had now. Compares in constant time.
        """
        ...


def marked(name: str, digest: str) -> str:
    """A file name with the asset's mark before its extension: `front.jpg` -> `front-packshot-0123456789abcdef.jpg`."""
    stem, dot, extension = name.rpartition(".")
    return f"{stem}-packshot-{digest[:16]}{dot}{extension}" if dot else f"{name}-packshot-{digest[:16]}"


def mark_in(text: str) -> str:
    """The mark in a file name or address, "" where there is none."""
    found = MARK.search(text)
    return found[1] if found else ""
