"""`Approvals`: pictures that a person let through, remembered in the store beside them, so that nobody holds them back again."""

from __future__ import annotations

import json

from connectors.storage.base import Storage
from studio.keys import digest_of


class Approvals:
    """An approval is about one picture of one shot (its key and its digest) and the limit that held it back. Whoever judges the
    picture again asks here; held back by another limit since, it is a person's to decide anew. Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def grant(self, key: str, digest: str, reason: str) -> None:
        """Let the picture through. May be repeated; a later reason takes the place of an earlier one. Raises StorageError."""
        name, told = _name(key, digest), json.dumps({"approved": reason, "of": digest}).encode()
        if not self._storage.put_action(name, told) and self._storage.get_action(name) != told:
            self._storage.drop_action(name)
            self._storage.put_action(name, told)

    def withdraw(self, key: str, digest: str) -> None:
        """Let it through no more. Raises StorageError."""
        self._storage.drop_action(_name(key, digest))

    def holds(self, key: str, digest: str, reason: str) -> bool:
        """Whether it was let through when this limit had held it back. Raises StorageError."""
        stored = self._storage.get_action(_name(key, digest))
        return stored is not None and json.loads(stored).get("approved") == reason


def _name(key: str, digest: str) -> str:
    return digest_of(["approved", key, digest])
