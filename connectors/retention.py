"""What has been kept long enough: ended orders by their age. Who wants them gone erases them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from connectors.online.order import ENDED
from connectors.online.store import Store
from connectors.online.tables import orders

MOST = 10_000
"""Orders of one erasure: each is looked for in every run and record, in memory."""


class Retention(Store):
    """Orders of the online database by age."""

    def ended(self, before: datetime, *, key_id: str = "", limit: int = MOST) -> tuple[str, ...]:
        """Ids of orders that ended before then, oldest first; of one API key, or of all."""
        c = orders.c
        query = select(c.id).where(c.state.in_([str(state) for state in ENDED]), c.updated < before).order_by(c.updated, c.id)
        query = query.where(c.key_id == key_id) if key_id else query
        return tuple(row.id for row in self._database.all(query.limit(limit)))
