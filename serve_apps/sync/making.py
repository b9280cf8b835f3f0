"""From a product to orders, and from ended orders to the pictures that were released."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from connectors.online.orders import Order, OrderState
from connectors.sets import Finished
from connectors.sync import Looked
from connectors.vendors.connection import Connection
from serve_apps.orders.flow import sql
from serve_apps.parts import Parts
from serve_apps.request.intake import Incoming, place
from serve_apps.request.schema import ImageInput, ImageRequest, OrderSpec, ShotResult
from studio.destination import Destination
from studio.errors import InputError, PackshotError, SettingsError, UnknownTemplate
from studio.keys import digest_of
from studio.product import Product
from studio.selection import AUTO, choose
from studio.shot import Done
from templates.library import Library

log = logging.getLogger(__name__)

ASKED_BY = "sync"
"""Begins the idempotency keys of these orders, and is who asked for a retry."""


@dataclass(frozen=True, slots=True)
class Made:
    """What orders came to. `failed`: one of them ended without a word about all of its pictures."""

    finished: tuple[Finished, ...]
    failed: bool
    why: str
    """Codes and reasons, for the log."""


def looks(library: Library, names: Sequence[str], product: Product) -> list[str]:
    """Templates as `id@version`, each once; `auto` is all that the rules choose. Raises UnknownTemplate."""
    wanted: list[str] = []
    for name in names:
        wanted += choose(product, library.rules()).templates if name == AUTO else [name]
    return list(dict.fromkeys(library.template(name).key for name in wanted))


async def order(parts: Parts, connection: Connection, looked: Looked, *, again: bool) -> list[str]:
    """Ids of the orders for this state of the product: always the same ones. `again`: those that failed are queued once more.

    A look that the product does not fit makes no order, and the log says why. Raises SettingsError, and errors that may pass.
    """
    await sql(parts.products.remember, [looked.product], catalog=f"connection:{connection.name}")
    orders: list[str] = []
    try:
        wanted = looks(parts.library, connection.templates, looked.product)
    except UnknownTemplate as error:
        raise SettingsError(f"connections.{connection.name}.templates: {error.message}") from None
    for look in wanted:
        try:
            placed = await place(parts, _incoming(connection, looked, look))
        except PackshotError as error:
            if error.retryable:
                raise
            log.warning("%s: %s gets no %s: %s", connection.name, looked.product.sku, look, error.message)
            continue
        if again and placed.order.state is OrderState.FAILED:
            await asyncio.to_thread(parts.orders.again, placed.order.id, by=ASKED_BY)
            await parts.desk.start(placed.order.id)
        orders.append(placed.order.id)
    return orders


async def ended(parts: Parts, orders: Sequence[str], seconds: float) -> list[Order] | None:
    """The orders once all have ended; None when they have not within so many seconds. Raises NotFound."""
    until = asyncio.get_running_loop().time() + seconds
    for one in orders:
        if not await parts.desk.wait(one, max(until - asyncio.get_running_loop().time(), 0.0)):
            return None
    return [await sql(parts.orders.get, one) for one in orders]


def made(orders: Sequence[Order]) -> Made:
    """Released pictures of ended orders, in the order of the looks."""
    finished: list[Finished] = []
    why: list[str] = []
    for one in orders:
        results = [ShotResult.model_validate(shot) for shot in one.result.get("shots", ())]
        places = _places(one)
        for result in results:
            if isinstance(result.outcome, Done):
                asset = result.outcome.asset
                finished.append(
                    Finished(result.template, places[result.destination], result.slot, asset.digest, asset.media_type)
                )
            else:
                why.append(f"{one.id} {result.slot}: {result.outcome.status}")
        why += [f"{one.id}: {one.error.get('code', '')}"] if one.error else []
    failed = any(one.state in (OrderState.FAILED, OrderState.CANCELLED) for one in orders)
    return Made(tuple(finished), failed, ", ".join(why))


def _incoming(connection: Connection, looked: Looked, look: str) -> Incoming:
    """Raises InputError for a SKU that the service cannot take."""
    ref = looked.listing.ref
    try:
        wanted = ImageRequest(
            input=ImageInput(sku=looked.product.sku),
            template=look,
            metadata={"connection": connection.name, "ref": ref[:500]},
        )
    except ValidationError:
        raise InputError(f"{ref}: the SKU has more than 200 or unprintable characters") from None
    # Another version of the service may ask otherwise, and a photo may have other bytes at the same address: other orders.
    asked = digest_of([wanted.model_dump(mode="json"), [image.uri for image in looked.product.images]])
    key = f"{ASKED_BY}:{connection.name}:{ref}:{looked.digest}:{look}:{asked[:16]}"
    return Incoming(wanted, "", key, product=looked.product)


def _places(order: Order) -> dict[str, Destination]:
    spec = OrderSpec.model_validate(order.spec)
    return {place.id: place for place in (*spec.named.values(), *spec.destinations)}
