"""`Products`: what is known about SKUs, so that an order can name one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import select

from connectors.database import batched, upsert
from connectors.online.store import Store
from connectors.online.tables import products
from studio.errors import NotFound
from studio.product import Product


class Products(Store):
    """Products by SKU, of all catalogues."""

    def remember(self, known: Iterable[Product], catalog: str) -> None:
        """Add or replace products by SKU; `catalog` says where they come from."""
        now = datetime.now(UTC)
        rows = {p.sku: {"sku": p.sku, "catalog": catalog, "product": p.model_dump(mode="json"), "updated": now} for p in known}
        with self._database.begin() as connection:
            statement = upsert(products, connection.dialect.name)
            for some in batched(rows.values()):
                connection.execute(statement, some)

    def get(self, sku: str) -> Product:
        """A product by SKU, as last remembered. Raises NotFound."""
        row = self._database.first(select(products.c.product).where(products.c.sku == sku))
        if row is None:
            raise NotFound(f"no product with SKU {sku!r}")
        return Product.model_validate(row.product)

    def variants(self, of: str) -> list[Product]:
        """Products that say they are variants of `of`, by SKU."""
        same = products.c.product["variant_of"].as_string() == of
        with self._database.begin() as connection:
            rows = connection.execute(select(products.c.product).where(same).order_by(products.c.sku)).all()
        return [Product.model_validate(row.product) for row in rows]
