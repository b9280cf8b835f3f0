"""`Store`: what every part of the online database has in common."""

from __future__ import annotations

from connectors.database import Database
from connectors.online.tables import SCHEMA_VERSION, metadata


class Store:
    """A part of the online database. Safe for many threads and processes; travels to another process by its URL.

    `database` is an SQLAlchemy URL, or one `Database` (see `online`) that several stores of a process share: fewer connections,
    and writers that queue for SQLite instead of polling.
    """

    def __init__(self, database: str | Database) -> None:
        self._database = database if isinstance(database, Database) else online(database)

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._database.close()

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self._database.url,)


def online(url: str) -> Database:
    """The online database at a URL, to be shared by stores."""
    return Database(url, metadata, "online", SCHEMA_VERSION)
