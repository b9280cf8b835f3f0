"""`ProductShots`: what nights made of one product, in all catalogues."""

from __future__ import annotations

from sqlalchemy import select

from connectors.database import Database
from connectors.records import ShotRecord
from connectors.tables import SCHEMA_VERSION, metadata, shots


class ProductShots:
    """SQLite or PostgreSQL by URL, the record database. Safe for many threads."""

    def __init__(self, url: str | Database) -> None:
        self._database = url if isinstance(url, Database) else Database(url, metadata, "records", SCHEMA_VERSION)

    def of(self, sku: str, limit: int = 500) -> list[tuple[str, ShotRecord]]:
        """Its shots with their catalogues, by catalogue and shot."""
        c = shots.c
        found: list[tuple[str, ShotRecord]] = []
        for catalog in self.catalogs():
            query = select(shots).where(c.catalog == catalog, c.shot_id.startswith(f"{sku}/", autoescape=True))
            if self._database.url.startswith("sqlite"):
                # Ids compare by bytes here, so that the primary key serves; "0" is what follows "/".
                query = query.where(c.shot_id > f"{sku}/", c.shot_id < f"{sku}0")
            for row in self._database.all(query.order_by(c.shot_id).limit(limit)):
                values = row._asdict()
                found.append((values.pop("catalog"), ShotRecord(**values)))
        return [one for one in found if one[1].shot_id.rsplit("/", 3)[0] == sku][:limit]

    def catalogs(self) -> list[str]:
        """Every catalogue that has shots, found without reading them all."""
        c = shots.c
        found: list[str] = []
        last = ""
        while row := self._database.first(select(c.catalog).where(c.catalog > last).order_by(c.catalog).limit(1)):
            last = row.catalog
            found.append(last)
        return found

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._database.close()
