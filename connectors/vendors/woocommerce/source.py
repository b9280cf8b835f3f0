"""Products by the time of their last change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Cells
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sources.mapping import DimensionColumns, ImageColumn, Mapping, tidy
from connectors.sources.markup import text_of
from connectors.vendors.base import Listing, Page
from connectors.vendors.cells import cell, mapping_for, product_from
from connectors.vendors.connection import Connection
from connectors.vendors.woocommerce.client import SIZE, Woo
from connectors.vendors.woocommerce.pictures import addresses, shown
from studio.errors import InvalidCursor, ProductGone, RowError, VendorDenied, VendorError, VendorRefused

LATE = timedelta(seconds=60)
"""A save may become visible so long after the time that it carries."""
AGAIN = 20
"""Products of one second are read by offset; so many are read twice, in case some left that second meanwhile."""
_SECOND = timedelta(seconds=1)
_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4, "yd": 914.4}
USUAL = Mapping(
    sku="handle",
    title="name",
    category="category",
    brand="brand",
    attributes=("description", "short_description", "tags", "color", "colour", "size", "material", "pattern", "style"),
    dimensions=DimensionColumns(width="width_mm", height="height_mm", depth="length_mm"),
    images=(ImageColumn(column="images", separator="|"),),
    variant_of="variant_of",
)
"""Columns: fields of the product, its attributes by name (`Frame colour` is `frame_colour`), `handle` (its SKU, else its slug),
`category` (the first), `brand`, `tags`, `length_mm`, `width_mm`, `height_mm`, `images`, `variant_of`."""


class WooSource:
    """Every product that is not in the bin.

    A product is a Product by its SKU or slug, with the pictures of its gallery; a variation is one of its own, `variant_of` the
    product, if it has a SKU and a picture that is not the product's. The vendor tells of deleted products by webhook only.
    """

    def __init__(self, client: Woo, connection: Connection, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._client, self._now = client, now
        self._mapping = mapping_for(connection, USUAL)
        self._unit = connection.option("dimension-unit")

    def pages(self, cursor: str = "") -> Iterator[Page]:
        """Whole seconds of changes at a time, as the list has no second key to sort by. Raises InvalidCursor."""
        after, offset = _parsed(cursor)
        while True:
            asked = self._now()
            if offset is None:
                items = self._client.list("products", orderby="modified", order="asc", **_between(after))
                ended = len(items) < SIZE
                whole = items if ended else [item for item in items if _time(item) < _time(items[-1])]
                if items and not whole:
                    after, offset = _time(items[0]) - _SECOND, 0
                    continue
                after = _time(whole[-1]) if whole else after
            else:
                whole = self._client.list(
                    "products", orderby="id", order="asc", offset=offset, **_between(after, after + 2 * _SECOND)
                )
                ended = False
                after, offset = (after, offset + SIZE - AGAIN) if len(whole) == SIZE else (after + _SECOND, None)
            if ended and after > asked - LATE:
                after = max(asked - LATE, _START).replace(microsecond=0)
            said = json.dumps({"after": after.isoformat(), "offset": offset})
            yield Page(tuple(listing for item in whole for listing in self._listings(item)), said)
            if ended:
                return

    def listing(self, ref: str) -> Listing | None:
        """A product by id, or a variation by `product/variation`."""
        try:
            item = self._client.product(ref)
            parent, _, variation = ref.partition("/")
            found = self._variation(self._client.product(parent), item) if variation else self._product(item)
        except ProductGone:
            return None
        if isinstance(found, RowError):
            raise VendorError(found.message)
        return found

    def _listings(self, item: dict[str, Any]) -> Iterator[Listing | RowError]:
        yield self._product(item)
        known = {str(image.get("id")) for image in item.get("images") or []}
        offset = 0
        while item.get("type") == "variable":
            page = self._client.list(f"products/{item['id']}/variations", orderby="id", order="asc", offset=offset)
            for variation in page:
                picture = variation.get("image") or {}
                if variation.get("sku") and picture.get("id") and str(picture["id"]) not in known:
                    yield self._variation(item, variation)
            offset += len(page)
            if len(page) < SIZE:
                return

    def _product(self, item: dict[str, Any]) -> Listing | RowError:
        return self._built(str(item["id"]), item, self._cells(item))

    def _variation(self, item: dict[str, Any], variation: dict[str, Any]) -> Listing | RowError:
        """The product's facts under the variation's own; pictures of its own come first."""
        own = self._cells(variation)
        parent = self._cells(item)
        title, cells = parent["name"], parent | {name: text for name, text in own.items() if text}
        cells |= {"images": addresses([*_pictures(variation), *_pictures(item)]), "variant_of": _handle(item)}
        return self._built(f"{item['id']}/{variation['id']}", variation, cells | {"name": title})

    def _built(self, ref: str, item: dict[str, Any], cells: Cells[str, str]) -> Listing | RowError:
        product = product_from(cells, self._mapping, f"{self._client.name}:{ref}")
        return product if isinstance(product, RowError) else Listing(ref, product, shown(_pictures(item)), _time(item))

    def _cells(self, item: dict[str, Any]) -> dict[str, str]:
        cells = {name: cell(value) for name, value in item.items()}
        cells |= {name: text_of(cells.get(name, "")) for name in ("name", "description", "short_description")}
        for attribute in item.get("attributes") or []:
            values = attribute.get("options") or [attribute.get("option")]
            cells.setdefault(tidy(str(attribute.get("name") or "")), ", ".join(str(value) for value in values if value))
        cells |= self._sides(item.get("dimensions") or {})
        names = {
            what: [str(each.get("name") or "") for each in item.get(what) or []] for what in ("categories", "brands", "tags")
        }
        return cells | {
            "handle": _handle(item),
            "category": next(iter(names["categories"]), ""),
            "brand": next(iter(names["brands"]), cells.get("brand", "")),
            "tags": ", ".join(names["tags"]),
            "images": addresses(_pictures(item)),
        }

    def _sides(self, sides: Cells[str, Any]) -> dict[str, str]:
        """In millimetres; a size whose unit is not known is left out: a wrong scale is worse than none."""
        given = {side: text for side in ("length", "width", "height") if (text := cell(sides.get(side)))}
        unit = _MM.get(self._dimension_unit(), 0.0) if given else 0.0
        try:
            return {f"{side}_mm": f"{round(float(text) * unit, 3):g}" for side, text in given.items() if unit and float(text) > 0}
        except ValueError:
            return {}

    def _dimension_unit(self) -> str:
        if not self._unit:
            try:
                self._unit = str(self._client.json("GET", "settings/products/woocommerce_dimension_unit").get("value") or "none")
            except (VendorDenied, VendorRefused):
                self._unit = "none"
        return self._unit


_START = datetime(1970, 1, 1, tzinfo=UTC)


def _between(after: datetime, before: datetime | None = None) -> dict[str, str]:
    """Both ends are left out by the vendor."""
    if after <= _START:
        return {}
    ends = {"modified_after": after} | ({"modified_before": before} if before else {})
    return {name: f"{at:%Y-%m-%dT%H:%M:%S}" for name, at in ends.items()} | {"dates_are_gmt": "true"}


def _parsed(cursor: str) -> tuple[datetime, int | None]:
    if not cursor:
        return _START, None
    try:
        found = json.loads(cursor)
        after, offset = datetime.fromisoformat(found["after"]), found["offset"]
        return after.astimezone(UTC), None if offset is None else int(offset)
    except (ValueError, KeyError, TypeError):
        raise InvalidCursor("not a cursor of this source") from None


def _time(item: Cells[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(str(item["date_modified_gmt"])).replace(tzinfo=UTC, microsecond=0)
    except (KeyError, ValueError):
        raise VendorError(f"product {item.get('id')} has no date_modified_gmt") from None


def _handle(item: Cells[str, Any]) -> str:
    return cell(item.get("sku")) or cell(item.get("slug")) or f"woo-{item.get('id')}"


def _pictures(item: Cells[str, Any]) -> Sequence[dict[str, Any]]:
    """A product has `images`, a variation one `image`."""
    found = item["images"] if "images" in item else [item.get("image")]
    return [image for image in found or [] if isinstance(image, dict) and image.get("id")]
