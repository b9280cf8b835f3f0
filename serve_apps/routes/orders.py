"""Orders: look at them, list them, follow them, cancel them, make them again."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import AwareDatetime, Field
from starlette.responses import Response

from connectors.online.orders import OrderState
from serve_apps.http.answers import APPLIED, LOCATION, Cursor, Limit, OrderId, Prefer, documented, order_response
from serve_apps.http.prefer import applied, preferences
from serve_apps.http.security import caller_of
from serve_apps.http.sse import EVENT_SCHEMA, MEDIA_TYPE, last_seen, look, stream
from serve_apps.parts import parts_of
from serve_apps.request.intake import wait_for
from serve_apps.request.schema import OrderView, Priority
from serve_apps.request.views import view
from studio.errors import Conflict
from studio.product import Frozen

router = APIRouter(prefix="/v1/orders", tags=["orders"])
_CONFLICT: dict[int | str, dict[str, Any]] = {409: {"description": "The order's state does not allow it."}}
Plain = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class OrderPage(Frozen):
    """Orders, newest first."""

    items: tuple[OrderView, ...] = Field(description="The orders of this page.")
    next: str = Field(description="`cursor` of the next page; empty at the end.", examples=[""])


@router.get("", response_model=OrderPage, operation_id="list_orders", summary="List orders")
async def list_orders(
    request: Request,
    state: Annotated[OrderState | None, Query(description="Only in this state.", examples=["review"])] = None,
    priority: Annotated[Priority | None, Query(description="Only of this priority.", examples=["urgent"])] = None,
    sku: Annotated[Plain, Query(description="Only of this product.", examples=["MUG-01"])] = None,
    template: Annotated[
        str | None,
        Query(
            pattern=r"^[a-z0-9][a-z0-9-]{0,63}(@[1-9][0-9]{0,5})?$", description="Only with this template, any version or one."
        ),
    ] = None,
    batch: Annotated[str | None, Query(pattern=r"^bat_[0-9a-z]{26}$", description="Only of this batch.")] = None,
    created_after: Annotated[AwareDatetime | None, Query(description="Accepted then or later.")] = None,
    created_before: Annotated[AwareDatetime | None, Query(description="Accepted earlier.")] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response:
    """The orders of this key, newest first; an administrator sees everybody's. Orders that come meanwhile move nothing."""
    parts = parts_of(request)

    def page() -> str:
        found, following = parts.orders.list(
            key_id=caller_of(request).sees,
            state=state,
            priority=priority,
            sku=sku,
            template=template,
            batch=batch,
            created_after=created_after,
            created_before=created_before,
            limit=limit,
            cursor=cursor,
        )
        views = tuple(view(order, parts.settings.prices) for order in found)
        return OrderPage(items=views, next=following).model_dump_json(by_alias=True)

    return Response(await asyncio.to_thread(page), headers={"cache-control": "no-store"}, media_type="application/json")


@router.get(
    "/{id}",
    response_model=OrderView,
    operation_id="get_order",
    summary="One order",
    responses=documented(200, "The order.", APPLIED),
)
async def get_order(request: Request, id: OrderId, prefer: Prefer = "") -> Response:  # noqa: A002
    """All that is known of an order. `Prefer: wait=N` waits for it to end."""
    parts, wanted = parts_of(request), preferences(prefer)
    order = await asyncio.to_thread(parts.orders.get, id, caller_of(request).sees)
    order, waited = await wait_for(parts, order, wanted)
    return order_response(parts, order, applied(waited, respond_async=False), status=200)


@router.post(
    "/{id}/cancel",
    response_model=OrderView,
    operation_id="cancel_order",
    summary="Cancel an order",
    responses={**_CONFLICT, 200: {"description": "Cancelled, or told to stop at its next step."}},
)
async def cancel_order(request: Request, id: OrderId) -> Response:  # noqa: A002
    """A queued order ends at once, a running one at its next step. 409 when it has ended or is being published."""
    parts, caller = parts_of(request), caller_of(request)
    order = await asyncio.to_thread(parts.orders.get, id, caller.sees)
    if order.state.ended or not await parts.desk.cancel(id):
        raise Conflict(f"order {id} is {order.state}; it cannot be cancelled any more")
    return order_response(parts, await asyncio.to_thread(parts.orders.get, id, caller.sees), status=200)


@router.post(
    "/{id}/retry",
    status_code=202,
    response_model=OrderView,
    operation_id="retry_order",
    summary="Make an order again",
    responses={**_CONFLICT, **documented(202, "Queued again.", LOCATION)},
)
async def retry_order(request: Request, id: OrderId) -> Response:  # noqa: A002
    """Queue an ended order once more: what was made is not made again. 409 while it is open."""
    parts, caller = parts_of(request), caller_of(request)
    found = await asyncio.to_thread(parts.orders.get, id, caller.sees)
    await asyncio.to_thread(parts.budgets.check, str(found.spec.get("product", {}).get("brand", "")))
    order = await asyncio.to_thread(parts.orders.again, id, by=caller.key_id)
    await parts.desk.start(id)
    return order_response(parts, order, status=202)


@router.get(
    "/{id}/events",
    response_class=Response,
    operation_id="follow_order",
    summary="Follow an order",
    responses={
        200: {
            "description": "Server-sent events: `id` is the event's number, `event` its type, `data` JSON.",
            "content": {MEDIA_TYPE: {"schema": EVENT_SCHEMA}},
        },
        204: {"description": "It has ended and you have seen all; do not come back."},
    },
)
async def follow_order(
    request: Request,
    id: OrderId,  # noqa: A002
    last_event_id: Annotated[str, Header(max_length=100, description="Number of the last event you have.", examples=["3"])] = "",
) -> Response:
    """From the first event, or the one after `Last-Event-ID`, until the order has ended."""
    parts = parts_of(request)
    await asyncio.to_thread(parts.orders.get, id, caller_of(request).sees)
    seen = last_seen(last_event_id)
    fresh, ended = await asyncio.to_thread(look, parts.orders, id, seen)
    if ended and not fresh:
        return Response(status_code=204)
    return stream(parts.orders, id, seen, lambda: parts.readiness.draining)
