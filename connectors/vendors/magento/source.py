"""Products by the time of their last change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sources.mapping import ImageColumn, Mapping
from connectors.sources.markup import text_of
from connectors.vendors.base import Listing, Page
from connectors.vendors.cells import cell, mapping_for, product_from
from connectors.vendors.connection import Connection
from connectors.vendors.magento.client import Filter, Magento
from connectors.vendors.magento.facts import Facts
from connectors.vendors.magento.media import shown
from studio.errors import InvalidCursor, ProductGone, RowError, VendorError

SIZE = 100
"""Products of a page: they come with all attributes and media."""
LATE = timedelta(seconds=120)
"""A save may become visible so long after the time that it carries: a long import is one transaction."""
_HIDDEN_VARIANT = 1
"""Visibility "not visible individually"."""
USUAL = Mapping(
    sku="sku",
    title="name",
    category="category",
    brand="manufacturer",
    attributes=("color", "size", "material", "pattern", "style", "gender", "description", "short_description"),
    images=(ImageColumn(column="images", separator="|"),),
    variant_of="variant_of",
)
"""Columns: fields of the product, its attributes by code (options by their labels), `category`, `images`, `variant_of`.
Sizes have no usual attribute; name yours in the connection's mapping."""


class MagentoSource:
    """Every product of the catalogue, whatever its status.

    Each simple product is a Product, as each has a SKU and a gallery; one that belongs to a configurable product names it in
    `variant_of`; the configurable product is a Product too: its page shows its own pictures first. The vendor tells nothing of
    deleted products, and some bulk edits of attributes leave `updated_at` as it was: a full pull finds both.
    """

    def __init__(
        self,
        client: Magento,
        connection: Connection,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        size: int = SIZE,
    ) -> None:
        self._client, self._now, self._size = client, now, size
        self._mapping = mapping_for(connection, USUAL)
        self._facts = Facts(client)

    def pages(self, cursor: str = "") -> Iterator[Page]:
        """By (time of change, id). Raises InvalidCursor."""
        at, last = _parsed(cursor)
        while True:
            asked = self._now()
            items = self._client.search("products", _after(at, last), sort=("updated_at", "entity_id"), size=self._size)
            if items:
                at, last = str(items[-1]["updated_at"]), int(items[-1]["id"])
            ended = len(items) < self._size
            if ended and at > (since := f"{asked - LATE:%Y-%m-%d %H:%M:%S}"):
                at, last = since, 0
            yield Page(tuple(self._listing(item) for item in items), json.dumps({"at": at, "id": last}))
            if ended:
                return

    def listing(self, ref: str) -> Listing | None:
        """One product by SKU."""
        try:
            item = self._client.of_product("GET", ref)
        except ProductGone:
            return None
        found = self._listing(item)
        if isinstance(found, RowError):
            raise VendorError(found.message)
        return found

    def _listing(self, item: dict[str, Any]) -> Listing | RowError:
        ref = str(item.get("sku") or "")
        pictures = shown(item.get("media_gallery_entries") or [], self._client.media)
        cells = self._cells(item) | {"images": "|".join(picture.url for picture in pictures if picture.url)}
        product = product_from(cells, self._mapping, f"{self._client.name}:{ref or item.get('id')}")
        if isinstance(product, RowError):
            return product
        return Listing(ref, product, pictures, _time(item.get("updated_at")))

    def _cells(self, item: dict[str, Any]) -> dict[str, str]:
        cells = {name: cell(value) for name, value in item.items()}
        for attribute in item.get("custom_attributes") or []:
            code, value = str(attribute["attribute_code"]), attribute.get("value")
            text = ",".join(map(str, value)) if isinstance(value, list) else cell(value)
            number = bool(text) and text.replace(",", "").isdigit() and code != "category_ids"
            cells[code] = self._facts.label(code, text) if number else text_of(text)
        more = item.get("extension_attributes") or {}
        links = more.get("category_links") if isinstance(more, dict) else None
        numbers = [str(link["category_id"]) for link in links or []] or [n for n in cells.get("category_ids", "").split(",") if n]
        cells["category"] = self._facts.category(numbers)
        variant = item.get("type_id") in ("simple", "virtual") and item.get("visibility") == _HIDDEN_VARIANT
        cells["variant_of"] = self._facts.parent(str(item.get("id"))) if variant else ""
        return cells


def _after(at: str, last: int) -> list[list[Filter]]:
    """Later than a time, or at that time and behind an id, as the conjunction that the interface can say."""
    if not at:
        return []
    return [[("updated_at", "gteq", at)], [("updated_at", "gt", at), ("entity_id", "gt", str(last))]]


def _parsed(cursor: str) -> tuple[str, int]:
    if not cursor:
        return "", 0
    try:
        found = json.loads(cursor)
        at, last = found["at"], int(found["id"])
        if at and _time(at) is None:
            raise ValueError(at)
    except (ValueError, KeyError, TypeError):
        raise InvalidCursor("not a cursor of this source") from None
    return at, last


def _time(text: Any) -> datetime | None:
    """The vendor's times are UTC without saying so."""
    try:
        return datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
