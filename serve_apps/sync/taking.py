"""`Taking`: messages of all connections into the records, as many in one transaction as came while the last one was written."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.sync_state import SyncState, Taken
from connectors.vendors.base import Told
from studio.errors import PackshotError

MOST = 200
"""Messages in one transaction."""


@dataclass(frozen=True, slots=True)
class _One:
    connection: str
    told: Sequence[Told]
    taken: Future[Taken] = field(default_factory=Future)


class Taking:
    """SQLite has one writer and pays for each transaction, so messages wait for each other there and share one. On PostgreSQL
    every message has its own, so that two processes never wait for each other's rows. Safe for many event loops and threads."""

    def __init__(self, state: SyncState) -> None:
        self._state = state
        self._waiting: list[_One] = []
        self._lock = threading.Lock()
        self._writing = False

    async def take(self, connection: str, told: Sequence[Told]) -> Taken:
        """What became of them, once it is committed. Raises what `SyncState.take` raises."""
        if not self._state.one_writer:
            return await asyncio.to_thread(self._state.take, connection, told, now=datetime.now(UTC))
        one = _One(connection, told)
        with self._lock:
            self._waiting.append(one)
            begin, self._writing = not self._writing, True
        if begin:
            asyncio.get_running_loop().run_in_executor(None, self._write)
        return await asyncio.wrap_future(one.taken)

    def _write(self) -> None:
        """Until nobody waits any more."""
        while True:
            with self._lock:
                some, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                if not some:
                    self._writing = False
                    return
            self._commit([one for one in some if one.taken.set_running_or_notify_cancel()])

    def _commit(self, some: Sequence[_One]) -> None:
        try:
            found = self._state.take_all([(one.connection, one.told) for one in some], now=datetime.now(UTC))
        except PackshotError as error:
            if len(some) == 1:
                some[0].taken.set_exception(error)
                return
            for one in some:  # what the database cannot hold fails alone
                self._commit([one])
            return
        except BaseException as error:
            for one in some:
                one.taken.set_exception(error)
            raise
        for one, taken in zip(some, found, strict=True):
            one.taken.set_result(taken)
