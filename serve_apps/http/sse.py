"""Server-sent events: the progress of an order, from where the listener left off."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.responses import StreamingResponse

from connectors.online.orders import OrderEvent, Orders

POLL_S = 0.2
HEARTBEAT_S = 15.0
LONGEST_S = 600.0
"""A stream ends after so long; the listener comes back with `Last-Event-ID`."""
MEDIA_TYPE = "text/event-stream"
EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "One event of the stream.",
    "properties": {
        "id": {"type": "string", "description": "Number of the event.", "examples": ["1"]},
        "event": {"type": "string", "description": "Type of the event.", "examples": ["order.succeeded"]},
        "data": {
            "type": "string",
            "description": "JSON: seq, at, type, data.",
            "examples": ['{"seq": 1, "type": "order.queued"}'],
        },
        "retry": {"type": "integer", "description": "Milliseconds to wait before coming back.", "examples": [2000]},
    },
}
"""How OpenAPI describes an item of a stream."""


def last_seen(header: str) -> int:
    """The event number in `Last-Event-ID`; 0 for anything that is not one of ours."""
    return int(header) if re.fullmatch(r"[0-9]{1,9}", header) else 0


def stream(orders: Orders, order_id: str, after: int, stop: Callable[[], bool]) -> StreamingResponse:
    """Events after number `after` until the order has ended or `stop()`, with a comment every 15 s that keeps proxies from
    closing the line.
    """
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_lines(orders, order_id, after, stop), 200, headers, MEDIA_TYPE)


def look(orders: Orders, order_id: str, after: int) -> tuple[list[OrderEvent], bool]:
    """Events since number `after`, and whether these are all there will be. Raises NotFound."""
    ended = orders.get(order_id).state.ended
    return orders.events(order_id, after), ended


async def _lines(orders: Orders, order_id: str, seen: int, stop: Callable[[], bool]) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    began = said = time.monotonic()
    while True:
        fresh, ended = await asyncio.to_thread(look, orders, order_id, seen)
        for event in fresh:
            yield _written(event)
            seen, said = event.seq, time.monotonic()
        if ended or stop() or time.monotonic() - began > LONGEST_S:
            return
        if time.monotonic() - said > HEARTBEAT_S:
            yield b": still here\n\n"
            said = time.monotonic()
        await asyncio.sleep(POLL_S)


def _written(event: OrderEvent) -> bytes:
    body = {"seq": event.seq, "at": event.at.isoformat(), "type": event.type, "data": event.data}
    return f"id: {event.seq}\nevent: {event.type}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()
