"""Runs as Ray jobs: submit once, attach ever after, follow, fetch the summary, stop."""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from cluster.job_client import POLL_S, calls, connect, job_status, start_job, whole_lines
from cluster.job_request import EXCLUDES, JobRequest
from studio.errors import ClusterUnavailable, Interrupted, RunError

TAIL_TRIES = 5
ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
SUMMARY = '{"run":'
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r(?=[^\n])")
LAST_LINES = 15
LAST_WORDS_S = 10.0

log = logging.getLogger(__name__)
OnLog = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Job:
    """A run on a cluster. `attached` says that it had been submitted before."""

    id: str
    address: str
    attached: bool = False
    client: Any = field(default=None, repr=False, compare=False)

    def status(self) -> str:
        """PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED. A run that ends with rejected or failed shots is FAILED for Ray."""
        with calls(self.address):
            return str(self.client.get_job_info(self.id).status)

    def logs(self) -> str:
        """Everything that the job has printed so far."""
        with calls(self.address):
            return str(self.client.get_job_logs(self.id))

    async def tail(self) -> AsyncIterator[str]:
        """The job's lines, each with its line feed, from the first on until it ends. Takes up a broken connection again."""
        from aiohttp import ClientError

        seen = failures = 0
        while failures < TAIL_TRIES:
            try:
                async with aclosing(whole_lines(self.client.tail_job_logs(self.id), skip=seen)) as lines:
                    async for line in lines:
                        seen, failures = seen + 1, 0
                        yield line
                if await asyncio.to_thread(self.status) in ENDED:
                    return
            except (RuntimeError, OSError, ClientError) as error:
                log.info("log of %s broke off: %s", self.id, type(error).__name__)
            failures += 1
            await asyncio.sleep(POLL_S)
        raise ClusterUnavailable(f"the log of {self.id} at {self.address} broke off {TAIL_TRIES} times")

    def wait(self, timeout_s: float | None = None, on_log: OnLog | None = None) -> str:
        """The final status. `on_log` gets each line in this thread. Raises RunError after `timeout_s`; the job goes on."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        follower = threading.Thread(target=self._follow, args=(lines,), name=f"tail-{self.id}", daemon=True)
        if on_log:
            follower.start()
        while (status := self.status()) not in ENDED:
            if deadline is not None and time.monotonic() >= deadline:
                raise RunError(f"{self.id} is still {status} after {timeout_s:g} s")
            _hand_over(lines, on_log, until=time.monotonic() + POLL_S)
        if on_log:
            follower.join(timeout=LAST_WORDS_S)
            _hand_over(lines, on_log, until=0.0)
        return status

    def result(self) -> dict[str, Any]:
        """The summary that the run printed last, also of one with rejected or failed shots.

        Raises RunError when the job has not ended or printed no summary, Interrupted when it was stopped.
        """
        status = self.status()
        if status not in ENDED:
            raise RunError(f"{self.id} is {status}: wait for its end")
        logs = self.logs()
        summary = last_summary(logs)
        if summary is not None:
            return summary
        if status == "STOPPED":
            raise Interrupted(f"{self.id} was stopped")
        last = "\n".join(logs.splitlines()[-LAST_LINES:])
        raise RunError(f"{self.id} {status}: {self._message()}" + (f"\n{last}" if last else ""))

    def stop(self) -> bool:
        """Ask the job to stop. False when it had ended already."""
        with calls(self.address):
            return bool(self.client.stop_job(self.id))

    def _message(self) -> str:
        with calls(self.address):
            message = str(self.client.get_job_info(self.id).message or "no message")
        return message.splitlines()[0]

    def _follow(self, lines: queue.SimpleQueue[str]) -> None:
        async def follow() -> None:
            async for line in self.tail():
                lines.put(line)

        try:
            asyncio.run(follow())
        except RunError as error:
            log.warning("%s", error)


def submit(
    catalog: str,
    *,
    address: str,
    templates: Sequence[str] = (),
    out: str = "",
    mode: str = "serve",
    date: str = "",
    submission_id: str | None = None,
    working_dir: str | None = None,
    env: Mapping[str, str] | None = None,
    python: str = "python",
    excludes: Sequence[str] = EXCLUDES,
    ready_timeout_s: float = 60.0,
) -> Job:
    """Start `packshot run` on the cluster, or attach to the job that has been started for the same (see JobRequest.id).

    An earlier job that FAILED or was STOPPED is tried again as `<id>-2`, `<id>-3` ...; what it had finished is not made again.
    `address` is the dashboard's, `http://HOST:8265`; the token is found as Ray finds it (RAY_AUTH_MODE, RAY_AUTH_TOKEN_PATH).
    Waits `ready_timeout_s` for a cluster that is coming up. Raises SettingsError, ClusterUnavailable and RunError.
    """
    wanted = JobRequest(
        catalog,
        tuple(templates),
        out,
        mode,
        date,
        submission_id or "",
        working_dir or "",
        dict(env or {}),
        python,
        tuple(excludes),
    )
    if wanted.on_cluster and not date:
        wanted = replace(wanted, date=f"{datetime.now(UTC):%Y-%m-%d}")
    wanted.check()
    job_id, client = wanted.id, connect(address)
    deadline, attempt = time.monotonic() + ready_timeout_s, 1
    while True:
        name = job_id if attempt == 1 else f"{job_id}-{attempt}"
        status = job_status(client, name, address)
        if status in ("FAILED", "STOPPED"):
            attempt += 1
        elif status:
            return Job(name, address, attached=True, client=client)
        elif start_job(client, name, wanted, address, deadline):
            return Job(name, address, client=client)
        elif time.monotonic() >= deadline:
            raise RunError(f"{address} neither starts {name} nor knows it; was it deleted? Give another submission id")


def attach(job_id: str, *, address: str) -> Job:
    """A job by its id. Raises RunError when the cluster does not know it."""
    client = connect(address)
    if job_status(client, job_id, address) is None:
        raise RunError(f"{address} knows no job {job_id}")
    return Job(job_id, address, attached=True, client=client)


def last_summary(logs: str) -> dict[str, Any] | None:
    """The last line of a job's output that is a summary of `packshot run --json`; None when there is none."""
    for line in reversed(CONTROL.sub("", logs).splitlines()):
        if line.startswith(SUMMARY):
            try:
                found: dict[str, Any] = json.loads(line)
            except json.JSONDecodeError:
                continue
            return found
    return None


def _hand_over(lines: queue.SimpleQueue[str], on_log: OnLog | None, *, until: float) -> None:
    """Pass lines on as they come until the clock says `until`; what is there already is always passed on."""
    while True:
        try:
            line = lines.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return
        if on_log:
            on_log(line)
