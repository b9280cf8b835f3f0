"""Calls of the REST interface and its search criteria."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from connectors.vendors.api import Api, Refused
from connectors.vendors.connection import Connection
from connectors.vendors.pace import Pace
from studio.errors import ProductGone, VendorError

PER_S, BURST = 10.0, 20.0
"""Adobe documents no rate of calls; this keeps PHP workers free for shoppers."""
PAGE = 300
"""Largest page where input limits are on (Adobe Commerce REST, "Input limiting", seen 2026-08-05)."""
SAAS = ".api.commerce.adobe.com"
NOT_FOUND = 404

Filter = tuple[str, str, str]
"""Field, condition, value."""


class Magento:
    """One shop. Thread-safe."""

    def __init__(self, connection: Connection, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.name, self.sleep, self._store = connection.name, sleep, connection.option("store", "all")
        self._saas = (urlsplit(connection.address).hostname or "").endswith(SAAS)
        address = connection.address.rstrip("/")
        self.media = connection.option("media", "" if self._saas else f"{address}/media/catalog/product").rstrip("/")
        headers = {"authorization": f"Bearer {connection.secret('token')}"} | ({"store": self._store} if self._saas else {})
        self.api = Api(connection, lambda: headers, Pace(PER_S, BURST, sleep=sleep), sleep=sleep)

    def path(self, rest: str, *, bulk: bool = False) -> str:
        """Where a resource is: `V1` below `rest/{store}`, or right below the tenant."""
        version = "async/bulk/V1" if bulk else "V1"
        return f"{version}/{rest}" if self._saas else f"rest/{self._store}/{version}/{rest}"

    def json(self, method: str, rest: str, **more: Any) -> Any:
        """A call's answer. Raises what `Api.json` raises."""
        return self.api.json(method, self.path(rest), **more)

    def of_product(self, method: str, sku: str, below: str = "", **more: Any) -> Any:
        """A call about one product. Raises ProductGone when there is none of that SKU."""
        try:
            return self.json(method, f"products/{quote(sku, safe='')}{below}", **more)
        except Refused as error:
            if is_missing(error):
                raise ProductGone(f"{self.name}: there is no product {sku}") from None
            raise

    def search(
        self,
        rest: str,
        groups: Sequence[Sequence[Filter]],
        *,
        sort: Sequence[str] = (),
        size: int = PAGE,
        page: int = 1,
        fields: str = "",
    ) -> list[dict[str, Any]]:
        """One page of a search: all groups hold, of each group one filter. Sorted upwards."""
        params = criteria(groups, sort, size, page) | ({"fields": f"items[{fields}]"} if fields else {})
        answer = self.json("GET", rest, params=params)
        items = answer.get("items") if isinstance(answer, dict) else None
        if not isinstance(items, list | None):
            raise VendorError(f"{self.name}: {rest} answered no list")
        return [item for item in items or [] if isinstance(item, dict)]

    def all(
        self, rest: str, groups: Sequence[Sequence[Filter]], *, key: str, column: str, fields: str
    ) -> Iterator[dict[str, Any]]:
        """Everything that a search finds. Goes on behind the last id: a page past the end repeats the last one here."""
        last = "0"
        while True:
            items = self.search(rest, [*groups, [(column, "gt", last)]], sort=(column,), fields=fields)
            yield from items
            if len(items) < PAGE:
                return
            last = str(items[-1][key])


def criteria(groups: Sequence[Sequence[Filter]], sort: Sequence[str], size: int, page: int) -> dict[str, str]:
    """Query parameters of a search (Adobe Commerce REST, "Search using REST endpoints")."""
    found = {"searchCriteria[pageSize]": str(size), "searchCriteria[currentPage]": str(page)}
    for g, group in enumerate(groups):
        for f, (field, condition, value) in enumerate(group):
            start = f"searchCriteria[filterGroups][{g}][filters][{f}]"
            found |= {f"{start}[field]": field, f"{start}[conditionType]": condition, f"{start}[value]": value}
    for s, field in enumerate(sort):
        start = f"searchCriteria[sortOrders][{s}]"
        found |= {f"{start}[field]": field, f"{start}[direction]": "ASC"}
    return found


def is_missing(error: Refused) -> bool:
    """Whether a refusal says that the thing is not there; a wrong address of the interface is 404 too."""
    return error.status == NOT_FOUND and b"any route" not in error.body
