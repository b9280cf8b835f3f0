"""The first page: what waits, how fast it goes, what came out, what it cost today, and what to look at. Live."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from serve_apps.console.frame import Entry, Viewer, page
from serve_apps.console.now import FRESH_S, Now
from serve_apps.http.sse import HEARTBEAT_S, LONGEST_S, MEDIA_TYPE
from serve_apps.parts import parts_of
from studio.errors import PackshotError

router = APIRouter()
ENTRY = Entry("Overview", "/", "o")


@router.get("/")
def show_overview(request: Request, _: Viewer) -> Response:
    """The page, with the figures of now."""
    return page(request, "overview", now=now_of(request).read())


@router.get("/events")
async def follow(request: Request, _: Viewer) -> Response:
    """The figures as they change: an event `now` with JSON."""
    parts, now = parts_of(request), now_of(request)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_lines(now.read, lambda: parts.readiness.draining), 200, headers, MEDIA_TYPE)


def now_of(request: Request) -> Now:
    """The figures that all listeners of this process share."""
    state = request.app.state
    if not hasattr(state, "now"):
        state.now = Now(parts_of(request))
    found: Now = state.now
    return found


async def _lines(read: Callable[[], dict[str, Any]], stop: Callable[[], bool]) -> AsyncIterator[bytes]:
    yield b"retry: 3000\n\n"
    began = said = time.monotonic()
    last = ""
    while not stop() and time.monotonic() - began < LONGEST_S:
        try:
            found = await asyncio.to_thread(read)
        except PackshotError as error:
            found = {"error": error.code}
        text = json.dumps({**found, "at": ""})
        if text != last:
            yield f"event: now\ndata: {json.dumps(found)}\n\n".encode()
            last, said = text, time.monotonic()
        elif time.monotonic() - said > HEARTBEAT_S:
            yield b": still here\n\n"
            said = time.monotonic()
        await asyncio.sleep(FRESH_S)
