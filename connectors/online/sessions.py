"""`Sessions`: who is signed in to the console, in SQL, so that every ingress process knows and a sign-out holds at once."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, select, update

from connectors.online.store import Store
from connectors.online.tables import console_sessions
from studio.errors import Unauthenticated

LONGEST = timedelta(hours=8)
"""A session ends so long after its sign-in (OWASP's Session Management Cheat Sheet: 4 to 8 h for who works with it all day)."""
IDLE = timedelta(hours=2)
"""And so long after the last page was asked for."""
_NOTED = timedelta(minutes=1)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in with an API key. Times are UTC."""

    key_id: str
    created: datetime
    expires: datetime


class Sessions(Store):
    """Tokens have 256 random bits and are kept as BLAKE2b digests: who reads the database cannot sign in with what is there."""

    def begin(self, key_id: str, *, now: datetime | None = None) -> str:
        """A new session of this API key; its token, which is shown this once. Sessions that ended are forgotten on the way."""
        token, at = secrets.token_urlsafe(32), now or datetime.now(UTC)
        c = console_sessions.c
        with self._database.begin() as connection:
            connection.execute(delete(console_sessions).where(c.created < at - LONGEST))
            connection.execute(insert(console_sessions), {"hash": _hash(token), "key_id": key_id, "created": at, "seen": at})
        return token

    def find(self, token: str, *, now: datetime | None = None) -> Session:
        """The session of a token; being looked for keeps it from ending early. Raises Unauthenticated when there is none."""
        c, at = console_sessions.c, now or datetime.now(UTC)
        name = _hash(token)
        row = self._database.first(select(console_sessions).where(c.hash == name)) if _TOKEN.fullmatch(token) else None
        if row is None or row.created <= at - LONGEST or row.seen <= at - IDLE:
            raise Unauthenticated("sign in to go on")
        if at - row.seen >= _NOTED:
            with self._database.begin() as connection:
                connection.execute(update(console_sessions).where(c.hash == name).values(seen=at))
        return Session(row.key_id, row.created, min(row.created + LONGEST, at + IDLE))

    def end(self, token: str) -> None:
        """Sign out; a second time changes nothing."""
        with self._database.begin() as connection:
            connection.execute(delete(console_sessions).where(console_sessions.c.hash == _hash(token)))


def _hash(token: str) -> str:
    return hashlib.blake2b(token.encode(errors="replace"), digest_size=32, person=b"packshot console").hexdigest()
