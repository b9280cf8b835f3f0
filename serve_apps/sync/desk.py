"""`SyncDesk`: takes waiting products up, tries again what went wrong, and forgets none."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from connectors.sync_state import Waiting
from serve_apps.orders.flow import sql
from serve_apps.parts import Parts
from serve_apps.sync.work import Later, SyncWork
from studio.errors import Conflict, Interrupted, PackshotError, SettingsError, VendorDenied

log = logging.getLogger(__name__)

ACTIVE = 200
"""Products that are worked on at a time; most of them wait for their orders."""
HOLD_S = 60.0
"""How long a product is this worker's; while it works the claim is renewed, when it has died another takes it up after this."""
PAUSE_S, MOST_S = 2.0, 600.0
"""Before another attempt, twice as long after each that failed; and the longest."""
ORDERS_AGAIN_S = 5.0
"""Until a product is taken up again whose orders have not ended."""
GIVE_UP = 5
"""Attempts after errors that do not pass by themselves; later the next message or reconciliation finds the product."""
KEPT = timedelta(days=7)
"""How long message ids are kept: BigCommerce repeats for two days (webhooks, 2026-04-01), a person perhaps longer."""
PRUNE_S = 3600.0


@dataclass(slots=True)
class _Job:
    waiting: Waiting
    task: asyncio.Task[None] | None = None


class SyncDesk:
    """One at a time, in the process of the order desk, which carries out what it orders."""

    def __init__(self, parts: Parts, *, poll_s: float = 0.25, hold_s: float = HOLD_S, pause_s: float = PAUSE_S) -> None:
        self._state, self._work = parts.sync, SyncWork(parts)
        self._poll_s, self._hold_s, self._pause_s = poll_s, hold_s, pause_s
        self._jobs: dict[tuple[str, str], _Job] = {}
        self._loop: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    async def launch(self) -> None:
        """Begin, with what an earlier process left as soon as its claims are over."""
        self._stopping.clear()
        self._loop = asyncio.create_task(self._run(), name="sync")

    async def close(self, drain_s: float = 0.0) -> None:
        """Take nothing up any more, and leave what is under way to the next launch."""
        self._stopping.set()
        if self._loop is not None:
            await asyncio.wait([self._loop])
        tasks = [job.task for job in self._jobs.values() if job.task]
        if tasks and drain_s:
            await asyncio.wait(tasks, timeout=drain_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._work.close)

    def check(self) -> None:
        """Raises Interrupted when the loop has died of an error that it should not meet."""
        if self._loop is not None and self._loop.done() and not self._stopping.is_set():
            raise Interrupted(f"the sync desk ended: {self._loop.exception()}")

    async def _run(self) -> None:
        prune_at = 0.0
        clock = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            try:
                await self._take_up()
                if clock() >= prune_at:
                    prune_at = clock() + PRUNE_S
                    await sql(self._state.prune, datetime.now(UTC) - KEPT)
            except PackshotError as error:
                log.warning("waiting products cannot be read now: %s", error.message)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._poll_s)

    async def _take_up(self) -> None:
        """Everything that is due, up to `ACTIVE` products at a time."""
        free = ACTIVE - len(self._jobs)
        if free <= 0:
            return
        for waiting in await sql(self._state.due, now=datetime.now(UTC), limit=free, hold_s=self._hold_s):
            place = waiting.connection, waiting.ref
            if (job := self._jobs.get(place)) is not None:
                # Its claim was running out. What was told meanwhile is not what the work began with: the turn stays.
                job.waiting = replace(waiting, turn=job.waiting.turn)
                continue
            job = self._jobs[place] = _Job(waiting)
            job.task = asyncio.create_task(self._carried(job), name=f"sync {place}")

    async def _carried(self, job: _Job) -> None:
        try:
            await self._tried(job)
        finally:
            del self._jobs[job.waiting.connection, job.waiting.ref]

    async def _tried(self, job: _Job) -> None:
        name, ref = job.waiting.connection, job.waiting.ref
        try:
            said = await self._work.carry_out(job.waiting)
        except Later as later:
            await self._later(job, later.error)
        except PackshotError as error:
            await self._failed(job, error)
        except Exception as error:
            log.exception("%s: %s", name, ref)
            await self._failed(job, PackshotError(f"{type(error).__name__}: {error}"))
        else:
            log.info("%s: %s: %s", name, ref, said)
            await sql(self._state.done, job.waiting)

    async def _failed(self, job: _Job, error: PackshotError) -> None:
        """Errors that pass, and those of the connection as a whole, are waited out however long they take."""
        waiting = job.waiting
        passes = error.retryable or isinstance(error, VendorDenied | SettingsError | Conflict)
        if not passes and waiting.tries + 1 >= GIVE_UP:
            log.error("%s: %s is given up: %s", waiting.connection, waiting.ref, error.message)
            await sql(self._state.done, waiting)
            return
        log.warning("%s: %s, attempt %d: %s", waiting.connection, waiting.ref, waiting.tries + 1, error.message)
        await self._later(job, error.message or error.code)

    async def _later(self, job: _Job, error: str) -> None:
        """Put off until its next attempt, or until its orders may have ended."""
        seconds = min(self._pause_s * 2.0 ** min(job.waiting.tries, 16), MOST_S) if error else ORDERS_AGAIN_S
        await sql(self._state.later, job.waiting, datetime.now(UTC) + timedelta(seconds=seconds), error)
