"""BigCommerce, v3 Management REST API (OpenAPI files of bigcommerce/docs, 2026-04-01).

`address` is `https://api.bigcommerce.com/stores/<hash>`; secret `token` (X-Auth-Token, scope Products: modify);
`hook_secrets` are the app's client secret. Options: `unit` (mm, cm or in) of the store's sizes, without which sizes are
not read, because the API gives them bare; `variants: own` also lists variants that have a picture of their own.
"""

from __future__ import annotations

from connectors.vendors.bigcommerce.cells import mapping_of
from connectors.vendors.bigcommerce.client import Client
from connectors.vendors.bigcommerce.gallery import BigCommerceGallery
from connectors.vendors.bigcommerce.hooks import BigCommerceInbound
from connectors.vendors.bigcommerce.source import BigCommerceSource
from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor


def open_vendor(connection: Connection) -> Vendor:
    """Raises SettingsError without a token or with another kind of address, InputError for a mapping that cannot be read."""
    client = Client(connection)
    return Vendor(
        source=BigCommerceSource(client, mapping_of(connection), variants=connection.option("variants") == "own"),
        gallery=BigCommerceGallery(client),
        inbound=BigCommerceInbound(client.store),
    )
