"""Products out of Vendure, by the time of their last change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sources.mapping import Mapping
from connectors.vendors.base import Listing, Page
from connectors.vendors.vendure.cells import built, pictures_of, product_cells, shown, variant_cells
from connectors.vendors.vendure.client import Client
from connectors.vendors.vendure.query import Queries
from studio.errors import InvalidCursor, RowError, VendorError

LIMIT = 50
"""Products a page: each brings its variants and assets with it. The server's own limit is 1,000."""
VARIANTS = 500
"""Changed variants a page; of these only the ids are read."""
OVERLAP = timedelta(seconds=10)
"""How far the next pull goes back behind the newest change: a change's time is set before its transaction ends."""
_TICK = timedelta(milliseconds=1)
"""What times of the API are cut to."""
_EVER = "9999-12-31T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Place:
    """How far a list was read: changes since a time; or, where more than a page was changed in one instant, that instant's
    from the `skip`th of `total` by id."""

    since: str = ""
    skip: int = -1
    total: int = 0


class VendureSource:
    """A product is listed under its id, its SKU is its first variant's. Variants with pictures of their own are listed as
    `<product>/<variant>` with `variant_of`; other variants show their product's and are not listed.

    A change of a variant does not touch its product's time, so a pull reads both lists: products in the order of their changes,
    then products of changed variants. Deleted products are not in the API's lists, and a renamed facet or collection touches no
    product: messages, reconciliation and full pulls find those.
    """

    def __init__(self, client: Client, mapping: Mapping, queries: Queries) -> None:
        self._client, self._mapping, self._queries = client, mapping, queries
        self._usual = mapping.variant_of == "variant_of" and mapping.sku == "sku"

    def pages(self, cursor: str = "") -> Iterator[Page]:
        """Raises InvalidCursor, VendorError's kinds."""
        products, variants = _read(cursor)
        if not cursor:
            variants = Place(since=self._newest_variant())
        for items, place in self._walk(self._queries.products, products, LIMIT):
            products = place
            yield Page(tuple(self._listings(items)), _write(products, variants))
        told: set[str] = set()
        for items, place in self._walk(self._queries.changed_variants, variants, VARIANTS):
            ids = sorted({str(item["productId"]) for item in items} - told)
            told |= set(ids)
            for start in range(0, len(ids), LIMIT):
                found = self._list(self._queries.products, {"filter": {"id": {"in": ids[start : start + LIMIT]}}, "take": LIMIT})
                yield Page(tuple(self._listings(found["items"])), _write(products, variants))
            variants = place
            yield Page((), _write(products, variants))

    def listing(self, ref: str) -> Listing | None:
        """Raises RowError for a product that cannot be understood, VendorError's kinds."""
        product = self._client.ask(self._queries.product, {"id": ref.partition("/")[0]}).get("product")
        for found in self._listings([product] if product else []):
            if isinstance(found, Listing) and found.ref == ref:
                return found
            if isinstance(found, RowError) and "/" not in ref:
                raise found
        return None

    def _walk(self, query: str, place: Place, size: int) -> Iterator[tuple[list[dict[str, Any]], Place]]:
        """Pages of a list, each with the place after it. It goes on from the last time seen and not by number, so that what is
        changed while we read pushes nothing out of sight."""
        floor, seen = place.since, set[tuple[str, str]]()
        more = True
        while more:
            items, place, more = self._step(query, place, size, floor)
            fresh = [item for item in items if _key(item) not in seen]
            seen = {_key(item) for item in items}
            yield fresh, place

    def _step(self, query: str, place: Place, size: int, floor: str) -> tuple[list[dict[str, Any]], Place, bool]:
        since, skip = place.since, place.skip
        if skip >= 0:
            return *self._instant(query, place, size), True
        newer = {"filter": {"updatedAt": {"between": {"start": since, "end": _EVER}}}} if since else {}
        items = self._list(query, {**newer, "take": size, "sort": {"updatedAt": "ASC", "id": "ASC"}})["items"]
        last = items[-1]["updatedAt"] if items else since
        if len(items) < size:
            return items, Place(max(floor, _moved(last, -OVERLAP)) if last else ""), False
        crowded = items[0]["updatedAt"] == last
        return items, Place(last, 0) if crowded else Place(last), True

    def _instant(self, query: str, place: Place, size: int) -> tuple[list[dict[str, Any]], Place]:
        """What left the instant since the last page moved the rest to the front: as many are read again."""
        window = {"updatedAt": {"between": {"start": place.since, "end": _moved(place.since, _TICK)}}}
        found = self._list(query, {"filter": window, "take": size, "skip": place.skip, "sort": {"id": "ASC"}})
        items, total = found["items"], found["totalItems"]
        if place.total > total:
            return [], Place(place.since, max(0, place.skip - (place.total - total)), total)
        if len(items) < size:
            return items, Place(_moved(place.since, _TICK))
        return items, Place(place.since, place.skip + len(items), total)

    def _list(self, query: str, options: dict[str, Any]) -> dict[str, Any]:
        found = self._client.ask(query, {"options": options}).get("list")
        if not isinstance(found, dict):
            raise VendorError(f"{self._client.name}: the shop answered no list")
        return found

    def _newest_variant(self) -> str:
        found = self._list(self._queries.changed_variants, {"take": 1, "sort": {"updatedAt": "DESC"}})["items"]
        return _moved(found[0]["updatedAt"], -OVERLAP) if found else ""

    def _listings(self, products: list[dict[str, Any]]) -> Iterator[Listing | RowError]:
        for product in products:
            cells, ref = product_cells(product), str(product["id"])
            variants = product.get("variants") or []
            newest = max(item["updatedAt"] for item in [product, *variants])
            yield self._listing(ref, cells, product, newest)
            for variant in variants:
                if pictures_of(variant) and len(variants) > 1:
                    yield self._listing(f"{ref}/{variant['id']}", variant_cells(cells, variant), variant, newest)

    def _listing(self, ref: str, cells: dict[str, str], owner: dict[str, Any], newest: str) -> Listing | RowError:
        product = built(ref, cells, self._mapping, usual=self._usual)
        if isinstance(product, RowError):
            return product
        return Listing(ref, product, shown(pictures_of(owner), self._queries.alt), datetime.fromisoformat(newest))


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return str(item["id"]), item["updatedAt"]


def _moved(time: str, by: timedelta) -> str:
    moved = datetime.fromisoformat(time).astimezone(UTC) + by
    return moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _write(products: Place, variants: Place) -> str:
    return json.dumps({"products": asdict(products), "variants": asdict(variants)})


def _read(cursor: str) -> tuple[Place, Place]:
    if not cursor:
        return Place(), Place()
    try:
        said = json.loads(cursor)
        return _place(said["products"]), _place(said["variants"])
    except (ValueError, KeyError, TypeError, OverflowError):
        raise InvalidCursor("this is no cursor of a Vendure pull") from None


def _place(said: Any) -> Place:
    since, skip, total = said["since"], said["skip"], said["total"]
    if since:
        datetime.fromisoformat(since)
    return Place(str(since), int(skip), int(total))
