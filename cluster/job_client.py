"""Ray's job API with our errors: connecting, asking, starting once, reading lines."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from cluster.job_request import JobRequest
from studio.errors import ClusterUnavailable, RunError, SettingsError

POLL_S = 1.0
CONNECT_S = 5.0


def connect(address: str) -> Any:
    """A JobSubmissionClient. Raises SettingsError for a wrong address and ClusterUnavailable when nothing answers there."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.path.strip("/"):
        raise SettingsError("the address is the dashboard's, http://HOST:8265, without a user name or path")
    wanted = address.rstrip("/")
    try:
        socket.create_connection((parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)), CONNECT_S).close()
    except OSError as error:
        raise ClusterUnavailable(f"{wanted} does not answer: {error}") from error
    from ray.job_submission import JobSubmissionClient

    with calls(wanted):
        client = JobSubmissionClient(wanted)
    if client.get_address() != wanted:
        raise SettingsError(
            f"RAY_ADDRESS or RAY_API_SERVER_ADDRESS sends jobs to {client.get_address()}, not to {wanted}: unset it"
        )
    return client


def job_status(client: Any, job_id: str, address: str) -> str | None:
    """Status of a job; None when there is no such job."""
    try:
        with calls(address):
            return str(client.get_job_info(job_id).status)
    except RunError as error:
        if "status code 404" in error.message:
            return None
        raise


def start_job(client: Any, job_id: str, wanted: JobRequest, address: str, deadline: float) -> bool:
    """Submit under this id; False when somebody else has in the meantime. Waits for the dashboard's agent until `deadline`."""
    while True:
        try:
            with calls(address):
                client.submit_job(
                    entrypoint=wanted.entrypoint, submission_id=job_id, runtime_env=wanted.runtime_env, metadata=wanted.metadata
                )
            return True
        except RunError as error:
            if "already exists" in error.message:
                return False
            if "No available agent" not in error.message:
                raise
            if time.monotonic() >= deadline:
                raise ClusterUnavailable(f"{address} has no agent that takes jobs; is another Ray on that machine?") from error
        time.sleep(POLL_S)


@contextmanager
def calls(address: str) -> Iterator[None]:
    """Maps what the job client raises. Of a traceback from the server only the last line is kept."""
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        raise ClusterUnavailable(f"{address} wants another token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH") from error
    except (OSError, KeyError) as error:
        raise ClusterUnavailable(f"{address} does not answer as a Ray dashboard: {type(error).__name__}") from error
    except (RuntimeError, ValueError) as error:
        lines = [line for line in str(error).splitlines() if line.strip(" .")] or [type(error).__name__]
        text = lines[0] if len(lines) == 1 else f"{lines[0]} ... {lines[-1]}"
        raise RunError(f"{address}: {text}") from error


async def whole_lines(chunks: AsyncIterator[str], *, skip: int) -> AsyncGenerator[str, None]:
    """Whole lines out of chunks, without the first `skip`; a last line without a line feed counts."""
    rest, number = "", 0
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split("\n")
        for line in whole:
            number += 1
            if number > skip:
                yield line + "\n"
    if rest and number >= skip:
        yield rest
