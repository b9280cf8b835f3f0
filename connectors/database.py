"""`Database`: one SQL database (SQLite or PostgreSQL), its tables made on first use, and its errors mapped to ours."""

from __future__ import annotations

import json
import math
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Executable,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    create_engine,
    event,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.schema import CreateIndex, CreateTable

from studio.errors import InputError, SettingsError, StorageError, StorageUnavailable

T = TypeVar("T")
BATCH = 1000
"""Rows of one executemany, and of one fetch."""
_MAKING = 0x7061636B
"""PostgreSQL advisory lock held while tables are made: CREATE IF NOT EXISTS alone races there."""

PATIENCE_S = 30.0
"""How long a writer waits for SQLite's lock."""
_AGAIN_S = 0.002
"""Between two attempts to have it. SQLite itself waits up to 100 ms between two, and a writer that begins again at
once keeps it out again and again."""

packshot_schema = Table(
    "packshot_schema", MetaData(), Column("name", String, primary_key=True), Column("version", Integer, nullable=False)
)


class Utc(TypeDecorator[datetime]):
    """An aware datetime, kept as UTC without a zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


class Database:
    """SQLite or PostgreSQL by SQLAlchemy URL (or the path of an SQLite file). Safe for many threads and processes.

    `name` and `version` mark the set of tables; a set made by a newer Packshot raises StorageError. Every call raises
    SettingsError for a URL that cannot be used, StorageUnavailable when the database does not answer, InputError for a value
    it cannot hold (a lone surrogate; on PostgreSQL NUL in text), StorageError for everything else it objects to.
    """

    def __init__(self, url: str, metadata: MetaData, name: str, version: int) -> None:
        self.url = url if "://" in url else f"sqlite:///{url}"
        self._metadata, self._name, self._version = metadata, name, version
        self._made: Engine | None = None
        self._making = threading.Lock()
        self._writing = threading.Lock()

    def rows(self, query: Executable) -> Iterator[Any]:
        """Rows as they come; the connection is held until the last one."""
        with _mapped(), self._engine().connect() as connection:
            yield from connection.execution_options(yield_per=BATCH).execute(query)

    def all(self, query: Executable) -> Sequence[Any]:
        """Every row at once."""
        with _mapped(), self._engine().connect() as connection:
            return connection.execute(query).all()

    def first(self, query: Executable) -> Any | None:
        """The first row, or None."""
        with _mapped(), self._engine().connect() as connection:
            return connection.execute(query).first()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that writes: committed at the end, undone by an error.

        SQLite has one writer: the lock is taken at the start, so that what is read inside stays true; threads of this process
        queue for it here, because SQLite itself would have them poll.
        """
        with _mapped():
            engine = self._engine()
            if engine.dialect.name != "sqlite":
                with engine.begin() as connection:
                    yield connection
                return
            with self._writing, engine.begin() as connection:
                _lock(connection)
                yield connection

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        with self._making:
            if self._made:
                self._made.dispose()
            self._made = None

    def _engine(self) -> Engine:
        if self._made is not None:
            return self._made
        with self._making:
            if self._made is None:
                engine = _open(self.url)
                self._create(engine)
                self._made = engine
            return self._made

    def _create(self, engine: Engine) -> None:
        """Make what is missing. Several processes may do so at once."""
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                _lock(connection)
            else:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MAKING})
            for table in (packshot_schema, *self._metadata.sorted_tables):
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))
            row = {"name": self._name, "version": self._version}
            connection.execute(insert_new(packshot_schema, engine.dialect.name), row)
            query = select(packshot_schema.c.version).where(packshot_schema.c.name == self._name)
            version = connection.execute(query).scalar_one()
        if version != self._version:
            raise StorageError(f"the database has schema {version}, this Packshot needs {self._version}")


@cache
def upsert(table: Table, dialect: str) -> Any:
    """INSERT that replaces the row with the same primary key (SQLite and PostgreSQL)."""
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    fresh = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=fresh)


@cache
def insert_new(table: Table, dialect: str) -> Any:
    """INSERT that leaves an existing row alone."""
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return insert.on_conflict_do_nothing()


def added(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless it is there; whether it was inserted. It is asked for, because psycopg does not count it."""
    return connection.execute(_insert_told(table, connection.dialect.name), row).first() is not None


@cache
def _insert_told(table: Table, dialect: str) -> Any:
    return insert_new(table, dialect).returning(*table.primary_key.columns)


def batched(rows: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """Lists of `size` rows, the last one shorter."""
    rest = iter(rows)
    while some := list(islice(rest, size)):
        yield some


def _open(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise SettingsError(f"database {parsed.render_as_string()}: use sqlite or postgresql")
        if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, pool_pre_ping=parsed.get_backend_name() == "postgresql", json_serializer=_json)
    except (ArgumentError, NoSuchModuleError) as error:
        raise SettingsError(f"not a database URL: {error}") from None
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"the database driver {error.name!r} is not installed (for PostgreSQL: pip install psycopg[binary])"
        ) from None
    except OSError as error:
        raise StorageError(f"{url}: {error.strerror}") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tune_sqlite)
    return engine


def _tune_sqlite(connection: Any, _record: Any) -> None:
    """Readers beside one writer. Transactions begin where `begin` says so."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (_patient(PATIENCE_S), "journal_mode=WAL", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _lock(connection: Connection) -> None:
    """Begin a transaction of SQLite that may write. Raises OperationalError, when others have the lock for `PATIENCE_S` too."""
    database: Any = connection.connection.dbapi_connection
    until = time.monotonic() + PATIENCE_S
    database.execute(f"PRAGMA {_patient(0)}")
    try:
        while time.monotonic() < until:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:  # the low byte: whatever keeps it busy
                    break
                time.sleep(_AGAIN_S)
            else:
                return
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        database.execute(f"PRAGMA {_patient(PATIENCE_S)}")


def _patient(seconds: float) -> str:
    return f"busy_timeout={seconds * 1000:.0f}"


def _json(value: Any) -> str:
    """JSON as PostgreSQL takes it: infinities and NaN become null."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise StorageUnavailable(f"database: {error}") from None
    except (DataError, UnicodeEncodeError, OverflowError) as error:
        raise InputError(f"the database cannot hold this value: {error}") from None
    except StatementError as error:
        if isinstance(error.orig, ValueError | OverflowError):
            raise InputError(f"the database cannot hold this value: {error.orig}") from None
        raise StorageError(f"database: {error}") from None
    except SQLAlchemyError as error:
        raise StorageError(f"database: {error}") from None
