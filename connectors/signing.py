"""`Signing`: the copy of a finished picture that is published, with signed provenance; the same copy whenever it is asked for."""

from __future__ import annotations

import json

from connectors.storage.base import Storage
from studio.keys import digest_of
from studio.provenance import SIGNED, Credential, sign


class Signing:
    """Call it with an asset's digest and media type, it gives the digest of what is to be published. Thread-safe.

    Without a credential that is the asset itself. Two processes that sign the same picture at once agree on one copy: the first
    to say so in the store wins.
    """

    def __init__(self, storage: Storage, credential: Credential | None = None) -> None:
        self._storage, self._credential = storage, credential

    def __call__(self, digest: str, media_type: str, *, title: str = "") -> str:
        """Raises NotStored, StorageError, SettingsError for a credential that cannot sign."""
        credential = self._credential
        if credential is None or media_type not in SIGNED:
            return digest
        key = digest_of(["signed", digest, credential.fingerprint])
        if (known := self._known(key)) is not None:
            return known
        data = sign(self._storage.get_blob(digest), media_type, credential, title=title)
        copy = self._storage.put_blob(data, media_type=media_type)
        self._storage.put_action(key, json.dumps({"of": digest, "signed": copy}, sort_keys=True).encode())
        return self._known(key) or copy

    def _known(self, key: str) -> str | None:
        stored = self._storage.get_action(key)
        if stored is None:
            return None
        copy = str(json.loads(stored)["signed"])
        if self._storage.has_blob(copy):
            return copy
        self._storage.drop_action(key)
        return None
