"""Tables of the online service: orders and their events, batches, API keys, webhooks, products."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import JSON, Boolean, Column, Index, Integer, MetaData, String, Table, Text, literal_column
from sqlalchemy.dialects import postgresql

from connectors.database import Utc

SCHEMA_VERSION = 1

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""`claimed` of an order that nobody has claimed: a time, so that the index serves the sweeper."""

metadata = MetaData()

Id = String(40).with_variant(postgresql.VARCHAR(40, collation="C"), "postgresql")
"""Ids compare by bytes, so that their order is the order of time in every locale."""


orders = Table(
    "orders",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key_id", String(40), nullable=False),
    Column("priority", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("spec", JSON, nullable=False),
    Column("sku", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("batch", String(40), nullable=False),
    Column("trace", String(32), nullable=False),
    Column("created", Utc, nullable=False),
    Column("updated", Utc, nullable=False),
    Column("deadline", Utc),
    Column("attempts", Integer, nullable=False),
    Column("result", JSON, nullable=False),
    Column("error", JSON, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("claimed", Utc, nullable=False),
    Column("events", Integer, nullable=False),
    Column("idempotency_key", Text),
    Column("request_digest", Text, nullable=False),
    Index("orders_by_idempotency", "key_id", "idempotency_key", unique=True),
    Index("orders_by_state", "state", "id"),
    Index("orders_by_claim", "state", "priority", "claimed", "id"),
    Index("orders_by_key", "key_id", "id"),
    Index("orders_by_sku", "sku", "id"),
    Index("orders_by_batch", "batch", "state"),
)

HAS_ENDED = orders.c.state.not_in([literal_column("'queued'"), literal_column("'running'")])
"""In words of its own, not as a parameter: SQLite uses a partial index where a query says the same words."""
Index("orders_by_end", orders.c.updated, orders.c.state, sqlite_where=HAS_ENDED, postgresql_where=HAS_ENDED)

order_events = Table(
    "order_events",
    metadata,
    Column("order_id", Id, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", JSON, nullable=False),
)

publications = Table(
    "publications",
    metadata,
    Column("order_id", Id, primary_key=True),
    Column("shot_key", String(64), primary_key=True),
    Column("place", Text, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("path", Text, nullable=False),
    Column("at", Utc, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key_id", String(40), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("total", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("created", Utc, nullable=False),
    Column("updated", Utc, nullable=False),
    Column("idempotency_key", Text),
    Column("request_digest", Text, nullable=False),
    Index("batches_by_idempotency", "key_id", "idempotency_key", unique=True),
    Index("batches_by_key", "key_id", "id"),
)

batch_errors = Table(
    "batch_errors",
    metadata,
    Column("batch_id", Id, primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("field", Text, primary_key=True),
    Column("sku", Text, nullable=False),
    Column("code", String(64), nullable=False),
    Column("message", Text, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("rate_per_minute", Integer),
    Column("created", Utc, nullable=False),
    Column("expires", Utc),
    Column("revoked", Utc),
    Column("last_used", Utc),
)

endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key_id", String(40), nullable=False),
    Column("url", Text, nullable=False),
    Column("events", JSON, nullable=False),
    Column("secrets", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("disabled_reason", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("created", Utc, nullable=False),
    Column("updated", Utc, nullable=False),
    Index("webhook_endpoints_by_key", "key_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key_id", String(40), nullable=False),
    Column("order_id", String(40), nullable=False),
    Column("type", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("at", Utc, nullable=False),
)

deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("endpoint_id", Id, nullable=False),
    Column("event_id", Id, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("next_at", Utc, nullable=False),
    Column("last_status", Integer),
    Column("last_error", Text, nullable=False),
    Column("created", Utc, nullable=False),
    Column("updated", Utc, nullable=False),
    Index("webhook_deliveries_due", "state", "next_at"),
    Index("webhook_deliveries_by_endpoint", "endpoint_id", "id"),
)

hook_sources = Table(
    "hook_sources",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("key_id", String(40), nullable=False),
    Column("secrets", JSON, nullable=False),
    Column("data", JSON, nullable=False),
    Column("created", Utc, nullable=False),
)

products = Table(
    "products",
    metadata,
    Column("sku", Text, primary_key=True),
    Column("catalog", Text, nullable=False),
    Column("product", JSON, nullable=False),
    Column("updated", Utc, nullable=False),
)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("key_id", String(40), nullable=False),
    Column("created", Utc, nullable=False),
    Column("seen", Utc, nullable=False),
    Index("console_sessions_by_time", "created"),
)
