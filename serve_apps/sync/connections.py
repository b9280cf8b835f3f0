"""`Connections`: the shops, PIMs and DAMs of the settings, each opened when it is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor, open_vendor
from studio.errors import NotFound


class Connections:
    """One a process: a vendor's pace is kept by what was opened. Thread-safe."""

    def __init__(self, configured: Mapping[str, Connection]) -> None:
        self._configured = dict(configured)
        self._opened: dict[str, Vendor] = {}
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._configured)

    def get(self, name: str) -> Connection | None:
        """What the settings say about it, None where they say nothing."""
        return self._configured.get(name)

    def vendor(self, name: str) -> Vendor:
        """What it can do. Raises NotFound, SettingsError for what its settings lack, InputError for its mapping."""
        connection = self._configured.get(name)
        if connection is None:
            raise NotFound(f"the settings have no connection {name!r}")
        with self._lock:
            if name not in self._opened:
                self._opened[name] = open_vendor(connection)
            return self._opened[name]
