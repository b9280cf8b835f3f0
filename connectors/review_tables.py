"""Tables of the review queue, in the record database beside the shots they are about."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, Index, String, Table, Text

from connectors.database import Utc
from connectors.tables import metadata, shots

_HELD = shots.c.status == "rejected"
Index("shots_held_back", shots.c.updated_at, sqlite_where=_HELD, postgresql_where=_HELD)

review_items = Table(
    "review_items",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("origin", String(16), nullable=False),
    Column("place", Text, nullable=False),
    Column("shot", Text, nullable=False),
    Column("key", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("source", String(64), nullable=False),
    Column("thumb", String(64), nullable=False),
    Column("sku", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("slot", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("uncertainty", Float, nullable=False),
    Column("report", JSON, nullable=False),
    Column("run", String(64), nullable=False),
    Column("follows", String(40), nullable=False),
    Column("owner", String(40), nullable=False),
    Column("at", Utc, nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided", Utc),
    Index("review_items_by_doubt", "state", "uncertainty", "id"),
    Index("review_items_by_time", "state", "at", "id"),
    Index("review_items_by_choice", "state", "owner", "origin", "template", "destination", "reason"),
    Index("review_items_by_sku", "sku"),
    Index("review_items_by_name", "state", "sku", "id"),
    Index("review_items_by_place", "place"),
)

review_decisions = Table(
    "review_decisions",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("item", String(40), nullable=False),
    Column("batch", String(40), nullable=False),
    Column("action", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("note", Text, nullable=False),
    Column("change", JSON, nullable=False),
    Column("order_id", String(40), nullable=False),
    Column("by_key", String(40), nullable=False),
    Column("by_name", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Column("applied", Boolean, nullable=False),
    Column("undone", Utc),
    Column("undone_by", Text, nullable=False),
    Index("review_decisions_by_item", "item", "id"),
    Index("review_decisions_by_batch", "batch"),
    Index("review_decisions_by_key", "by_key", "id"),
)
_TO_DO = review_decisions.c.applied.is_(False)
Index("review_decisions_to_do", review_decisions.c.id, sqlite_where=_TO_DO, postgresql_where=_TO_DO)

review_marks = Table(
    "review_marks",
    metadata,
    Column("origin", String(16), primary_key=True),
    Column("upto", Utc, nullable=False),
)
