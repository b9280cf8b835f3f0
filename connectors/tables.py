"""Tables of the record database, and the one dialect difference we have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Dialect, Index, Integer, MetaData, String, Table, Text, TypeDecorator
from sqlalchemy.dialects import postgresql, sqlite

SCHEMA_VERSION = 1


class Utc(TypeDecorator[datetime]):
    """An aware datetime, kept as UTC without a zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


metadata = MetaData()

packshot_schema = Table(
    "packshot_schema", metadata, Column("name", String, primary_key=True), Column("version", Integer, nullable=False)
)

images = Table(
    "images",
    metadata,
    Column("uri", Text, primary_key=True),
    Column("stamp", Text, nullable=False),
    Column("digest", String(64), nullable=False),
)

shots = Table(
    "shots",
    metadata,
    Column("catalog", Text, primary_key=True),
    Column("shot_id", Text, primary_key=True),
    Column("key", String(64), nullable=False),
    Column("parts", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("path", Text, nullable=False),
    Column("run", String(64), nullable=False),
    Column("updated_at", Utc, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("catalog", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("counts", JSON, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("started", Utc, nullable=False),
    Column("finished", Utc),
    Index("runs_by_start", "started"),
)


def upsert(table: Table, dialect: str) -> Any:
    """INSERT that replaces the row with the same primary key (SQLite and PostgreSQL)."""
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    fresh = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=fresh)


def insert_new(table: Table, dialect: str) -> Any:
    """INSERT that leaves an existing row alone."""
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return insert.on_conflict_do_nothing()
