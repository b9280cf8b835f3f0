"""From a request to a stored order: looked up, found in the store or accepted, started, waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cluster.tiers import Tier
from connectors.online.orders import NewOrder, Order, OrderState
from connectors.online.products import Products
from serve_apps.http.prefer import Preferences
from serve_apps.orders.telling import ended
from serve_apps.parts import Parts
from serve_apps.request.hits import Hit
from serve_apps.request.quote import quote
from serve_apps.request.resolve import resolve
from serve_apps.request.schema import ImageRequest, OrderSpec, Quote
from studio.errors import BudgetExhausted
from studio.keys import digest_of
from studio.models.registry import ROWS
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


_OWN = {"metadata", "webhook", "deadline", "priority"}
"""Fields of a request that its images do not depend on."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A stored order. `created`: by this call; otherwise the idempotency key was known. `hit`: made before, nothing to do."""

    order: Order
    created: bool
    hit: Hit | None


async def place(parts: Parts, incoming: Incoming) -> Placed:
    """Store an order durably and start it, unless all its images are in the store already. Raises PackshotError for what is
    wrong with it.
    """
    placed = await asyncio.to_thread(_stored, parts, incoming)
    if placed.created:
        parts.metrics.accepted(placed.order.priority)
        parts.metrics.lookup(hit=placed.hit is not None)
        if placed.hit is None:
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
    known = has_blob or parts.storage.has_blob
    relatives = Known(parts.products, product)
    return resolve(wanted, library=parts.library, relatives=relatives, has_blob=known, generator=_generator(parts))


@dataclass(frozen=True, slots=True)
class Known:
    """Products that this installation knows; `own` is as its batch says it, whatever is stored."""

    products: Products
    own: Product | None = None

    def product(self, sku: str) -> Product:
        """By SKU. Raises NotFound."""
        return self.own if self.own is not None and self.own.sku == sku else self.products.get(sku)

    def variants(self, of: str) -> Sequence[Product]:
        """Variants of something, by SKU."""
        return self.products.variants(of)


def _generator(parts: Parts) -> str:
    """The first model of the settings that paints sets, "" where none is given weights."""
    given = parts.settings.models.configured
    return next((name for name in given if name in ROWS and ROWS[name].card.task == "generation"), "")


def quote_of(parts: Parts, spec: OrderSpec, tier: Tier = "standard") -> Quote:
    """What the order would take. Raises UnknownModel, ModelNotConfigured and LicenceForbidden."""
    return quote(
        spec,
        known=parts.hits.knows,
        stored=lambda key: parts.storage.get_action(key) is not None,
        cards=parts.hits.cards,
        past=parts.experience.now(),
        profile=parts.profile,
        prices=parts.settings.prices,
        tier=tier,
        left=parts.budgets.left(spec.product.brand),
    )


def admit(parts: Parts, spec: OrderSpec, incoming: Incoming) -> None:
    """Raises BudgetExhausted for a new order beyond a budget; one that is stored already is answered all the same."""
    try:
        parts.budgets.check(spec.product.brand)
    except BudgetExhausted:
        if not parts.orders.knows(incoming.key_id, incoming.idempotency_key):
            raise


def new_order(spec: OrderSpec, incoming: Incoming, *, batch: str = "", spec_json: Mapping[str, Any] | None = None) -> NewOrder:
    """The row of an order. `spec_json` saves writing the spec as JSON."""
    return NewOrder(
        key_id=incoming.key_id,
        priority=incoming.wanted.priority,
        spec=spec_json or spec.model_dump(mode="json"),
        sku=spec.product.sku,
        template=spec.template.key,
        batch=batch,
        trace=incoming.trace,
        deadline=incoming.wanted.deadline,
        idempotency_key=incoming.idempotency_key,
        request_digest=digest_of(incoming.wanted),
    )


def _stored(parts: Parts, incoming: Incoming) -> Placed:
    wanted = incoming.wanted
    # A folder to publish to is written by the workflow, which is free for images that are known.
    asset = "" if parts.settings.api.publish or wanted.input is None else wanted.input.asset
    # What a digest names never changes, what an address or a SKU names may.
    name = wanted.model_dump_json(exclude=_OWN) if asset else ""
    hit = parts.hits.recall(name) if name else None
    if hit is None:
        spec = spec_of(parts, wanted, product=incoming.product)
        result = None if parts.settings.api.publish else parts.hits.find(spec)
        if result is None:
            admit(parts, spec, incoming)
            order, created = parts.orders.accept(new_order(spec, incoming))
            return Placed(order, created, None)
        hit = parts.hits.keep(name, spec, result)
    own = {"metadata": wanted.metadata, "webhook": wanted.webhook}
    new = new_order(hit.spec, incoming, spec_json={**hit.spec_json, **own})
    event = ended(new, OrderState.SUCCEEDED, hit.result_json)
    order = parts.orders.finished(new, hit.result_json, event=event)
    return Placed(order, order.id == new.id, replace(hit, spec=hit.spec.model_copy(update=own)))
