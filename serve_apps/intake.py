"""From a request to a stored order: looked up, found in the store or accepted, started, waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from cluster.estimates import seconds_a_shot
from connectors.online.orders import NewOrder, Order
from serve_apps.parts import Parts
from serve_apps.prefer import Preferences
from serve_apps.quote import quote
from serve_apps.resolve import resolve
from serve_apps.schema import ImageRequest, OrderSpec, Quote
from studio.keys import digest_of
from studio.product import Product


@dataclass(frozen=True, slots=True)
class Incoming:
    """One wanted order and who wants it. `idempotency_key` "" means: every call is another order. With `product`, that is what
    `wanted.input.sku` names, whatever is stored.
    """

    wanted: ImageRequest
    key_id: str
    idempotency_key: str = ""
    trace: str = ""
    product: Product | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A stored order. `created`: by this call; otherwise the idempotency key was known. `hit`: made before, nothing to do."""

    order: Order
    created: bool
    hit: bool


async def place(parts: Parts, incoming: Incoming) -> Placed:
    """Store an order durably and start it, unless all its images are in the store already. Raises PackshotError for what is
    wrong with it.
    """
    placed = await asyncio.to_thread(_stored, parts, incoming)
    if placed.created:
        parts.metrics.accepted(placed.order.priority)
        parts.metrics.lookup(hit=placed.hit)
        if not placed.hit:
            await parts.desk.start(placed.order.id)
    return placed


async def wait_for(parts: Parts, order: Order, wanted: Preferences) -> tuple[Order, int | None]:
    """The order once it has ended, or as it is when the caller's patience ends; and the seconds that were honoured."""
    if wanted.wait_s is None:
        return order, None
    seconds = int(min(wanted.wait_s, parts.settings.api.max_wait_s))
    if not order.state.ended and seconds > 0:
        await parts.desk.wait(order.id, seconds)
        order = await asyncio.to_thread(parts.orders.get, order.id)
    return order, seconds


def spec_of(
    parts: Parts, wanted: ImageRequest, *, product: Product | None = None, has_blob: Callable[[str], bool] | None = None
) -> OrderSpec:
    """Everything the order names, looked up. Raises InputError, UnknownTemplate, NotFound, NotStored or a not_supported error."""
    find = parts.products.get if product is None else (lambda _sku: product)
    return resolve(wanted, library=parts.library, product=find, has_blob=has_blob or parts.storage.has_blob)


def quote_of(parts: Parts, spec: OrderSpec) -> Quote:
    """What the order would take. Raises UnknownModel, ModelNotConfigured and LicenceForbidden."""
    return quote(
        spec,
        known=parts.hits.knows,
        cards=parts.hits.cards,
        measured=seconds_a_shot(parts.records),
        profile=parts.profile,
        prices=parts.settings.prices,
    )


def new_order(spec: OrderSpec, incoming: Incoming, *, batch: str = "", request_digest: str = "") -> NewOrder:
    """The row of an order."""
    return NewOrder(
        key_id=incoming.key_id,
        priority=incoming.wanted.priority,
        spec=spec.model_dump(mode="json"),
        sku=spec.product.sku,
        template=spec.template.key,
        batch=batch,
        trace=incoming.trace,
        deadline=incoming.wanted.deadline,
        idempotency_key=incoming.idempotency_key,
        request_digest=request_digest or digest_of(incoming.wanted),
    )


def _stored(parts: Parts, incoming: Incoming) -> Placed:
    spec = spec_of(parts, incoming.wanted, product=incoming.product)
    new = new_order(spec, incoming)
    # A folder to publish to is written by the workflow, which is free for images that are known.
    result = None if parts.settings.api.publish else parts.hits.find(spec)
    if result is None:
        order, created = parts.orders.accept(new)
        return Placed(order, created, hit=False)
    order = parts.orders.finished(new, result.model_dump(mode="json"))
    return Placed(order, order.id == new.id, hit=True)
