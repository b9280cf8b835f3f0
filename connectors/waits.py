"""`Waits`: since when products wait, kept in the record database so that another process knows it too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from connectors.database import Database, batched, insert_new
from connectors.tables import waits
from studio.keys import digest_of

WORTH = timedelta(minutes=1)
"""Shorter waits are not written down: nearly all are, and a process that begins anew is wrong by no more."""
_SOME = 500

Place = tuple[str, str]
"""Connection and ref."""


class Waits:
    """Rows that wait say when they were last tried; this says when they were first seen. For one thread at a time.

    A place is kept by its digest: the table names no product.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._since: dict[Place, datetime] = {}

    def since(self, found: Mapping[Place, datetime], now: datetime, *, every: bool = True) -> Mapping[Place, datetime]:
        """Since when each waits. `found`: all that wait now, or some of them where not `every`, with the time of the last try.
        Raises what `Database` raises."""
        known = {row.name: row.since for row in self._database.all(select(waits))}
        names = {place: digest_of(place) for place in found}
        self._since = {
            place: min(at, now, self._since.get(place, at), known.get(names[place], at)) for place, at in found.items()
        }
        new = {names[place]: at for place, at in self._since.items() if now - at >= WORTH and names[place] not in known}
        self._write(new, known.keys() - set(names.values()) if every else set())
        return self._since

    def _write(self, new: Mapping[str, datetime], over: set[str]) -> None:
        if not new and not over:
            return
        with self._database.begin() as opened:
            for some in batched(sorted(new.items())):
                opened.execute(insert_new(waits, opened.dialect.name), [{"name": name, "since": at} for name, at in some])
            for gone in batched(sorted(over), _SOME):
                opened.execute(delete(waits).where(waits.c.name.in_(gone)))
