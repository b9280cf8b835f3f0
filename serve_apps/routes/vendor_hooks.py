"""Messages of shops, PIMs and DAMs: verified over the raw body, stored in one transaction, answered; the work comes later.

Nobody is told which connections there are: what is not signed for one gets the same 401, whether the connection exists or not.
Every message that a vendor has signed is answered with 200, also one that says nothing new: vendors give up on addresses that
refuse (WooCommerce after 5 answers in a row that are not 2xx, Akeneo at once after a 404; their documentation, 2026-08).
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from connectors.sync_state import Taken
from connectors.vendors.base import Answer, Inbound, Told
from connectors.vendors.connection import Connection
from connectors.webhooks.signature import TOLERANCE_S
from serve_apps.http.limits import BodyTooLarge, Rates, declared_length
from serve_apps.http.problems import problem, refusal
from serve_apps.parts import Parts, parts_of
from studio.errors import InputError, PackshotError, SettingsError, Unauthenticated, VendorUnavailable
from studio.product import Frozen

MAX_BODY = 8 << 20
"""Bytes that are read of a message; the longest that a vendor here sends is a product of Shopify's with 2,048 variants, 3 MB."""
BODY_S = 10.0
"""Seconds that a sender may take for its body; vendors give us 5 for everything (Shopify, Akeneo; documentation, 2026-08)."""
READING = 128
"""Bodies that are read at a time."""
PER_MINUTE = 24_000
"""Verified messages of a connection: 400 a second, twice the burst that this is measured with."""
AHEAD = timedelta(seconds=TOLERANCE_S)
"""How far a vendor's clock may be ahead of ours; a later time is none."""
GENERIC = "generic"
"""Taken by `routes/hooks.py`."""
_CHALLENGE = {"www-authenticate": 'Webhook realm="packshot"'}
_NOT_SIGNED = "no such connection, or the message is not signed for it"
_NAME = r"^[a-z0-9][a-z0-9-]{0,63}$"
VendorName = Annotated[str, Path(pattern=_NAME, description="Kind of shop, PIM or DAM.", examples=["shopify"])]
ConnectionName = Annotated[str, Path(pattern=_NAME, description="Name of the connection in the settings.", examples=["acme"])]
log = logging.getLogger(__name__)


class MessageTaken(Frozen):
    """What became of a message."""

    new: int = Field(0, description="Products that are looked at because of it.", examples=[1])
    repeated: int = Field(0, description="1 when it had come before.", examples=[0])
    stale: int = Field(0, description="Products of which something newer is known.", examples=[0])


router = APIRouter(prefix="/hooks", tags=["hooks"])
_SAID: dict[int | str, dict[str, Any]] = {
    401: {"description": "No such connection, or not signed for it."},
    503: {"description": "The vendor's keys or our records cannot be reached now; send it again."},
}


@router.post(
    "/{vendor}/{connection}",
    operation_id="receive_message",
    summary="Take a vendor's message",
    response_model=MessageTaken,
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
    responses={
        200: {"description": "Taken; what it is about is looked at later."},
        408: {"description": "The body took too long."},
        429: {"description": "This connection has used up its messages a minute."},
        **_SAID,
    },
)
async def receive(vendor: VendorName, connection: ConnectionName, request: Request) -> Response:
    """In the vendor's own form, signed in its own way. It says which product changed; what has changed is asked of the vendor."""
    return await _answered(request, vendor, connection, await _body(request))


@router.get(
    "/{vendor}/{connection}",
    operation_id="answer_handshake",
    summary="Answer a vendor that asks whether this address is ours",
    responses={200: {"description": "What the vendor waits for."}, 405: {"description": "Not with this method."}, **_SAID},
    response_class=Response,
)
async def handshake(vendor: VendorName, connection: ConnectionName, request: Request) -> Response:
    """While a subscription is made. Anything else is answered as if there were no such connection."""
    return await _answered(request, vendor, connection, b"")


@router.head(
    "/{vendor}/{connection}",
    operation_id="answer_handshake_head",
    summary="Answer a vendor that looks whether this address is there",
    responses={200: {"description": "The vendor may send."}, 405: {"description": "Not with this method."}, **_SAID},
    response_class=Response,
)
async def handshake_head(vendor: VendorName, connection: ConnectionName, request: Request) -> Response:
    """See GET."""
    return await _answered(request, vendor, connection, b"")


async def _answered(request: Request, vendor: str, connection: str, body: bytes) -> Response:
    if vendor == GENERIC:
        raise HTTPException(405, "signed products are sent with POST", {"allow": "POST"})
    parts, rates = parts_of(request), request.app.state.rates
    try:
        heard = await asyncio.to_thread(_heard, parts, rates, request, vendor, connection, body)
        found = heard if isinstance(heard, Answer) else await _stored(parts, connection, heard)
    except Unauthenticated as error:
        log.info("a message to %s/%s was refused: %s", vendor, connection, error.message)
        return problem(401, _NOT_SIGNED, scope=request.scope, headers=_CHALLENGE)
    except (VendorUnavailable, SettingsError) as error:
        log.warning("a message to %s/%s cannot be judged: %s", vendor, connection, error.message)
        return problem(503, "not now", scope=request.scope, code=error.code, retryable=True)
    except InputError as error:
        return problem(400, error.message, scope=request.scope, code=error.code)
    except PackshotError as error:
        return refusal(error, request.scope)
    if isinstance(found, Answer):
        return Response(found.body, found.status, dict(found.headers))
    return Response(found.model_dump_json(), 200, media_type="application/json")


def _heard(parts: Parts, rates: Rates, request: Request, vendor: str, name: str, body: bytes) -> list[Told] | Answer:
    """Handshake, or what the message says once it is verified. Raises Unauthenticated, InputError, VendorUnavailable,
    SettingsError, RateLimited."""
    connection, inbound = _inbound(parts, vendor, name)
    headers = request.headers
    answer = inbound.handshake(request.method, dict(request.query_params), headers, body)
    if answer is not None:
        return answer
    if request.method != "POST":
        raise Unauthenticated("this is no handshake of this vendor")
    told = inbound.verify(connection.live_hook_secrets, headers, body, now=time.time())
    _, busy = rates.take_as(f"hook:{vendor}:{name}", PER_MINUTE)
    if busy:
        raise busy
    return _news(connection, told)


def _inbound(parts: Parts, vendor: str, name: str) -> tuple[Connection, Inbound]:
    connection = parts.connections.get(name)
    if connection is None or connection.vendor != vendor:
        raise Unauthenticated("there is no such connection")
    try:
        inbound = parts.connections.vendor(name).inbound
    except InputError as error:
        raise SettingsError(error.message) from error
    if inbound is None:
        raise Unauthenticated(f"{vendor} sends no messages")
    return connection, inbound


def _news(connection: Connection, told: tuple[Told, ...]) -> list[Told]:
    """What may make work: our own changes and what is about no product are passed over."""
    author, now = connection.option("author"), datetime.now(UTC)
    news = [one for one in told if one.kind != "other" and one.refs and not (author and one.author == author)]
    # A time to come would make everything that is told until then stale.
    return [replace(one, at=None) if one.at and one.at > now + AHEAD else one for one in news]


async def _stored(parts: Parts, connection: str, news: list[Told]) -> MessageTaken:
    """Raises StorageError."""
    taken = await parts.taking.take(connection, news) if news else Taken(0, 0, 0)
    return MessageTaken(new=taken.new, repeated=taken.repeated, stale=taken.stale)


async def _body(request: Request) -> bytes:
    """The raw body. Raises HTTPException 413 as soon as it is too long, 408, 503 while too many are read."""
    if declared_length(request.scope["headers"]) > MAX_BODY:
        raise BodyTooLarge(MAX_BODY)
    reading: asyncio.Semaphore = request.app.state.reading_hooks
    if reading.locked():
        raise HTTPException(503, "too many messages at a time")
    body = bytearray()
    async with reading:
        try:
            async with asyncio.timeout(BODY_S):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > MAX_BODY:
                        raise BodyTooLarge(MAX_BODY)
        except TimeoutError:
            raise HTTPException(408, f"the body did not come within {BODY_S:g} s") from None
    return bytes(body)
