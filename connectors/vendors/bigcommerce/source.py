"""Products out of BigCommerce, by the time of their last change."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sources.mapping import Mapping
from connectors.vendors.api import Refused
from connectors.vendors.base import Listing, Page, Shown, mark_in
from connectors.vendors.bigcommerce.cells import address_of, built, ordered, product_cells, variant_cells
from connectors.vendors.bigcommerce.client import Client
from studio.errors import InvalidCursor, RowError

LIMIT = 250
"""Products a page; the API's own limit."""
OVERLAP = timedelta(seconds=10)
"""How far the next pull goes back behind the newest change, for those that became visible late."""
_INCLUDE = "images,variants,custom_fields"
NAMES_S = 3600.0
"""How long the names of brands and categories hold; a pull that begins later asks again."""
_CATEGORIES = 50
"""Ids in one address."""


class BigCommerceSource:
    """One listing for a product, under its id; the SKU is the product's or its first variant's.

    A variant has room for one picture and shares everything else, so variants are listed (ref `<product>/<variant>`, `variant_of`
    the product's SKU) only when `variants` is set and they have a picture; their pictures cannot be published here. Deleted
    products are not in the API's lists: webhooks and reconciliation find them.
    """

    def __init__(self, client: Client, mapping: Mapping, *, variants: bool = False) -> None:
        self._client, self._mapping, self._variants = client, mapping, variants
        self._usual = mapping.variant_of == "variant_of" and mapping.sku == "sku"
        self._names = _Names(client)

    def pages(self, cursor: str = "") -> Iterator[Page]:
        """Oldest change first. It goes on from the last time seen, not by page number, so that a product that is changed while
        we read moves none out of sight. Raises InvalidCursor, VendorError's kinds."""
        since, after = _read(cursor)
        floor, seen = since, set[tuple[int, str]]()
        if time.monotonic() > self._names.until:
            self._names = _Names(self._client)
        while True:
            found = self._since(since) if after is None else self._within(since, after)
            fresh = [product for product in found if _key(product) not in seen]
            seen = {_key(product) for product in found}
            full = len(found) == LIMIT
            last = found[-1]["date_modified"] if found else since
            if after is not None:
                # More than a page was changed within one second: through it by id, then on with the next second.
                since, after = (since, found[-1]["id"]) if full else (_later(since, timedelta(seconds=1)), None)
                full = True
            elif full and last == since:
                after = 0
            else:
                since = last if full or not last else max(floor, _later(last, -OVERLAP))
            yield Page(tuple(self._listings(fresh)), json.dumps({"since": since, "after": after}))
            if not full:
                return

    def listing(self, ref: str) -> Listing | None:
        """Raises RowError for a product that cannot be understood, VendorError's kinds."""
        number, _, variant = ref.partition("/")
        try:
            answer = self._client.json("GET", f"v3/catalog/products/{int(number)}", params={"include": _INCLUDE})
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        for found in self._listings([answer["data"]], variants=bool(variant)):
            if isinstance(found, RowError):
                raise found
            if found.ref == ref:
                return found
        return None

    def _since(self, since: str) -> list[dict[str, Any]]:
        newer = {"date_modified:min": since} if since else {}
        return self._client.data(
            "v3/catalog/products", include=_INCLUDE, limit=LIMIT, sort="date_modified", direction="asc", **newer
        )

    def _within(self, second: str, after: int) -> list[dict[str, Any]]:
        only = {"date_modified:min": second, "date_modified:max": second, "id:greater": after}
        return self._client.data("v3/catalog/products", include=_INCLUDE, limit=LIMIT, sort="id", direction="asc", **only)

    def _listings(self, products: list[dict[str, Any]], *, variants: bool | None = None) -> Iterator[Listing | RowError]:
        names = self._names
        names.learn(products)
        for product in products:
            cells = product_cells(product, names.brands, names.categories)
            pictures = tuple(shown(ordered(product.get("images") or ())))
            yield self._listing(str(product["id"]), cells, pictures, product)
            own = product.get("variants") or () if self._variants or variants else ()
            for variant in (one for one in own if one.get("image_url") and one.get("sku") != cells["sku"]):
                yield self._listing(f"{product['id']}/{variant['id']}", variant_cells(cells, variant), (), product)

    def _listing(
        self, ref: str, cells: dict[str, str], pictures: tuple[Shown, ...], product: dict[str, Any]
    ) -> Listing | RowError:
        item = built(f"bigcommerce/{ref}", cells, self._mapping, usual=self._usual)
        if isinstance(item, RowError):
            return item
        return Listing(ref, item, pictures, datetime.fromisoformat(product["date_modified"]))


class _Names:
    """Names of brands and categories, each asked for once an hour."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.until = time.monotonic() + NAMES_S
        self.brands: dict[int, str] = {}
        self.categories: dict[int, str] = {}

    def learn(self, products: list[dict[str, Any]]) -> None:
        """Names of brands and categories that were not met yet."""
        brands = {product.get("brand_id") or 0 for product in products} - self.brands.keys() - {0}
        for ids in _bites(brands):
            found = self._client.data("v3/catalog/brands", limit=LIMIT, **{"id:in": ids})
            self.brands |= {brand["id"]: brand["name"] for brand in found}
        categories = {key for product in products for key in product.get("categories") or ()} - self.categories.keys()
        for ids in _bites(categories):
            found = self._client.data("v3/catalog/trees/categories", limit=LIMIT, **{"category_id:in": ids})
            self.categories |= {category["category_id"]: category["name"] for category in found}


def shown(images: Iterable[dict[str, Any]]) -> Iterator[Shown]:
    """Pictures in their order. The store keeps our file name in front of a suffix of its own."""
    for position, image in enumerate(images):
        mark = mark_in(image.get("image_file") or "") or mark_in(address_of(image))
        yield Shown(str(image["id"]), address_of(image), position, image.get("description") or "", mark)


def _bites(ids: set[int]) -> Iterator[str]:
    queue = sorted(ids)
    for start in range(0, len(queue), _CATEGORIES):
        yield ",".join(map(str, queue[start : start + _CATEGORIES]))


def _key(product: dict[str, Any]) -> tuple[int, str]:
    return product["id"], product["date_modified"]


def _later(time: str, by: timedelta) -> str:
    return (datetime.fromisoformat(time).astimezone(UTC) + by).isoformat(timespec="seconds")


def _read(cursor: str) -> tuple[str, int | None]:
    if not cursor:
        return "", None
    try:
        said = json.loads(cursor)
        since, after = str(said["since"]), None if said["after"] is None else int(said["after"])
        if since:
            datetime.fromisoformat(since)
    except (ValueError, KeyError, TypeError):
        raise InvalidCursor("this is no cursor of a BigCommerce pull") from None
    return since, after
