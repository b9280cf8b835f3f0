"""Which vendors there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.errors import InputError

if TYPE_CHECKING:
    from connectors.vendors.base import Gallery, Inbound, Source
    from connectors.vendors.connection import Connection

Opener = Callable[["Connection"], "Vendor"]


@dataclass(frozen=True, slots=True)
class Vendor:
    """What one connection to a vendor can do; None for what the vendor has not got."""

    source: Source | None = None
    gallery: Gallery | None = None
    inbound: Inbound | None = None


VENDORS: dict[str, str] = {
    "magento": "connectors.vendors.magento",
    "drops": "connectors.vendors.drops",
    "cdn": "connectors.vendors.cdn",
    "woocommerce": "connectors.vendors.woocommerce",
    "akeneo": "connectors.vendors.akeneo",
    "bigcommerce": "connectors.vendors.bigcommerce",
    "shopify": "connectors.vendors.shopify",
    "cloudinary": "connectors.vendors.cloudinary",
    "bynder": "connectors.vendors.bynder",
    "vendure": "connectors.vendors.vendure",
}
"""Name -> module with `open_vendor(connection) -> Vendor`; imported when first asked for."""


def open_vendor(connection: Connection) -> Vendor:
    """Raises InputError for a vendor that there is not, SettingsError for what the connection lacks."""
    from importlib import import_module

    if connection.vendor not in VENDORS:
        raise InputError(f"connection {connection.name}: no vendor {connection.vendor!r}; there are {', '.join(sorted(VENDORS))}")
    opened: Vendor = import_module(VENDORS[connection.vendor]).open_vendor(connection)
    return opened
