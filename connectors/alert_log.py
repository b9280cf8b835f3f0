"""`AlertLog`: which alerts there are, and on which channel which of them was told, in the online database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import JSON, Column, Index, MetaData, String, Table, delete, select

from connectors.alerts import Alert
from connectors.database import Database, added, upsert

SCHEMA_VERSION = 1
KEPT = timedelta(days=30)
"""How long an alert that is over is remembered."""
metadata = MetaData()
alerts = Table(
    "alerts",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("alert", JSON, nullable=False),
    Column("updated", String(32), nullable=False),
    Index("alerts_by_status", "status", "updated"),
)
told = Table(
    "alerts_told",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("at", String(32), nullable=False),
    Index("alerts_told_by_time", "at"),
)


class AlertLog:
    """SQLite or PostgreSQL by URL. Safe for many threads and processes; raises what `Database` raises."""

    def __init__(self, url: str | Database) -> None:
        self._database = url if isinstance(url, Database) else Database(url, metadata, "alerts", SCHEMA_VERSION)

    def keep(self, new: Sequence[Alert], *, now: datetime | None = None) -> None:
        """Write down how alerts are now, and forget what has long been over."""
        at = now or datetime.now(UTC)
        rows = {one.fingerprint: one for one in new}
        with self._database.begin() as connection:
            old = alerts.delete().where(alerts.c.status == "resolved", alerts.c.updated < _text(at - KEPT))
            connection.execute(old)
            connection.execute(delete(told).where(told.c.at < _text(at - KEPT)))
            for one in rows.values():
                row = {"fingerprint": one.fingerprint, "status": one.status, "alert": _json(one), "updated": _text(at)}
                connection.execute(upsert(alerts, connection.dialect.name), row)

    def untold(self, new: Sequence[Alert], channel: str) -> list[Alert]:
        """Those that this channel has not taken in their state of now."""
        ids = [one.id for one in new]
        known = set(self._database.all(select(told.c.id).where(told.c.channel == channel, told.c.id.in_(ids)))) if ids else set()
        names = {row[0] for row in known}
        return [one for one in new if one.id not in names]

    def tell(self, taken: Sequence[Alert], channel: str, *, now: datetime | None = None) -> None:
        """Write down that a channel took them."""
        at = _text(now or datetime.now(UTC))
        with self._database.begin() as connection:
            for one in taken:
                added(connection, told, {"id": one.id, "channel": channel, "at": at})

    def firing(self) -> list[Alert]:
        """Alerts that fire, the latest news first."""
        query = select(alerts.c.alert).where(alerts.c.status == "firing").order_by(alerts.c.updated.desc(), alerts.c.fingerprint)
        return [Alert.model_validate(row.alert) for row in self._database.all(query)]

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._database.close()


def _json(alert: Alert) -> object:
    return alert.model_dump(mode="json", by_alias=True)


def _text(at: datetime) -> str:
    """Text that sorts by time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
