"""`HookSources`: who may send us signed products (`POST /hooks/generic/<name>`)."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, select, update

from connectors.database import added
from connectors.online.hook_secrets import HookSecret, from_json, live, new_secret, rotated, to_json
from connectors.online.store import Store
from connectors.online.tables import hook_sources
from studio.errors import Conflict, InputError, NotFound

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class HookSource:
    """A sender. Its orders belong to the API key `key_id`; `data` is JSON of the service (default template and the like)."""

    name: str
    key_id: str
    secrets: tuple[HookSecret, ...]
    data: Mapping[str, Any]
    created: datetime

    @property
    def live_secrets(self) -> tuple[str, ...]:
        """Secrets that a signature may be made with now."""
        return tuple(s.secret for s in live(self.secrets))


class HookSources(Store):
    """Who may send us products."""

    def add(self, name: str, *, key_id: str = "", secret: str = "", data: Mapping[str, Any] | None = None) -> HookSource:
        """A new sender, with a fresh secret if none is given. Raises InputError for a name that is no URL part, Conflict."""
        if not _NAME.fullmatch(name):
            raise InputError(f"{name!r}: use lowercase letters, digits and hyphens, at most 64")
        kept = to_json([HookSecret(secret or new_secret())])
        row = {"name": name, "key_id": key_id, "secrets": kept, "data": dict(data or {}), "created": datetime.now(UTC)}
        with self._database.begin() as connection:
            if not added(connection, hook_sources, row):
                raise Conflict(f"there is a hook source {name!r} already")
        return self.get(name)

    def get(self, name: str) -> HookSource:
        """A sender by name. Raises NotFound."""
        row = self._database.first(select(hook_sources).where(hook_sources.c.name == name))
        if row is None:
            raise NotFound(f"no hook source {name!r}")
        return _source(row)

    def list(self) -> builtins.list[HookSource]:
        """Every sender, by name."""
        return [_source(row) for row in self._database.all(select(hook_sources).order_by(hook_sources.c.name))]

    def rotate(self, name: str, *, overlap_s: float = 86_400.0) -> HookSource:
        """A fresh secret; signatures with the old ones are taken for `overlap_s` more. Raises NotFound."""
        c = hook_sources.c
        until = datetime.now(UTC) + timedelta(seconds=overlap_s)
        with self._database.begin() as connection:
            row = connection.execute(select(hook_sources).where(c.name == name).with_for_update()).first()
            if row is None:
                raise NotFound(f"no hook source {name!r}")
            fresh = to_json(rotated(from_json(row.secrets), new_secret(), until))
            connection.execute(update(hook_sources).where(c.name == name).values(secrets=fresh))
        return self.get(name)

    def remove(self, name: str) -> None:
        """Take nothing more from this sender. Raises NotFound."""
        with self._database.begin() as connection:
            if connection.execute(delete(hook_sources).where(hook_sources.c.name == name)).rowcount == 0:
                raise NotFound(f"no hook source {name!r}")


def _source(row: Row[Any]) -> HookSource:
    return HookSource(row.name, row.key_id, from_json(row.secrets), row.data, row.created)
