"""Products out of Shopify: the whole catalogue by one bulk query, then what changed, by the time of its change.

What the search index shows lags behind the shop, so every pull looks `OVERLAP` back and passes over what it has seen as it is.
Deletions are events (`action:destroy`, kept for a year). That Shopify writes that action for products is not verified here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.sources.mapping import load_mapping
from connectors.vendors.base import Listing, Page
from connectors.vendors.connection import Connection
from connectors.vendors.shopify import queries
from connectors.vendors.shopify.bulk import read_products
from connectors.vendors.shopify.catalogue import listings, metafields_of, time_of
from connectors.vendors.shopify.client import Admin, Declined
from studio.errors import InvalidCursor, RowError, VendorUnavailable

OVERLAP = timedelta(minutes=2)
PAGE = 50
"""Products of a bulk result in one page."""
DEEP = 20_000
"""Products after which a query begins anew at the time that was reached; Shopify pages to 25,000."""
MAX_SEEN = 2000
POLLS = 720
"""Looks at a bulk operation, up to 10 s apart, before the caller has to come again: two hours."""
_DAWN = "2000-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class _Cursor:
    since: str = ""
    gone: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)
    bulk: str = ""
    offset: int = 0

    def text(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


class ShopifyCatalogue:
    """A shop's products as listings."""

    def __init__(self, shop: Admin, connection: Connection) -> None:
        self._shop = shop
        self._mapping = load_mapping(Path(connection.mapping)) if connection.mapping else None
        self._keys = metafields_of(self._mapping)

    def pages(self, cursor: str = "") -> Iterator[Page]:
        """See `Source`. Raises InvalidCursor, VendorUnavailable (also while a bulk query runs for long: come again)."""
        at = _load(cursor)
        if not at.since and not at.bulk:
            at = self._begin()
            yield Page((), at.text())
        if at.bulk:
            for page, after in self._whole(at):
                yield page
                at = after
        yield from self._changes(at)

    def listing(self, ref: str) -> Listing | None:
        """See `Source`; a ref is that of a product or of a variant."""
        if ref.startswith("gid://shopify/ProductVariant/"):
            variant = self._shop.ask(queries.one_variant(self._keys), {"id": ref}).get("productVariant")
            node = variant and variant.get("product")
        else:
            node = self._shop.ask(queries.one_product(self._keys), {"id": ref}).get("product")
        if not node:
            return None
        for found in listings(self._complete(node), self._mapping):
            if isinstance(found, RowError):
                if found.file == ref:
                    raise found
            elif found.ref == ref:
                return found
        return None

    def _begin(self) -> _Cursor:
        """Start a bulk query. Where Shopify does not want one now, the catalogue is paged through."""
        try:
            answer = self._shop.do(queries.BULK_START, {"query": queries.everything(self._keys)}, repeatable=False)
        except Declined:
            return _Cursor(since=_DAWN, gone=_now())
        started = answer["bulkOperation"]
        return _Cursor(bulk=str(started["id"]), gone=str(started["createdAt"]))

    def _whole(self, at: _Cursor) -> Iterator[tuple[Page, _Cursor]]:
        operation = self._finished(at.bulk)
        if operation is None:
            yield (Page((), (after := _Cursor(since=_DAWN, gone=at.gone)).text()), after)
            return
        url, size, found = str(operation.get("url") or ""), int(operation.get("fileSize") or 0), []
        if url:
            for node, following in read_products(lambda start, length: self._shop.part(url, start, length), at.offset, size):
                found.append(node)
                if len(found) == PAGE:
                    after = replace(at, offset=following)
                    yield Page(self._listed(found), after.text()), after
                    found = []
        after = _Cursor(since=str(operation["createdAt"]), gone=at.gone)
        yield Page(self._listed(found), after.text()), after

    def _finished(self, ref: str) -> Mapping[str, Any] | None:
        """A bulk operation once it is done; None where it failed or is forgotten."""
        for poll in range(POLLS):
            operation = self._shop.ask(queries.BULK, {"id": ref}).get("bulkOperation")
            state = operation["status"] if operation else ""
            if operation and state == "COMPLETED":
                return dict(operation)
            if state not in {"CREATED", "RUNNING"}:
                return None
            self._shop.sleep(min(2.0**poll, 10.0))
        raise VendorUnavailable(f"{self._shop.name}: the bulk query still runs")

    def _changes(self, at: _Cursor) -> Iterator[Page]:
        gone, at = self._gone(at)
        deep = True
        while deep:
            deep, count = False, 0
            words = f"updated_at:>='{_back(at.since)}'"
            for nodes in self._query(queries.changed(self._keys), "products", words):
                fresh = [node for node in nodes if at.seen.get(str(node["id"])) != node["updatedAt"]]
                before, at = at.since, _seen(at, nodes)
                yield Page(self._listed([self._complete(node) for node in fresh]), at.text(), gone)
                gone, count = (), count + len(nodes)
                if count >= DEEP and _back(at.since) > _back(before):
                    deep = True
                    break

    def _gone(self, at: _Cursor) -> tuple[tuple[str, ...], _Cursor]:
        words = f"subject_type:PRODUCT action:destroy created_at:>='{_back(at.gone)}'"
        found: dict[str, None] = {}
        for nodes in self._query(queries.GONE, "events", words):
            found |= {str(node["subjectId"]): None for node in nodes if node.get("subjectId")}
            at = replace(at, gone=max([at.gone, *(str(node["createdAt"]) for node in nodes)], key=_when))
        return tuple(found), at

    def _query(self, query: str, name: str, words: str) -> Iterator[list[dict[str, Any]]]:
        after = None
        while True:
            connection = self._shop.ask(query, {"query": words, "after": after})[name]
            yield connection["nodes"]
            if not connection["pageInfo"]["hasNextPage"]:
                return
            after = connection["pageInfo"]["endCursor"]

    def _complete(self, node: dict[str, Any]) -> dict[str, Any]:
        """The product with all its pictures and variants, where the first answer held only some."""
        for name, query in (("media", queries.MORE_MEDIA), ("variants", queries.MORE_VARIANTS)):
            part = node[name]
            while part["pageInfo"]["hasNextPage"]:
                more = self._shop.ask(query, {"id": node["id"], "after": part["pageInfo"]["endCursor"]}).get("product")
                if not more:
                    break
                part = {"nodes": [*part["nodes"], *more[name]["nodes"]], "pageInfo": more[name]["pageInfo"]}
            node = {**node, name: part}
        return node

    def _listed(self, nodes: list[dict[str, Any]]) -> tuple[Listing | RowError, ...]:
        return tuple(found for node in nodes for found in listings(node, self._mapping))


def _load(cursor: str) -> _Cursor:
    if not cursor:
        return _Cursor()
    try:
        data = json.loads(cursor)
        at = _Cursor(**data)
        kinds: dict[str, Callable[[Any], bool]] = {
            "since": lambda text: not text or time_of(text) is not None,
            "gone": lambda text: time_of(text) is not None,
            "seen": lambda seen: isinstance(seen, dict),
            "bulk": lambda text: isinstance(text, str),
            "offset": lambda number: isinstance(number, int) and number >= 0,
        }
        if not all(kinds[name](getattr(at, name)) for name in kinds):
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise InvalidCursor("not a cursor of a Shopify connection") from None
    return at


def _seen(at: _Cursor, nodes: list[dict[str, Any]]) -> _Cursor:
    """The cursor after some products: the latest change, and what is inside the overlap before it."""
    since = max([at.since, *(str(node["updatedAt"]) for node in nodes)], key=_when)
    floor = _when(since) - OVERLAP
    seen = {**at.seen, **{str(node["id"]): str(node["updatedAt"]) for node in nodes}}
    kept = [(ref, updated) for ref, updated in seen.items() if _when(updated) >= floor]
    return replace(at, since=since, seen=dict(kept[-MAX_SEEN:]))


def _when(text: str) -> datetime:
    at = time_of(text) or datetime(2000, 1, 1, tzinfo=UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _back(text: str) -> str:
    return (_when(text) - OVERLAP).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
