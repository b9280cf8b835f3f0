"""Inbound hooks: a signed product becomes an order. The signature covers the raw body and is checked before anything reads it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import Field, StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from connectors.online.hooks import HookSource
from connectors.webhooks.signature import verify
from serve_apps.http.limits import Rates
from serve_apps.http.problems import refusal
from serve_apps.http.tracing import trace_of
from serve_apps.http.uploads import MAX_JSON, parsed
from serve_apps.parts import Parts, parts_of
from serve_apps.request.intake import Incoming, place
from serve_apps.request.schema import ImageInput, ImageRequest, Metadata, Priority, ProductFacts, Sku, TemplateName
from studio.errors import NotFound, Unauthenticated
from studio.fields import Slug
from studio.product import Frozen, ImageRole, Product, ProductImage

MAX_IMAGES = 20
"""Photos of one product."""
_CHALLENGE = {"www-authenticate": 'StandardWebhooks realm="packshot"'}
SourceName = Annotated[
    str, Path(pattern="^[a-z0-9][a-z0-9-]{0,63}$", description="Name of the sender, as registered.", examples=["pim"])
]


class HookImage(Frozen):
    """A photo of the product."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://", max_length=2000)] = Field(
        description="Public address of the photo.", examples=["https://shop.example/mug.jpg"]
    )
    role: ImageRole = Field(default=ImageRole.FRONT, description="What it shows.", examples=["front"])


class HookProduct(ProductFacts):
    """A product whose images are wanted. Facts that are left out are unknown; nothing is taken from an earlier message."""

    sku: Sku = Field(description="Your name for it.", examples=["MUG-01"])
    images: Annotated[tuple[HookImage, ...], Field(min_length=1, max_length=MAX_IMAGES)] = Field(description="Its photos.")
    template: TemplateName | None = Field(
        default=None, description="Template id or `id@version`; the sender's own when missing.", examples=["amazon-white"]
    )
    destinations: Annotated[tuple[Slug, ...], Field(max_length=32)] = Field(
        default=(), description="Destination ids; the template's own when empty.", examples=[["amazon-main"]]
    )
    priority: Priority = Field(default="standard", description="`urgent` has reserved capacity.", examples=["standard"])
    metadata: Metadata = Field(default_factory=dict, description="Pairs of your own, given back with the order.")

    def product(self) -> Product:
        """The product as the studio knows it."""
        facts = self.model_dump(exclude_none=True, include={*ProductFacts.model_fields})
        images = tuple(ProductImage(uri=image.url, role=image.role) for image in self.images)
        return Product.model_validate({**facts, "images": images})


class HookAccepted(Frozen):
    """The order that a message became."""

    order: str = Field(description="Order id.", examples=["ord_01hzxw6q3v7n5t8k2m4p9r0s1b"])
    state: str = Field(description="Its state now.", examples=["queued"])
    url: str = Field(description="Where to follow it.", examples=["/v1/orders/ord_01hzxw6q3v7n5t8k2m4p9r0s1b"])


def _header(name: str, description: str, example: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": {"type": "string", "examples": [example]},
    }


_HEADERS = [
    _header("webhook-id", "Id of the message; the same when it is sent again.", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
    _header("webhook-timestamp", "Unix seconds; at most 300 s from our clock.", "1795000000"),
    _header(
        "webhook-signature", "`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3u..."
    ),
]
_SCHEMA = {"$ref": "#/components/schemas/HookProduct"}

router = APIRouter(prefix="/hooks", tags=["hooks"])


@router.post(
    "/generic/{source}",
    status_code=202,
    response_model=HookAccepted,
    operation_id="receive_product",
    summary="Take a signed product",
    openapi_extra={
        "parameters": _HEADERS,
        "requestBody": {"required": True, "content": {"application/json": {"schema": _SCHEMA}}},
    },
    responses={
        202: {"headers": {"Location": {"schema": {"type": "string"}, "description": "The order."}}},
        401: {"description": "No such sender, or the signature does not fit."},
        404: {"description": "No such template or destination."},
        429: {"description": "This sender has used up its messages a minute."},
    },
)
async def receive(source: SourceName, request: Request) -> Response:
    """Standard Webhooks 1.0. The order is stored before the answer; a message that comes again, by its `webhook-id`, is answered
    with the order it became the first time. Photos are fetched afterwards.
    """
    parts = parts_of(request)
    try:
        sender, body = await asyncio.to_thread(_sender, parts, source), await _body(request)
        keys: Sequence[str] = sender.live_secrets if sender else ()
        message = verify(keys, request.headers, body, now=time.time())
    except Unauthenticated as error:
        return refusal(error, request.scope, _CHALLENGE)
    assert sender is not None  # nothing verifies without secrets
    rates: Rates = request.app.state.rates
    _, busy = rates.take_as(f"hook:{sender.name}")
    if busy:
        return refusal(busy, request.scope)
    told = parsed(body, HookProduct)
    product = told.product()
    wanted = _wanted(parts, sender, told)
    incoming = Incoming(wanted, sender.key_id, f"hook:{sender.name}:{message}", trace_of(request.scope), product)
    placed = await place(parts, incoming)
    await asyncio.to_thread(_remember, parts, product, sender, fresh=placed.created)
    accepted = HookAccepted(order=placed.order.id, state=placed.order.state, url=f"/v1/orders/{placed.order.id}")
    headers = {"location": accepted.url} | ({} if placed.created else {"idempotency-replayed": "true"})
    return Response(accepted.model_dump_json(), 202, headers, "application/json")


def _sender(parts: Parts, name: str) -> HookSource | None:
    try:
        return parts.hook_sources.get(name)
    except NotFound:
        return None


async def _body(request: Request) -> bytes:
    """The raw body. Raises HTTPException 413 as soon as it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_JSON:
            raise HTTPException(413, f"the body is larger than {MAX_JSON} bytes")
    return bytes(body)


def _wanted(parts: Parts, sender: HookSource, told: HookProduct) -> ImageRequest:
    """The order: the message's template, or the sender's, or the installation's first."""
    template = told.template or sender.data.get("template") or parts.settings.templates[0]
    return ImageRequest(
        input=ImageInput(sku=told.sku),
        template=template,
        destinations=told.destinations,
        priority=told.priority,
        metadata=told.metadata,
    )


def _remember(parts: Parts, product: Product, sender: HookSource, *, fresh: bool) -> None:
    """Keep the product. A message that came before must not undo what was learnt since."""
    if not fresh:
        try:
            parts.products.get(product.sku)
        except NotFound:
            pass
        else:
            return
    parts.products.remember([product], catalog=f"hook:{sender.name}")
