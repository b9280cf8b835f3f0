"""Calls of WooCommerce's interface and of WordPress' own."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from typing import Any

from connectors.vendors.api import Api, Refused
from connectors.vendors.connection import Connection
from connectors.vendors.pace import Pace
from studio.errors import ProductGone, SettingsError, VendorError

PER_S, BURST = 5.0, 10.0
"""The core has no limit of calls; hosts have, and the shop's pages share its PHP workers."""
SIZE = 100
"""Largest page (WooCommerce REST API v3, "Pagination")."""
NOT_FOUND = 404
_REF = re.compile(r"([1-9][0-9]{0,18})(?:/([1-9][0-9]{0,18}))?")


class Woo:
    """One shop. Thread-safe. A product's ref is its id, a variation's `product/variation`."""

    def __init__(self, connection: Connection, *, sleep: Callable[[float], None] = time.sleep) -> None:
        if connection.address.startswith("http:") and not connection.allow_private:
            raise SettingsError(f"connections.{connection.name}.address: keys go by https only")
        self.name = connection.name
        pace = Pace(PER_S, BURST, sleep=sleep)
        shop = _basic(connection.secret("key"), connection.secret("secret"))
        self.api = Api(connection, lambda: shop, pace, sleep=sleep)
        self.wordpress: Api | None = None
        if {"user", "password"} & set(connection.secrets):
            author = _basic(connection.secret("user"), connection.secret("password"))
            self.wordpress = Api(connection, lambda: author, pace, sleep=sleep)

    def json(self, method: str, rest: str, **more: Any) -> Any:
        """A call below `wc/v3`. Raises what `Api.json` raises."""
        return self.api.json(method, f"wp-json/wc/v3/{rest}", **more)

    def list(self, rest: str, **params: Any) -> list[dict[str, Any]]:
        """One page of a list."""
        found = self.json("GET", rest, params={"per_page": SIZE, **params})
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise VendorError(f"{self.name}: {rest} answered no list")
        return found

    def product(self, ref: str) -> dict[str, Any]:
        """A product or variation now. Raises ProductGone, for one in the bin too."""
        return self._of(ref, "GET")

    def change(self, ref: str, changes: dict[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
        """Change fields of it; what it is after that. Raises ProductGone."""
        return self._of(ref, "PUT", json=changes, repeatable=repeatable)

    def _of(self, ref: str, method: str, **more: Any) -> dict[str, Any]:
        product, variation = split(ref)
        rest = f"products/{product}/variations/{variation}" if variation else f"products/{product}"
        try:
            found = self.json(method, rest, **more)
        except Refused as error:
            if error.status == NOT_FOUND and b"rest_no_route" not in error.body:
                raise ProductGone(f"{self.name}: there is no product {ref}") from None
            raise
        if not isinstance(found, dict) or "id" not in found:
            raise VendorError(f"{self.name}: {rest} answered no product")
        if found.get("status") == "trash":
            raise ProductGone(f"{self.name}: product {ref} is in the bin")
        return found


def split(ref: str) -> tuple[str, str]:
    """Ids of the product and of its variation, "" for the product itself. Raises ProductGone for a ref that is none."""
    found = _REF.fullmatch(ref)
    if not found:
        raise ProductGone(f"{ref[:40]!r} is no product of WooCommerce")
    return found[1], found[2] or ""


def _basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
