"""`ProductList`: the known products a page at a time, for people who look for one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select

from connectors.online.store import Store
from connectors.online.tables import products


@dataclass(frozen=True, slots=True)
class Known:
    """A product as a list shows it. `catalog` says where it is from."""

    sku: str
    title: str
    category: str
    brand: str
    catalog: str
    updated: datetime


class ProductList(Store):
    """Products by SKU."""

    def page(self, text: str = "", *, number: int = 1, size: int = 50) -> list[Known]:
        """One page of those whose SKU begins with `text` or whose title contains it."""
        c = products.c
        names = [c.product[name].as_string().label(name) for name in ("title", "category", "brand")]
        query = select(c.sku, c.catalog, c.updated, *names).where(*_like(text)).order_by(c.sku)
        rows = self._database.all(query.limit(size).offset((number - 1) * size))
        return [Known(r.sku, r.title or "", r.category or "", r.brand or "", r.catalog, r.updated) for r in rows]

    def count(self, text: str = "") -> int:
        """How many there are."""
        row = self._database.first(select(func.count()).select_from(products).where(*_like(text)))
        return int(row[0]) if row else 0


def _like(text: str) -> list[ColumnElement[bool]]:
    if not text:
        return []
    c = products.c
    return [or_(c.sku.startswith(text, autoescape=True), c.product["title"].as_string().icontains(text, autoescape=True))]
