"""`Storage`: blobs under their own hash, actions under the hash of everything that could change them."""

from __future__ import annotations

from typing import Protocol

BLOB = "blob:"
"""Scheme of an image address whose bytes lie in the store, under the digest that follows."""


class Storage(Protocol):
    """Content-addressed bytes. Blobs are immutable; the first writer of an action wins. Safe for racing writers."""

    uri: str
    """What `open_storage` was given; enough to open the same store in another process."""

    def put_blob(self, data: bytes, *, media_type: str = "application/octet-stream") -> str:
        """Keep bytes and return their BLAKE3 digest (64 hex digits). Writing what is there already costs nothing."""
        ...

    def get_blob(self, digest: str) -> bytes:
        """Bytes by digest. Raises NotStored, or StorageError when the bytes no longer have that digest."""
        ...

    def has_blob(self, digest: str) -> bool:
        """Whether the blob is there."""
        ...

    def put_action(self, key: str, value: bytes) -> bool:
        """Record what a step or shot produced; False when somebody else was first (their value stays)."""
        ...

    def get_action(self, key: str) -> bytes | None:
        """What was recorded under a key, or None."""
        ...

    def drop_action(self, key: str) -> None:
        """Forget an action, so that it is done again. Missing keys are fine."""
        ...
