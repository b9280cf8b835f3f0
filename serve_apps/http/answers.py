"""What several routes answer alike: an order as JSON, where it is, and the header fields they document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Header, Path, Query
from starlette.responses import Response

from connectors.online.orders import Order
from serve_apps.parts import Parts
from serve_apps.request.hits import Hit
from serve_apps.request.views import view

_ID = "[0-9a-hjkmnp-tv-z]{26}"
OrderId = Annotated[str, Path(pattern=f"^ord_{_ID}$", description="Order id.", examples=["ord_01hzxw6q3v7n5t8k2m4p9r0s1b"])]
BatchId = Annotated[str, Path(pattern=f"^bat_{_ID}$", description="Batch id.", examples=["bat_01hzxw6q3v7n5t8k2m4p9r0s1b"])]
IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="The same key and request again give the same order, also after a restart.",
        examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ),
]
Prefer = Annotated[
    str,
    Header(
        max_length=500,
        description="RFC 7240. `wait=N`: answer when it is done, or after N seconds. `respond-async`: do not wait.",
        examples=["wait=30"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=200, description="Items of a page.", examples=[50])]
Cursor = Annotated[
    str, Query(max_length=100, pattern=r"^[A-Za-z0-9_-]*$", description="`next` of the page before.", examples=[""])
]
LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The order."}}
APPLIED = {"Preference-Applied": {"schema": {"type": "string"}, "description": "The preferences that were honoured."}}


def order_response(
    parts: Parts, order: Order, headers: Mapping[str, str] | None = None, *, status: int | None = None, hit: Hit | None = None
) -> Response:
    """An order: 200 once it has ended, else 202 with its place. `hit`: what it was answered from."""
    code = status or (200 if order.state.ended else 202)
    place = {"location" if code == 202 else "content-location": f"/v1/orders/{order.id}", "cache-control": "no-store"}
    known = (hit.spec, hit.result) if hit else None
    body = view(order, parts.settings.prices, known=known).model_dump_json(by_alias=True)
    return Response(body, code, {**place, **(headers or {})}, "application/json")


def documented(status: int, description: str, headers: Mapping[str, Any]) -> dict[int | str, dict[str, Any]]:
    """One row of `responses=` with header fields."""
    return {status: {"description": description, "headers": dict(headers)}}
