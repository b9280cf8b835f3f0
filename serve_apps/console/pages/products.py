"""Products: one page with all that was made of a product, where it is published, and back to what was there before."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from cluster.connections import open_connection
from connectors.audit import acting_as
from serve_apps.console.frame import PAGE, ROOT, Actor, Entry, Viewer, go, page, paged
from serve_apps.console.product_views import made_by_nights, made_by_orders, shown_galleries, shown_photos
from serve_apps.console.shelves import shelves_of
from serve_apps.parts import parts_of
from studio.errors import NotFound

router = APIRouter(prefix="/products")
ENTRY = Entry("Products", "/products", "p")
Text = Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Sku = Annotated[str, Query(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
ORDERS = 50
"""Orders of a product that its page looks at, newest first."""


@router.get("")
def list_products(
    request: Request, _: Viewer, text: Text = "", number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1
) -> Response:
    """Products by SKU; `text` begins the SKU or is part of the title."""
    products = shelves_of(request).products
    found = products.page(text, number=number, size=PAGE)
    return page(request, "products", products=paged(request, found, total=products.count(text), number=number), text=text)


@router.get("/one")
def show_product(request: Request, caller: Viewer, sku: Sku) -> Response:
    """Everything about one. Raises NotFound for a SKU of which nothing at all is known."""
    parts, shelves = parts_of(request), shelves_of(request)
    try:
        product = parts.products.get(sku)
    except NotFound:
        product = None
    orders, _ = parts.orders.list(sku=sku, key_id=caller.sees, limit=ORDERS)
    nights = made_by_nights(parts, shelves.shots.of(sku))
    galleries = shown_galleries(shelves.publications, sku)
    reviewed = parts.reviews.of(sku=sku, sees=caller.sees)
    if product is None and not (orders or nights or galleries or reviewed):
        raise NotFound(f"nothing is known of a product {sku!r}")
    return page(
        request,
        "product",
        sku=sku,
        product=product,
        photos=shown_photos(parts, product),
        nights=nights,
        slots=made_by_orders(orders),
        orders=orders,
        galleries=galleries,
        reviewed=reviewed,
    )


@router.post("/rollback")
def rollback(
    request: Request,
    caller: Actor,
    connection: Annotated[str, Form(max_length=64)],
    ref: Annotated[str, Form(max_length=2000)],
    sku: Annotated[str, Form(max_length=200)],
) -> Response:
    """Put back the pictures that were on the product before. Raises NotFound, Conflict, and what the vendor says."""
    with acting_as(f"key:{caller.key_id}"):
        published = open_connection(parts_of(request).settings, connection).publisher.rollback(ref)
    to = f"{ROOT}/products/one?{urlencode({'sku': sku})}"
    return go(to, f"{connection} shows the set before again: {len(published.items)} pictures.")
