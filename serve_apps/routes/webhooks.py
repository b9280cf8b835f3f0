"""Routes of webhook endpoints: register, look at, change, rotate the secret of, try, and see what was delivered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response, status
from pydantic import Field, StringConstraints

from connectors.online.endpoints import Endpoint
from connectors.online.outbox import Delivery, DeliveryState
from connectors.webhooks.target import MAX_URL, checked_url
from serve_apps.http.answers import Cursor, Limit
from serve_apps.http.security import caller_of
from serve_apps.orders.deliveries import TEST_EVENT
from serve_apps.parts import parts_of
from studio.errors import Conflict, NotFound
from studio.product import Frozen

MAX_ENDPOINTS = 20
"""Endpoints of one API key."""
GRACE_S = 86_400
"""Seconds for which a rotated secret goes on signing beside the new one, unless the call says otherwise."""
MAX_GRACE_S = 30 * 86_400
MAX_SECRETS = 4
"""Secrets that may sign at the same time."""

Url = Annotated[
    str,
    StringConstraints(pattern=r"^https?://", max_length=MAX_URL),
    Field(description="https address that takes the events.", examples=["https://shop.example/packshot"]),
]
Glob = Annotated[str, StringConstraints(pattern=r"^[a-z*][a-z0-9_.*-]{0,63}$")]
Globs = Annotated[
    tuple[Glob, ...],
    Field(min_length=1, max_length=20, description="Event types, `*` for any part.", examples=[["order.succeeded", "order.f*"]]),
]
Note = Annotated[
    str,
    StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"),
    Field(description="A note of yours.", examples=["PIM"]),
]
EndpointId = Annotated[
    str, Path(pattern="^we_[0-9a-z]{1,36}$", description="Id of the endpoint.", examples=["we_01hzxw6q3v7n5t8k2m4p9r0s1b"])
]
DeliveryId = Annotated[
    str, Path(pattern="^dlv_[0-9a-z]{1,36}$", description="Id of the delivery.", examples=["dlv_01hzxw6q3v7n5t8k2m4p9r0s1b"])
]


class EndpointRequest(Frozen):
    """A new endpoint. Its host must be public and its name must resolve."""

    url: Url
    events: Globs = ("*",)
    description: Note = ""


class EndpointChange(Frozen):
    """What to change; fields left out stay. `enabled: true` takes up an endpoint that was disabled by 410 Gone."""

    url: Url | None = None
    events: Globs | None = None
    enabled: bool | None = Field(default=None, description="Whether new events are sent to it.", examples=[True])
    description: Note | None = None


class Rotation(Frozen):
    """How to change over to a new secret."""

    grace_s: Annotated[int, Field(ge=0, le=MAX_GRACE_S)] = Field(
        default=GRACE_S, description="Seconds for which the old secret signs beside the new one.", examples=[GRACE_S]
    )


class EndpointView(Frozen):
    """An endpoint, without its secrets."""

    id: str = Field(description="Id of the endpoint.", examples=["we_01hzxw6q3v7n5t8k2m4p9r0s1b"])
    url: str = Field(description="Where events are sent.", examples=["https://shop.example/packshot"])
    events: tuple[str, ...] = Field(description="Event types it gets.", examples=[["order.*"]])
    description: str = Field(description="Your note.", examples=["PIM"])
    enabled: bool = Field(description="Whether events are sent.", examples=[True])
    disabled_reason: str = Field(description="Why not, if it was not you.", examples=[""])
    rotating_until: datetime | None = Field(description="Until when an older secret signs too.", examples=[None])
    created: datetime = Field(description="When it was registered.", examples=["2026-11-22T18:00:00Z"])
    updated: datetime = Field(description="When it was last changed.", examples=["2026-11-22T18:00:00Z"])


class EndpointSecret(EndpointView):
    """An endpoint with its new secret, which is shown this once."""

    secret: str = Field(
        description="Key to verify signatures with. Shown once.", examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )


class EndpointList(Frozen):
    """Endpoints of a key."""

    items: tuple[EndpointView, ...] = Field(description="Endpoints, oldest first.")


class DeliveryView(Frozen):
    """One event on its way to one endpoint."""

    id: str = Field(description="Id of the delivery.", examples=["dlv_01hzxw6q3v7n5t8k2m4p9r0s1b"])
    event: str = Field(description="Id of the event: `webhook-id` of every attempt.", examples=["evt_01hzxw6q3v7n5t8k2m4p9r0s1b"])
    type: str = Field(description="Type of the event.", examples=["order.succeeded"])
    order: str = Field(description="Order it tells about, if any.", examples=["ord_01hzxw6q3v7n5t8k2m4p9r0s1b"])
    state: Literal["pending", "delivered", "failed"] = Field(description="`failed`: given up.", examples=["delivered"])
    attempts: int = Field(description="Attempts made.", examples=[1])
    next_attempt: datetime | None = Field(description="When it is tried next, while pending.", examples=[None])
    last_status: int | None = Field(description="HTTP status of the last answer.", examples=[204])
    last_error: str = Field(description="What was wrong with the last attempt.", examples=[""])
    created: datetime = Field(description="When it was put into the outbox.", examples=["2026-11-22T18:00:00Z"])
    updated: datetime = Field(description="When it was last tried.", examples=["2026-11-22T18:00:01Z"])


class DeliveryList(Frozen):
    """Deliveries to an endpoint, newest first."""

    items: tuple[DeliveryView, ...] = Field(description="Deliveries, newest first.")
    next: str = Field(description="Cursor of the next page; empty at the end.", examples=[""])


class TestSent(Frozen):
    """A test event is on its way."""

    event: str = Field(description="Id of the event.", examples=["evt_01hzxw6q3v7n5t8k2m4p9r0s1b"])
    deliveries: str = Field(description="Where to see what came of it.", examples=["/v1/webhooks/we_01hz/deliveries"])


router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


@router.post("", status_code=status.HTTP_201_CREATED, operation_id="create_webhook", summary="Register an endpoint")
def create(asked: EndpointRequest, request: Request, response: Response) -> EndpointSecret:
    """Events from now on are sent to it, signed. The secret in the answer is shown this once."""
    parts, caller = parts_of(request), caller_of(request)
    if len(parts.endpoints.list(key_id=caller.key_id)) >= MAX_ENDPOINTS:
        raise Conflict(f"a key has at most {MAX_ENDPOINTS} endpoints; delete one first")
    url = checked_url(asked.url, allow_private=parts.settings.api.private_webhooks)
    endpoint = parts.endpoints.create(caller.key_id, url, asked.events, description=asked.description)
    response.headers["location"] = f"/v1/webhooks/{endpoint.id}"
    return _with_secret(endpoint)


@router.get("", operation_id="list_webhooks", summary="List endpoints")
def listed(request: Request) -> EndpointList:
    """Endpoints of this key; an administrator sees everybody's."""
    found = parts_of(request).endpoints.list(key_id=caller_of(request).sees)
    return EndpointList(items=tuple(_view(endpoint) for endpoint in found))


@router.get("/{endpoint}", operation_id="get_webhook", summary="Show an endpoint")
def show(endpoint: EndpointId, request: Request) -> EndpointView:
    """One endpoint."""
    return _view(_owned(request, endpoint))


@router.patch("/{endpoint}", operation_id="update_webhook", summary="Change an endpoint")
def change(endpoint: EndpointId, asked: EndpointChange, request: Request) -> EndpointView:
    """Change address, event types or note; switch it off or on again."""
    parts, owned = parts_of(request), _owned(request, endpoint)
    url = asked.url and checked_url(asked.url, allow_private=parts.settings.api.private_webhooks)
    changed = parts.endpoints.update(owned.id, url=url, events=asked.events, enabled=asked.enabled, description=asked.description)
    return _view(changed)


@router.delete("/{endpoint}", status_code=status.HTTP_204_NO_CONTENT, operation_id="delete_webhook", summary="Delete an endpoint")
def delete(endpoint: EndpointId, request: Request) -> None:
    """Nothing more is sent to it, not even what is under way."""
    parts_of(request).endpoints.delete(_owned(request, endpoint).id)


@router.post("/{endpoint}/rotate", operation_id="rotate_webhook_secret", summary="Change over to a new secret")
def rotate(endpoint: EndpointId, request: Request, asked: Rotation | None = None) -> EndpointSecret:
    """Events are signed with the new and the old secret for the grace period, then with the new one alone."""
    owned, overlap_s = _owned(request, endpoint), (asked or Rotation()).grace_s
    if overlap_s and len(owned.live_secrets) >= MAX_SECRETS:
        raise Conflict(f"{MAX_SECRETS} secrets sign for this endpoint already; `grace_s: 0` ends the older ones")
    return _with_secret(parts_of(request).endpoints.rotate(owned.id, overlap_s=overlap_s))


@router.post("/{endpoint}/test", status_code=status.HTTP_202_ACCEPTED, operation_id="test_webhook", summary="Send a test event")
def test(endpoint: EndpointId, request: Request) -> TestSent:
    """Send an event of the type `webhook.test` to this endpoint alone. It is tried once."""
    owned = _owned(request, endpoint)
    data = {"endpoint": owned.id, "sent": datetime.now(UTC).isoformat()}
    event = parts_of(request).outbox.add(owned.key_id, TEST_EVENT, data, endpoint_id=owned.id)
    if not event:
        raise Conflict("the endpoint is disabled; enable it first")
    return TestSent(event=event, deliveries=f"/v1/webhooks/{owned.id}/deliveries")


@router.get("/{endpoint}/deliveries", operation_id="list_webhook_deliveries", summary="List deliveries")
def deliveries(
    endpoint: EndpointId,
    request: Request,
    state: Annotated[DeliveryState | None, Query(description="Only those in this state.")] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> DeliveryList:
    """What was sent to this endpoint and what came of it, newest first."""
    found, following = parts_of(request).outbox.deliveries(_owned(request, endpoint).id, state=state, limit=limit, cursor=cursor)
    return DeliveryList(items=tuple(_delivery(delivery) for delivery in found), next=following)


@router.post(
    "/{endpoint}/deliveries/{delivery}/redeliver",
    status_code=status.HTTP_202_ACCEPTED,
    operation_id="redeliver_webhook",
    summary="Deliver again",
)
def redeliver(endpoint: EndpointId, delivery: DeliveryId, request: Request) -> DeliveryView:
    """Send an event again, under the same event id, with the whole schedule of attempts."""
    owned, outbox = _owned(request, endpoint), parts_of(request).outbox
    if outbox.get(delivery).endpoint_id != owned.id:
        raise NotFound(f"no delivery {delivery!r}")
    return _delivery(outbox.redeliver(delivery))


def _owned(request: Request, endpoint: str) -> Endpoint:
    return parts_of(request).endpoints.get(endpoint, caller_of(request).sees)


def _view(endpoint: Endpoint) -> EndpointView:
    return EndpointView(**_fields(endpoint))


def _with_secret(endpoint: Endpoint) -> EndpointSecret:
    return EndpointSecret(**_fields(endpoint), secret=endpoint.secrets[0].secret)


def _fields(endpoint: Endpoint) -> dict[str, Any]:
    names = ("id", "url", "events", "description", "enabled", "disabled_reason", "created", "updated")
    ends = [secret.expires for secret in endpoint.secrets if secret.expires and secret.expires > datetime.now(UTC)]
    return {**{name: getattr(endpoint, name) for name in names}, "rotating_until": max(ends, default=None)}


def _delivery(delivery: Delivery) -> DeliveryView:
    return DeliveryView(
        id=delivery.id,
        event=delivery.event_id,
        type=delivery.type,
        order=delivery.order_id,
        state=delivery.state.value,
        attempts=delivery.attempts,
        next_attempt=delivery.next_at if delivery.state is DeliveryState.PENDING else None,
        last_status=delivery.last_status,
        last_error=delivery.last_error,
        created=delivery.created,
        updated=delivery.updated,
    )
