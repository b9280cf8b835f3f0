"""`Photos`: photos of a connection's products, kept in our own storage, so that they stay when the shop's gallery changes."""

from __future__ import annotations

from collections.abc import Callable

from connectors.fetch import Fetcher
from connectors.records import ImageRecord, Records
from connectors.storage.base import Storage


class Photos:
    """Call it with an address, it gives the BLAKE3 digest of the bytes, which then lie in the store. Thread-safe.

    `own` reads photos of a vendor that gives them to nobody without credentials (Akeneo).
    """

    def __init__(self, fetch: Fetcher, store: Storage, records: Records, own: Callable[[str], bytes] | None = None) -> None:
        self._fetch, self._store, self._records, self._own = fetch, store, records, own

    def __call__(self, url: str) -> str:
        """An address whose stamp (size and time, or ETag) is known is not read again. Raises FetchError, FileTooLarge,
        VendorError's kinds, StorageError."""
        if self._own is not None:
            return self._store.put_blob(self.read(url))
        stamp, known = self._fetch.stamp(url), self._records.images([url]).get(url)
        if known is not None and stamp and known.stamp == stamp and self._store.has_blob(known.digest):
            return known.digest
        digest = self._store.put_blob(self.read(url))
        self._records.remember_images([ImageRecord(url, stamp, digest)])
        return digest

    def read(self, url: str) -> bytes:
        """The bytes behind an address. Raises what a call raises."""
        return self._own(url) if self._own is not None else self._fetch.read(url)
