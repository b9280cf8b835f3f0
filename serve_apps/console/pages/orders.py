"""Orders: the list, filtered; one order with its pictures, measurements and events; cancel and make again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response

from connectors.online.orders import Order, OrderState
from serve_apps.console.frame import PAGE, ROOT, Actor, Entry, Viewer, go, page, paged
from serve_apps.http.security import Caller
from serve_apps.http.sse import last_seen, look, stream
from serve_apps.parts import parts_of
from serve_apps.request.schema import AssetView, OrderResult, OrderView
from serve_apps.request.views import view
from studio.errors import Conflict
from studio.shot import Report

router = APIRouter(prefix="/orders")
ENTRY = Entry("Orders", "/orders", "d")
OrderId = Annotated[str, Path(pattern=r"^ord_[0-9a-hjkmnp-tv-z]{26}$")]
Words = Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
PREVIEWS = (("source", "Photo"), ("cutout", "Cut-out"), ("result", "Result"))


@dataclass(frozen=True, slots=True)
class Made:
    """One picture of an order: what callers see of it, and the report with its small pictures."""

    asset: AssetView
    report: Report

    @property
    def steps(self) -> list[tuple[str, float, str]]:
        """Steps with their seconds, in the order they ran; those from the store took none."""
        known = [(name, 0.0, "from the store") for name in self.report.reused]
        return known + [(name, seconds, "") for name, seconds in self.report.seconds.items()]


@router.get("")
def list_orders(
    request: Request,
    caller: Viewer,
    state: Annotated[str, Query(pattern=f"^({'|'.join(OrderState)})?$")] = "",
    priority: Annotated[str, Query(pattern="^(urgent|standard)?$")] = "",
    sku: Words = "",
    template: Annotated[str, Query(max_length=80, pattern=r"^([a-z0-9][a-z0-9-]{0,63}(@[1-9][0-9]{0,5})?)?$")] = "",
    batch: Annotated[str, Query(pattern=r"^(bat_[0-9a-z]{26})?$")] = "",
    cursor: Annotated[str, Query(max_length=100, pattern="^[A-Za-z0-9_-]*$")] = "",
) -> Response:
    """Newest first: those of the key that signed in, everybody's for an administrator. Raises InvalidCursor."""
    found, following = parts_of(request).orders.list(
        key_id=caller.sees,
        state=OrderState(state) if state else None,
        priority="urgent" if priority == "urgent" else "standard" if priority else None,
        sku=sku or None,
        template=template or None,
        batch=batch or None,
        limit=PAGE,
        cursor=cursor,
        brief=True,
    )
    given = {"state": state, "priority": priority, "sku": sku, "template": template, "batch": batch}
    return page(
        request,
        "orders",
        orders=paged(request, found, following=following),
        given=given,
        filtered=any(given.values()),
        states=list(OrderState),
        everybody=caller.sees is None,
    )


@router.get("/{order_id}")
def show_order(request: Request, order_id: OrderId, caller: Viewer) -> Response:
    """One order. Raises NotFound, also for another key's."""
    parts = parts_of(request)
    order = parts.orders.get(order_id, caller.sees)
    shown, made = opened(order, request)
    return page(
        request,
        "order",
        order=shown,
        made=made,
        open=not order.state.ended,
        events=parts.orders.events(order_id),
        publications=parts.orders.publications(order_id),
        previews=PREVIEWS,
    )


@router.get("/{order_id}/events")
async def follow_order(
    request: Request, order_id: OrderId, caller: Viewer, last_event_id: Annotated[str, Header(max_length=100)] = ""
) -> Response:
    """The order's events from where the page left off; 204 when there will be no more. Raises NotFound."""
    parts = parts_of(request)
    await asyncio.to_thread(parts.orders.get, order_id, caller.sees)
    seen = last_seen(last_event_id or request.query_params.get("after", ""))
    fresh, ended = await asyncio.to_thread(look, parts.orders, order_id, seen)
    if ended and not fresh:
        return Response(status_code=204)
    return stream(parts.orders, order_id, seen, lambda: parts.readiness.draining)


@router.post("/{order_id}/cancel")
async def cancel_order(request: Request, order_id: OrderId, caller: Actor) -> Response:
    """End an open order. Raises NotFound, and Conflict when it has ended or is being published."""
    order = await _mine(request, order_id, caller)
    if order.state.ended or not await parts_of(request).desk.cancel(order_id):
        raise Conflict(f"order {order_id} is {order.state}; it cannot be cancelled any more")
    return go(f"{ROOT}/orders/{order_id}", "The order is cancelled, or ends at its next step.")


@router.post("/{order_id}/retry")
async def retry_order(request: Request, order_id: OrderId, caller: Actor) -> Response:
    """Queue an ended order once more. Raises NotFound, Conflict while it is open, and BudgetExhausted."""
    parts = parts_of(request)
    order = await _mine(request, order_id, caller)
    await asyncio.to_thread(parts.budgets.check, str(order.spec.get("product", {}).get("brand", "")))
    await asyncio.to_thread(parts.orders.again, order_id, by=caller.key_id)
    await parts.desk.start(order_id)
    return go(f"{ROOT}/orders/{order_id}", "The order is queued again.")


def opened(order: Order, request: Request) -> tuple[OrderView, list[Made]]:
    """An order as callers see it, and its pictures with their reports."""
    shown = view(order, parts_of(request).settings.prices)
    shots = OrderResult.model_validate(order.result).shots if order.result else ()
    return shown, [Made(asset, shot.outcome.report) for asset, shot in zip(shown.assets, shots, strict=True)]


async def _mine(request: Request, order_id: str, caller: Caller) -> Order:
    return await asyncio.to_thread(parts_of(request).orders.get, order_id, caller.sees)
