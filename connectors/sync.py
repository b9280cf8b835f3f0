"""`Sync`: a connection's products without our own pictures, and which of them have changed since we last took them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from connectors.publications import Publications
from connectors.sources.guess import VOLATILE
from connectors.storage.base import BLOB
from connectors.sync_state import Seen, SyncState
from connectors.vendors.base import Listing, Source, mark_in
from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor
from studio.errors import FetchError, InputError, RowError, VendorRefused
from studio.keys import digest_of
from studio.product import ImageRole, Product, ProductImage

_SIGNATURES = re.compile(r"x-(amz|goog)-.+|expires|signature|sig|token|key-pair-id|policy|hdnea|s[ertvp]", re.IGNORECASE)
"""Parts of an address that let somebody in for a while (S3, Google, CloudFront, Akamai, Azure): new at every reading."""

_PHOTOS = 8
"""Products whose photos are fetched at a time."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A product as it is now. `product` is what pictures are made of: without our pictures, photos that we keep as `blob:`.

    `kept` is what is remembered: the vendor's addresses, with digests where we keep the bytes.
    """

    listing: Listing
    product: Product
    digest: str
    changed: bool
    kept: Product

    @property
    def all_kept(self) -> bool:
        """Whether we keep every photo: only then may people's pictures be taken out of sight."""
        return all(image.digest for image in self.kept.images)


@dataclass(frozen=True, slots=True)
class Pulled:
    """A page of a pull. `gone` are products that we had taken and that the vendor says are no more."""

    changed: tuple[Looked, ...] = ()
    unchanged: int = 0
    gone: tuple[str, ...] = ()
    problems: tuple[RowError, ...] = ()


class Sync:
    """One connection. `keep_photo` keeps an address's bytes and gives their digest (`connectors.photos.Photos`); None keeps none.
    Raises InputError for a vendor without products."""

    def __init__(
        self,
        connection: Connection,
        vendor: Vendor,
        state: SyncState,
        publications: Publications,
        keep_photo: Callable[[str], str] | None = None,
    ) -> None:
        if vendor.source is None:
            raise InputError(f"connection {connection.name}: {connection.vendor} has no products to read")
        self.connection, self.vendor, self.state, self.publications = connection, vendor, state, publications
        self._source: Source = vendor.source
        self._keep_photo = keep_photo

    def pull(self, *, full: bool = False, keep: bool = True) -> Iterator[Pulled]:
        """What changed since the last pull, or everything. The cursor is kept when the next page is asked for, and at the end:
        whoever stops in between gets the page again. `keep=False` only looks. Raises VendorError's kinds, InvalidCursor."""
        name = self.connection.name
        for page in self._source.pages("" if full else self.state.cursor(name)):
            listings = [item for item in page.listings if isinstance(item, Listing)]
            looked = self._looked(listings)
            gone = tuple(self.state.digests(name, page.gone)) if page.gone else ()
            yield Pulled(
                tuple(one for one in looked if one.changed),
                sum(not one.changed for one in looked),
                gone,
                tuple(item for item in page.listings if isinstance(item, RowError)),
            )
            if keep:
                self.state.keep_cursor(name, page.cursor)

    def look(self, ref: str) -> Looked | None:
        """One product now; None: it is gone. Raises VendorError's kinds, RowError for one that cannot be understood."""
        listing = self._source.listing(ref)
        return None if listing is None else self._looked([listing])[0]

    def promise(self, looked: Sequence[Looked]) -> None:
        """Write down that these are to be made, before the pull goes on; `SyncState.promised` gives them until `accept`."""
        self.state.keep([replace(self._seen(one), digest="") for one in looked])

    def accept(self, looked: Sequence[Looked]) -> None:
        """Remember these as taken: after their pictures are published."""
        self.state.keep([self._seen(one) for one in looked])

    def promised(self) -> Iterator[Looked]:
        """Products that were promised and not accepted, by ref; photos that could not be had then are tried again."""
        for seen in self.state.promised(self.connection.name):
            kept = seen.product
            if not all(image.digest for image in kept.images):
                kept = self._keep(kept)
            yield Looked(Listing(seen.ref, kept, (), seen.updated), in_store(kept), visible(kept), changed=True, kept=kept)

    def gone(self, refs: Sequence[str]) -> None:
        """The vendor has these no more."""
        self.state.forget(self.connection.name, refs)

    def _seen(self, looked: Looked) -> Seen:
        listing, kept = looked.listing, looked.kept
        return Seen(self.connection.name, listing.ref, kept.sku, looked.digest, listing.updated, gone=False, product=kept)

    def _looked(self, listings: Sequence[Listing]) -> list[Looked]:
        refs = [listing.ref for listing in listings]
        before = self.state.of_refs(self.connection.name, refs)
        ours = self.state.published_ids(self.connection.name, refs)
        found = [self._one(listing, before.get(listing.ref), ours.get(listing.ref, frozenset())) for listing in listings]
        changed = [one for one in found if one.changed]
        if self._keep_photo is None or not changed:
            return found
        with ThreadPoolExecutor(min(_PHOTOS, len(changed)), thread_name_prefix="packshot-photos") as pool:
            fresh = pool.map(lambda one: self._keep(one.kept), changed)
            kept = {one.listing.ref: product for one, product in zip(changed, fresh, strict=True)}
        return [_with(one, kept[one.listing.ref]) if one.changed else one for one in found]

    def _one(self, listing: Listing, seen: Seen | None, ours: Collection[str]) -> Looked:
        """Photos that we took out of sight (`people: hide`) are still what the product's pictures are made of."""
        product = without_ours(listing, ours)
        if seen is not None and listing.product.images and not product.images:
            product = product.model_copy(update={"images": seen.product.images})
        digest = visible(product)
        kept = _with_digests(product, {image.uri: image.digest for image in seen.product.images} if seen else {})
        changed = seen is None or seen.gone or seen.digest != digest
        return Looked(listing, in_store(kept), digest, changed, kept)

    def _keep(self, product: Product) -> Product:
        """Photos brought into our store. One that cannot be had keeps its address, and what we had under it; whoever renders
        says why."""
        if (keep := self._keep_photo) is None:
            return product
        digests = {image.uri: image.digest for image in product.images}
        for uri in digests:
            try:
                digests[uri] = keep(uri)
            except (FetchError, InputError, VendorRefused):
                continue
        return _with_digests(product, digests)


def visible(product: Product) -> str:
    """Digest of what pictures can depend on: the facts, and the addresses and roles of photos; not prices, stock and times, nor
    what only lets somebody read an address for a while."""
    facts = product.model_dump(mode="json", exclude={"images", "attributes"})
    facts["attributes"] = {name: value for name, value in product.attributes.items() if not VOLATILE.fullmatch(name)}
    facts["images"] = [[_lasting(image.uri), str(image.role)] for image in product.images]
    return digest_of(facts)


def without_ours(listing: Listing, ours: Collection[str] = ()) -> Product:
    """The product without pictures of ours, known by their marks or by their ids (`ours`). Where one of ours was the main
    picture, the first of the others is that again."""
    shown = {picture.url for picture in listing.pictures if picture.mark or picture.id in ours}
    images = listing.product.images
    theirs = [image for image in images if image.uri not in shown and not mark_in(image.uri)]
    if len(theirs) < len(images) and theirs and _led(images) and not _led(theirs) and theirs[0].role is ImageRole.DETAIL:
        theirs[0] = theirs[0].model_copy(update={"role": ImageRole.FRONT})
    return listing.product.model_copy(update={"images": tuple(theirs)})


def in_store(product: Product) -> Product:
    """The product with `blob:` addresses for photos whose bytes we keep."""
    images = tuple(_blob(image) if image.digest else image for image in product.images)
    return product.model_copy(update={"images": images})


def _with(looked: Looked, kept: Product) -> Looked:
    return replace(looked, product=in_store(kept), kept=kept)


def _led(images: Sequence[ProductImage]) -> bool:
    return any(image.role is ImageRole.FRONT for image in images)


def _blob(image: ProductImage) -> ProductImage:
    return image.model_copy(update={"uri": f"{BLOB}{image.digest}"})


def _with_digests(product: Product, digests: Mapping[str, str]) -> Product:
    images = tuple(image.model_copy(update={"digest": digests.get(image.uri, "")}) for image in product.images)
    return product.model_copy(update={"images": images})


def _lasting(uri: str) -> str:
    """An address without the parts that are new at every reading."""
    parts = urlsplit(uri)
    if not _SIGNATURES.search(parts.query):
        return uri
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if not _SIGNATURES.fullmatch(name)]
    return urlunsplit(parts._replace(query=urlencode(kept)))
