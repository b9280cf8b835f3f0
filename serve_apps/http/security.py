"""Who is calling: API keys from the headers, a short memory of verified ones, and the scope each route asks for."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Literal

from connectors.online.keys import ApiKeys
from studio.errors import Forbidden, Unauthenticated

Scope = Literal["read", "write", "admin"]
REMEMBER_S = 5.0
"""How long a verified key is taken on trust: a revoked key works for at most so long in another process."""
_MOST_KEYS = 4096
_PUBLIC = frozenset({"/healthz", "/readyz", "/docs", "/openapi.json"})
_SIGNED = "/hooks/"
"""Inbound hooks carry a signature instead of a key."""
CONSOLE = "/console"
"""The console's pages come with a session cookie, which the console looks at itself."""
_SPENDS_NOTHING = frozenset({"/v1/quote"})
CHALLENGE = 'Bearer realm="packshot"'


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling. `scopes` holds read, write, admin; admin may see every key's orders."""

    key_id: str
    scopes: frozenset[str]
    rate_per_minute: int | None = None

    def may(self, scope: Scope) -> bool:
        """Whether the key has a scope: admin has all, write has read."""
        return scope in self.scopes or "admin" in self.scopes or (scope == "read" and "write" in self.scopes)

    @property
    def sees(self) -> str | None:
        """Key id that limits what the caller sees; None for an administrator, who sees everything."""
        return None if "admin" in self.scopes else self.key_id


EVERYBODY = Caller("local", frozenset({"admin"}))
"""The caller while `api.require_keys` is off."""


class KeyRing:
    """Verifies keys through `ApiKeys`, off the event loop, and remembers the good ones for `REMEMBER_S`."""

    def __init__(self, keys: ApiKeys, *, required: bool = True) -> None:
        self._keys, self._required = keys, required
        self._known: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()

    async def caller(self, headers: list[tuple[bytes, bytes]]) -> Caller:
        """The caller by `Authorization: Bearer` or `X-Api-Key`. Raises Unauthenticated."""
        if not self._required:
            return EVERYBODY
        secret = secret_of(headers)
        if not secret:
            raise Unauthenticated("send a key as `Authorization: Bearer <key>` or `X-Api-Key: <key>`")
        # Looked up by digest, so that the time a look-up takes says nothing about the secrets in memory.
        name = hashlib.blake2b(secret.encode(), digest_size=16).digest()
        known = self._known.get(name)
        if known and known[0] > time.monotonic():
            return known[1]
        found = await asyncio.to_thread(self._keys.verify, secret)
        caller = Caller(found.id, frozenset(found.scopes), found.rate_per_minute)
        self._known[name] = (time.monotonic() + REMEMBER_S, caller)
        self._known.move_to_end(name)
        if len(self._known) > _MOST_KEYS:
            self._known.popitem(last=False)
        return caller


def secret_of(headers: list[tuple[bytes, bytes]]) -> str:
    """The key in the headers, "" when there is none. A header given twice with different keys is no key."""
    found = {value for name, value in headers if name == b"x-api-key"}
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            found.add(token.strip() if scheme.lower() == b"bearer" else b"")
    return found.pop().decode("latin-1") if len(found) == 1 else ""


def is_public(path: str) -> bool:
    """Whether a path is answered without a key."""
    return path in _PUBLIC or path.startswith(_SIGNED) or is_console(path)


def is_console(path: str) -> bool:
    """Whether a path is one of the console."""
    return path == CONSOLE or path.startswith(f"{CONSOLE}/")


def needed(method: str, path: str) -> Scope:
    """The scope a call needs: looking is `read`, everything else is `write`."""
    return "read" if method in ("GET", "HEAD", "OPTIONS") or path in _SPENDS_NOTHING else "write"


def require(caller: Caller, scope: Scope) -> None:
    """Raises Forbidden when the key lacks the scope."""
    if not caller.may(scope):
        raise Forbidden(f"this key may not: the call needs the scope {scope!r}")


def caller_of(request: Any) -> Caller:
    """The caller of a request that came through the gate."""
    found: Caller = request.scope["state"]["caller"]
    return found
