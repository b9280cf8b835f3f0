"""`Workflows`: the durable workflow engine (DBOS) behind five calls, in this process, over SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID, error
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import OperationalError

EngineError = error.DBOSException
"""What the engine itself raises inside a workflow; not to be handled there."""

T = TypeVar("T")
Flow = Callable[..., Coroutine[Any, Any, Any]]

EXECUTOR = "orchestrator"
"""Fixed, so that the next process takes up what this one leaves: there is one orchestrator at a time."""
VERSION = "1"
"""Of the workflows' step order. Another number leaves unfinished workflows of the old one to the sweeper."""
THREADS = 32
DISK = ("disk I/O error", "database or disk is full", "unable to open database file")
"""What SQLite says when it cannot write, or cannot make its journal."""
FIRST, LAST = 1, 2**31 - 1
"""Priorities in a queue; smaller numbers go first."""


@dataclass(frozen=True, slots=True)
class QueueShape:
    """How many workflows of a queue run at a time, and how often it is looked at while there is room."""

    width: int
    poll_s: float = 0.1


class Workflows:
    """Registers workflows, starts them now or through a queue, and takes up unfinished ones after a crash.

    One a process. Workflows run on the event loop that called `launch`; what they do between steps must be repeatable.
    """

    def __init__(self, url: str, queues: Mapping[str, QueueShape]) -> None:
        self._url, self._queues = url, dict(queues)
        self._flows: dict[str, Flow] = {}
        self._running: set[asyncio.Task[Any]] = set()
        self._engine: Engine | None = None
        self._closing = False

    def register(self, name: str, flow: Flow) -> None:
        """Make an async function a workflow; before `launch`. Arguments and results are plain JSON values."""
        self._flows[name] = flow

    async def launch(self) -> None:
        """Make the tables, take up what an earlier process left, and begin to look at the queues."""
        self._closing = False
        config = DBOSConfig(
            name="packshot",
            system_database_url=_plain_url(self._url),
            executor_id=EXECUTOR,
            application_version=VERSION,
            log_level="ERROR",
            console_log_level="ERROR",
            max_executor_threads=THREADS,
        )
        if self._url.startswith("sqlite"):
            self._engine = config["system_database_engine"] = _sqlite(self._url)
        DBOS(config=config)
        for name, flow in list(self._flows.items()):
            self._flows[name] = DBOS.workflow(name=name, max_recovery_attempts=1000)(self._tracked(flow))
        DBOS.launch()
        for name, shape in self._queues.items():
            await DBOS.register_queue_async(
                name, worker_concurrency=shape.width, polling_interval_sec=shape.poll_s, on_conflict="always_update"
            )

    async def start(self, name: str, workflow_id: str, *args: Any, queue: str = "", priority: int = LAST) -> None:
        """Run now, or put into a queue; a workflow id that is known already changes nothing."""
        if queue:
            with SetWorkflowID(workflow_id), SetEnqueueOptions(priority=priority):
                await DBOS.enqueue_workflow_async(queue, self._flows[name], *args)
            return
        with SetWorkflowID(workflow_id):
            await DBOS.start_workflow_async(self._flows[name], *args)

    async def status(self, workflow_id: str) -> str:
        """`PENDING`, `ENQUEUED`, `SUCCESS`, `ERROR` ...; "" when there is no such workflow."""
        found = await DBOS.get_workflow_status_async(workflow_id)
        return found.status if found else ""

    async def forget(self, older_than_s: float, limit: int = 500) -> bool:
        """Delete what the engine keeps of workflows that ended so long ago; whether there may be more of them."""
        before = (datetime.now(UTC) - timedelta(seconds=older_than_s)).isoformat()
        old = await DBOS.list_workflows_async(completed_before=before, limit=limit, load_input=False, load_output=False)
        if old:
            await DBOS.delete_workflows_async([workflow.workflow_id for workflow in old])
        return len(old) == limit

    async def step(self, name: str, do: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        """Inside a workflow: run `do(*args)` and keep its result, so that a recovered workflow does not run it again."""
        return await DBOS.run_step_async({"name": name}, do, *args)

    async def sleep(self, seconds: float) -> None:
        """Inside a workflow: a pause that a crash does not begin anew."""
        await DBOS.sleep_async(seconds)

    async def close(self, drain_s: float = 0.0) -> None:
        """Give running workflows so long to end, then leave them to the next launch. No thread of the engine is left."""
        self._closing = True
        if self._running and drain_s:
            await asyncio.wait(set(self._running), timeout=drain_s)
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(set(self._running), timeout=10)
        loop = asyncio.get_running_loop()
        # What a queue hands out in this moment finds the engine's threads gone, says so, and stays for the next launch.
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        with ThreadPoolExecutor(1, thread_name_prefix="workflows-stop") as stopper:
            # Queue threads may be waiting for this loop, so it must not wait for them.
            await loop.run_in_executor(stopper, lambda: DBOS.destroy(destroy_registry=True))
        # The engine made its own threads the loop's; they are gone.
        loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="loop"))
        if self._engine is not None:
            self._engine.dispose()

    def _tracked(self, flow: Flow) -> Flow:
        @wraps(flow)
        async def run(*args: Any) -> Any:
            task = asyncio.current_task()
            if self._closing or task is None:
                raise asyncio.CancelledError
            self._running.add(task)
            try:
                return await flow(*args)
            finally:
                self._running.discard(task)

        return run


def _plain_url(url: str) -> str:
    """The engine names its own PostgreSQL driver."""
    return "postgresql://" + url.partition("://")[2] if url.startswith("postgresql") else url


def _sqlite(url: str) -> Engine:
    """Write-ahead logging and IMMEDIATE transactions: the engine's own SQLite settings wait for the disk at each commit."""
    parsed = make_url(url)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, pool_size=2, max_overflow=0)

    def tune(connection: Any, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", tune)
    event.listen(engine, "handle_error", _waited_out, retval=True)
    return engine


def _waited_out(context: ExceptionContext) -> BaseException | None:
    """A full disk passes, as a lock does. DBOS 3 waits for locks alone, by their words, and would end the workflow."""
    error = context.original_exception
    if not isinstance(error, sqlite3.OperationalError) or not any(words in str(error) for words in DISK):
        return None
    return OperationalError(context.statement, None, sqlite3.OperationalError(f"database is locked: {error}"))
