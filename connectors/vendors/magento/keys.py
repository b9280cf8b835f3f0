"""Public keys that Adobe I/O Events signs with, and whether one fits."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from functools import cached_property

import httpx
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from connectors.http import deadline, guarded_client
from connectors.vendors.connection import Connection
from studio.errors import FetchError, Unauthenticated, VendorUnavailable

HOST = "https://static.adobeioevents.com"
"""The only place keys come from (Adobe I/O Events, "Signature Verification for Events", seen 2026-11-23)."""
FETCH_S = 3.0
"""Seconds that Adobe may take for a key: a sender waits meanwhile."""
KEEP_S = 24 * 3600.0
MAX_KEYS = 16
MAX_KEY = 16384
MISSES, WITHIN_S = 6, 60.0
"""So many keys are looked up in so many seconds: who forges messages does not make us call Adobe at will."""
MIN_BITS = 2048
_PATH = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}){1,6}\.pem")


class Keys:
    """Keys by their path under the one host that is allowed, kept for a day. Thread-safe."""

    def __init__(self, connection: Connection, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._base = connection.option("hook-keys", HOST).rstrip("/")
        self._allow_private = connection.allow_private
        self._clock, self._lock = clock, threading.Lock()
        self._known: dict[str, tuple[float, bytes]] = {}
        self._looked: list[float] = []

    def at(self, path: str) -> bytes:
        """A key in PEM. Raises Unauthenticated for a path that is none and for one without a key; VendorUnavailable when
        Adobe does not answer, or too many unknown ones were asked for: Adobe sends again what was answered with 5xx."""
        if not _PATH.fullmatch(path):
            raise Unauthenticated("the key's path is not one of Adobe I/O Events")
        with self._lock:
            now = self._clock()
            kept, key = self._known.get(path, (0.0, b""))
            if key and now - kept < KEEP_S:
                return key
            self._looked = [at for at in self._looked if now - at < WITHIN_S]
            if len(self._looked) >= MISSES:
                raise VendorUnavailable("too many unknown keys were asked for; try again in a minute")
            self._looked.append(now)
        key = self._fetched(path)
        with self._lock:
            if len(self._known) >= MAX_KEYS:
                self._known.pop(min(self._known, key=lambda name: self._known[name][0]))
            self._known[path] = now, key
        return key

    @cached_property
    def _client(self) -> httpx.Client:
        """Made when a key is first asked for: reading the system's certificates takes longer than a signature."""
        return guarded_client(allow_private=self._allow_private)

    def _fetched(self, path: str) -> bytes:
        key = bytearray()
        try:
            with deadline(FETCH_S), self._client.stream("GET", f"{self._base}{path}") as answer:
                if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    raise VendorUnavailable(f"the key at {path} was answered with {answer.status_code}")
                for chunk in answer.iter_bytes() if answer.status_code == httpx.codes.OK else ():
                    key += chunk
                    if len(key) > MAX_KEY:
                        break
        except (httpx.HTTPError, OSError, FetchError) as error:
            raise VendorUnavailable(f"the key at {path} cannot be fetched: {error}") from None
        if len(key) > MAX_KEY or _loaded(bytes(key)) is None:
            raise Unauthenticated(f"what is at {path} is no RSA key of {MIN_BITS} bits or more")
        return bytes(key)


def fits(pem: bytes, signature: bytes, data: bytes) -> bool:
    """Whether an RSA key of 2048 bits or more has signed the data: PKCS#1 v1.5 with SHA-256, as Adobe's libraries check it."""
    key = _loaded(pem)
    if key is None:
        return False
    try:
        key.verify(signature, data, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _loaded(pem: bytes) -> RSAPublicKey | None:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= MIN_BITS else None
