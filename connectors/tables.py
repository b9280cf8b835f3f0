"""Tables of the record database."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

from connectors.database import Utc

SCHEMA_VERSION = 1

metadata = MetaData()

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

plans = Table(
    "plans",
    metadata,
    Column("catalog", Text, primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("facts", String(32), nullable=False),
    Column("proof", String(32), nullable=False),
    Column("photos", Text, nullable=False),
    Column("shots", Text, nullable=False),
    Column("rule", Text, nullable=False),
    sqlite_with_rowid=False,
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

galleries = Table(
    "galleries",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("sku", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("live", JSON, nullable=False),
    Column("wanted", JSON, nullable=False),
    Column("ids", JSON, nullable=False),
    Column("stamp", Utc),
    Column("holder", String(64), nullable=False),
    Column("held_until", Utc, nullable=False),
    Column("updated", Utc, nullable=False),
    Index("galleries_by_sku", "sku"),
    Index("galleries_by_state", "connection", "state"),
)

gallery_history = Table(
    "gallery_history",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("connection", String(64), nullable=False),
    Column("ref", Text, nullable=False),
    Column("sku", Text, nullable=False),
    Column("items", JSON, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Index("gallery_history_by_ref", "connection", "ref", "id"),
)

sync_cursors = Table(
    "sync_cursors",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("cursor", Text, nullable=False),
    Column("updated", Utc, nullable=False),
)

sync_products = Table(
    "sync_products",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("sku", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("updated", Utc),
    Column("gone", Boolean, nullable=False),
    Column("product", JSON, nullable=False),
    Column("taken", Utc, nullable=False),
    Index("sync_products_by_sku", "connection", "sku"),
)

sync_messages = Table(
    "sync_messages",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("at", Utc, nullable=False),
    Index("sync_messages_by_time", "at"),
)

sync_waiting = Table(
    "sync_waiting",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("at", Utc),
    Column("due", Utc, nullable=False),
    Column("held_until", Utc, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("orders", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("error", Text, nullable=False),
    Index("sync_waiting_by_time", "due"),
)

waits = Table(
    "waits",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("since", Utc, nullable=False),
)

spend = Table(
    "spend",
    metadata,
    Column("run", String(64), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("tier", String(16), primary_key=True),
    Column("brand", Text, primary_key=True),
    Column("template", Text, primary_key=True),
    Column("destination", Text, primary_key=True),
    Column("step", String(64), primary_key=True),
    Column("model", String(64), primary_key=True),
    Column("runs", Integer, nullable=False),
    Column("released", Integer, nullable=False),
    Column("cpu_s", Float, nullable=False),
    Column("gpu_s", Float, nullable=False),
    Column("lost_s", Float, nullable=False),
    Column("price", Float, nullable=False),
    Index("spend_by_day", "day"),
)

spend_seen = Table(
    "spend_seen",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("at", Utc, nullable=False),
    Index("spend_seen_by_time", "at"),
)
