"""A connection of the settings, opened: its vendor, what is remembered of it, and who keeps its photos and publishes to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cluster.engine import storage
from cluster.settings import Settings
from cluster.signing import signing
from connectors.fetch import Fetcher
from connectors.photos import Photos
from connectors.publications import Item, Publications
from connectors.publisher import Published, Publisher
from connectors.records import Records
from connectors.sets import Finished, gallery_set
from connectors.signing import Signing
from connectors.storage.base import Storage
from connectors.sync import Looked, Sync
from connectors.sync_state import SyncState
from connectors.vendors.base import Gallery
from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor, open_vendor
from connectors.web import WebRules
from studio.errors import FetchFailed, InputError

PUBLISH_TO = "publish-to"
"""Option: the connection that a connection's pictures go to, where that is another one (a PIM's or ERP's to a DAM or a CDN)."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything about one connection. Thread-safe; a vendor's pace is kept by it, so one is enough for a process.

    `target` and `gallery` are the connection's own, or those of the connection that its option `publish-to` names.
    """

    connection: Connection
    vendor: Vendor
    state: SyncState
    publications: Publications
    records: Records
    store: Storage
    photos: Photos
    target: Connection
    gallery: Gallery | None
    sign: Signing

    @property
    def sync(self) -> Sync:
        """Its products. Raises InputError where it has none."""
        return Sync(self.connection, self.vendor, self.state, self.publications, self.photos)

    @property
    def publisher(self) -> Publisher:
        """Who publishes its pictures. Raises InputError where they go nowhere."""
        if self.gallery is None:
            raise InputError(f"connection {self.connection.name}: {self.target.vendor} takes no pictures; option {PUBLISH_TO}")
        return Publisher(self.target.name, self.gallery, self.publications, self.store.get_blob, people=self.target.people)

    def place_of(self, looked: Looked) -> str:
        """The ref that its pictures are published under: its own, or its SKU at another connection."""
        return looked.listing.ref if self.target is self.connection else looked.product.sku

    def publish(self, looked: Looked, finished: Sequence[Finished], *, force: bool = False) -> Published | None:
        """A product's set onto its page; None where pictures go nowhere and stay in the store. Raises what `set_for` and
        `Publisher.publish` raise."""
        if self.gallery is None:
            return None
        items, stamp = self.set_for(looked, finished), looked.listing.updated
        return self.publisher.publish(self.place_of(looked), looked.product.sku, items, stamp=stamp, force=force)

    def set_for(self, looked: Looked, finished: Sequence[Finished]) -> tuple[Item, ...]:
        """A product's set by the connection's options: `destinations` (comma-separated ids), `language` of alternative texts.

        Raises FetchFailed rather than have photos taken out of sight (`people: hide`) that we do not keep, InputError for a
        language without phrases.
        """
        connection = self.connection
        if self.target.people == "hide" and self.target is connection and not looked.all_kept:
            raise FetchFailed(f"{looked.product.sku}: not every photo could be kept, so none is taken out of sight")
        chosen = [name.strip() for name in connection.option("destinations").split(",") if name.strip()]
        language = connection.option("language", "en")
        finished = [replace(one, digest=self.sign(one.digest, one.media_type)) for one in finished]
        return gallery_set(looked.product, finished, ref=self.place_of(looked), destinations=chosen, language=language)


def open_connection(settings: Settings, name: str) -> Opened:
    """Raises NotFound, SettingsError for what its settings lack, InputError for its vendor or mapping."""
    connection = settings.connection(name)
    vendor, other = open_vendor(connection), connection.option(PUBLISH_TO)
    target = settings.connection(other) if other and other != name else connection
    gallery = vendor.gallery if target is connection else open_vendor(target).gallery
    state, publications, records = SyncState(settings.records), Publications(settings.records), Records(settings.records)
    store = storage(settings)
    photos = Photos(photo_fetcher(settings, connection), store, records, getattr(vendor.source, "photo", None))
    return Opened(connection, vendor, state, publications, records, store, photos, target, gallery, signing(settings, store))


def photo_fetcher(settings: Settings, connection: Connection) -> Fetcher:
    """The reader of a connection's photos: its vendor names the addresses, so files and buckets of ours are out of reach."""
    private = settings.fetch.allow_private or connection.allow_private
    web = WebRules(allow_private=private, ports=None if private else WebRules().ports)
    return Fetcher(roots=(), max_bytes=settings.fetch.max_bytes, web=web)
