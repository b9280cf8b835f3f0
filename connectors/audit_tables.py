"""The audit log's table, in the record database."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text

from connectors.database import Utc
from connectors.tables import metadata

audit_lines = Table(
    "audit_lines",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(32), nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("audit_lines_by_action", "action", "seq"),
    Index("audit_lines_by_target", "target", "seq"),
)
