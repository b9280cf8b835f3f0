"""`ApiKeys`: who may call the service, and what for."""

from __future__ import annotations

import builtins
import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import Row, insert, or_, select, update

from connectors.online.ids import new_id
from connectors.online.store import Store
from connectors.online.tables import api_keys
from studio.errors import InputError, NotFound, Unauthenticated

Scope = Literal["read", "write", "admin"]
_IMPLIED = {"read": {"read"}, "write": {"read", "write"}, "admin": {"read", "write", "admin"}}
_SECRET = re.compile(r"pk_([0-9a-hjkmnp-tv-z]{26})_[A-Za-z0-9_-]{43}")
_USED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret. `rate_per_minute` None: the service's default. Times are UTC."""

    id: str
    name: str
    scopes: frozenset[str]
    rate_per_minute: int | None
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    last_used: datetime | None

    def allows(self, scope: Scope) -> bool:
        """Whether one of its scopes includes `scope`: admin includes all, write includes read."""
        return any(scope in _IMPLIED[own] for own in self.scopes)


class ApiKeys(Store):
    """Secrets are kept as BLAKE2b digests. A slow hash protects guessable passwords; these secrets have 256 random bits, which no
    guessing finds, and a slow hash on every call would only serve those who want to keep us busy.
    """

    def issue(
        self, name: str, scopes: Collection[str], *, rate_per_minute: int | None = None, expires: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """A new key and its secret `pk_<id>_<43 characters>`, which is shown this once. Raises InputError for unknown scopes."""
        if not scopes or not set(scopes) <= set(get_args(Scope)):
            raise InputError(f"scopes are one or more of {', '.join(get_args(Scope))}")
        if rate_per_minute is not None and rate_per_minute < 1:
            raise InputError("rate_per_minute must be at least 1")
        key_id = new_id("key")
        secret = f"pk_{key_id.removeprefix('key_')}_{secrets.token_urlsafe(32)}"
        row = {
            "id": key_id,
            "name": name,
            "hash": _hash(secret),
            "scopes": sorted(set(scopes)),
            "rate_per_minute": rate_per_minute,
            "created": datetime.now(UTC),
            "expires": expires,
            "revoked": None,
            "last_used": None,
        }
        with self._database.begin() as connection:
            connection.execute(insert(api_keys), row)
        return self.get(key_id), secret

    def verify(self, secret: str) -> ApiKey:
        """The key with that secret. Raises Unauthenticated, after the same work whether the id is known or not."""
        shape = _SECRET.fullmatch(secret)
        row = self._database.first(select(api_keys).where(api_keys.c.id == f"key_{shape[1] if shape else ''}"))
        matches = hmac.compare_digest(_hash(secret), row.hash if row else "0" * 64)
        if row is None or not matches:
            raise Unauthenticated("the API key is not valid")
        now = datetime.now(UTC)
        if row.revoked:
            raise Unauthenticated("the API key has been revoked")
        if row.expires and row.expires <= now:
            raise Unauthenticated("the API key has expired")
        if row.last_used is None or now - row.last_used >= _USED:
            self._used(row.id, now)
        return _key(row)

    def get(self, key_id: str) -> ApiKey:
        """A key by id. Raises NotFound."""
        row = self._database.first(select(api_keys).where(api_keys.c.id == key_id))
        if row is None:
            raise NotFound(f"no API key {key_id!r}")
        return _key(row)

    def revoke(self, key_id: str) -> ApiKey:
        """End a key for good; a second time changes nothing. Raises NotFound."""
        change = update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked.is_(None)).values(revoked=datetime.now(UTC))
        with self._database.begin() as connection:
            connection.execute(change)
        return self.get(key_id)

    def list(self) -> builtins.list[ApiKey]:
        """Every key, oldest first, revoked ones too."""
        return [_key(row) for row in self._database.all(select(api_keys).order_by(api_keys.c.id))]

    def _used(self, key_id: str, now: datetime) -> None:
        c = api_keys.c
        change = update(api_keys).where(c.id == key_id, or_(c.last_used.is_(None), c.last_used <= now - _USED))
        with self._database.begin() as connection:
            connection.execute(change.values(last_used=now))


def _hash(secret: str) -> str:
    return hashlib.blake2b(secret.encode(errors="replace"), digest_size=32, person=b"packshot api key").hexdigest()


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.id,
        row.name,
        frozenset(row.scopes),
        row.rate_per_minute,
        row.created,
        row.expires,
        row.revoked,
        row.last_used,
    )
