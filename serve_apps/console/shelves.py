"""What only some pages of the console look at, opened once a process."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from fastapi import Request

from connectors.audit import Audit
from connectors.online.product_list import ProductList
from connectors.product_shots import ProductShots
from connectors.publications import Publications
from serve_apps.parts import parts_of


@dataclass(frozen=True, slots=True)
class Shelves:
    """Stores over the two databases of the settings."""

    products: ProductList
    shots: ProductShots
    publications: Publications
    audit: Audit


def shelves_of(request: Request) -> Shelves:
    """Those of the app that got this request."""
    settings = parts_of(request).settings
    return _shelves(settings.records, settings.online)


@functools.lru_cache(maxsize=4)
def _shelves(records: str, online: str) -> Shelves:
    return Shelves(ProductList(online), ProductShots(records), Publications(records), Audit(records))
