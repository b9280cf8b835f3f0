"""`Endpoints`: where the webhooks of a key go."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update

from connectors.online.hook_secrets import HookSecret, from_json, live, new_secret, rotated, to_json
from connectors.online.ids import new_id
from connectors.online.store import Store
from connectors.online.tables import deliveries, endpoints
from studio.errors import NotFound

OVERLAP_S = 86_400.0
"""How long a rotated secret still signs."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook endpoint of a key. `events` are globs over event types (`order.*`), `secrets` current one first. Times UTC."""

    id: str
    key_id: str
    url: str
    events: tuple[str, ...]
    secrets: tuple[HookSecret, ...]
    enabled: bool
    disabled_reason: str
    description: str
    created: datetime
    updated: datetime

    @property
    def live_secrets(self) -> tuple[str, ...]:
        """Secrets to sign with now."""
        return tuple(s.secret for s in live(self.secrets))


class Endpoints(Store):
    """With a `key_id`, endpoints of other keys are NotFound."""

    def create(
        self, key_id: str, url: str, events: Sequence[str] = ("*",), *, description: str = "", secret: str = ""
    ) -> Endpoint:
        """A new endpoint, enabled, with a fresh secret if none is given."""
        now = datetime.now(UTC)
        row = {
            "id": new_id("we"),
            "key_id": key_id,
            "url": url,
            "events": list(events),
            "secrets": to_json([HookSecret(secret or new_secret())]),
            "enabled": True,
            "disabled_reason": "",
            "description": description,
            "created": now,
            "updated": now,
        }
        with self._database.begin() as connection:
            connection.execute(insert(endpoints), row)
        return self.get(str(row["id"]))

    def get(self, endpoint_id: str, key_id: str | None = None) -> Endpoint:
        """An endpoint. Raises NotFound."""
        row = self._database.first(_query(endpoint_id, key_id))
        if row is None:
            raise NotFound(f"no webhook endpoint {endpoint_id!r}")
        return _endpoint(row)

    def list(self, *, key_id: str | None = None) -> builtins.list[Endpoint]:
        """Endpoints of a key (all without one), oldest first."""
        query = select(endpoints) if key_id is None else select(endpoints).where(endpoints.c.key_id == key_id)
        return [_endpoint(row) for row in self._database.all(query.order_by(endpoints.c.id))]

    def update(
        self,
        endpoint_id: str,
        *,
        key_id: str | None = None,
        url: str | None = None,
        events: Sequence[str] | None = None,
        enabled: bool | None = None,
        description: str | None = None,
    ) -> Endpoint:
        """Set what is given; enabling clears the reason it was disabled for. Raises NotFound."""
        given = {"url": url, "events": None if events is None else list(events), "enabled": enabled, "description": description}
        values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if enabled is not None:
            values["disabled_reason"] = "" if enabled else "disabled by its owner"
        return self._change(endpoint_id, key_id, values)

    def rotate(self, endpoint_id: str, *, key_id: str | None = None, overlap_s: float = OVERLAP_S) -> Endpoint:
        """A fresh secret; the old ones sign beside it for `overlap_s`. Raises NotFound."""
        until = datetime.now(UTC) + timedelta(seconds=overlap_s)
        with self._database.begin() as connection:
            row = connection.execute(_query(endpoint_id, key_id).with_for_update()).first()
            if row is None:
                raise NotFound(f"no webhook endpoint {endpoint_id!r}")
            fresh = to_json(rotated(from_json(row.secrets), new_secret(), until))
            connection.execute(
                update(endpoints).where(endpoints.c.id == endpoint_id).values(secrets=fresh, updated=datetime.now(UTC))
            )
        return self.get(endpoint_id)

    def disable(self, endpoint_id: str, reason: str) -> Endpoint:
        """Send nothing more there until it is enabled again. Raises NotFound."""
        return self._change(endpoint_id, None, {"enabled": False, "disabled_reason": reason})

    def delete(self, endpoint_id: str, *, key_id: str | None = None) -> None:
        """Remove an endpoint and its deliveries. Raises NotFound."""
        with self._database.begin() as connection:
            if connection.execute(_query(endpoint_id, key_id)).first() is None:
                raise NotFound(f"no webhook endpoint {endpoint_id!r}")
            connection.execute(delete(deliveries).where(deliveries.c.endpoint_id == endpoint_id))
            connection.execute(delete(endpoints).where(endpoints.c.id == endpoint_id))

    def _change(self, endpoint_id: str, key_id: str | None, values: dict[str, Any]) -> Endpoint:
        change = update(endpoints).where(endpoints.c.id == endpoint_id).values(updated=datetime.now(UTC), **values)
        with self._database.begin() as connection:
            connection.execute(change if key_id is None else change.where(endpoints.c.key_id == key_id))
        return self.get(endpoint_id, key_id)


def _query(endpoint_id: str, key_id: str | None) -> Select[Any]:
    query = select(endpoints).where(endpoints.c.id == endpoint_id)
    return query if key_id is None else query.where(endpoints.c.key_id == key_id)


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        row.id,
        row.key_id,
        row.url,
        tuple(row.events),
        from_json(row.secrets),
        row.enabled,
        row.disabled_reason,
        row.description,
        row.created,
        row.updated,
    )
