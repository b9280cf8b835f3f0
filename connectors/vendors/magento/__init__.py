"""Adobe Commerce and Magento Open Source 2.4 by REST.

Address: the shop's own (`https://shop.example`; `/rest/{store}/V1` follows), or `https://{server}.api.commerce.adobe.com/{tenant}`.
Secrets: `token`, of an integration (2.4.4 and later: "Allow OAuth Access Tokens to be used as standalone Bearer tokens").
OAuth 1.0a and IMS log-ins are not built. Options: `store` (code; `all` by default, so that store views keep what they inherit),
`media` (base address of product pictures), `read-back` ("no" where a CDN re-encodes them), `hook-keys` (where keys of Adobe I/O
Events are). Inbound secrets: client id of the Adobe I/O project, or the PEM public key of Commerce webhooks.
"""

from __future__ import annotations

from connectors.vendors.connection import Connection
from connectors.vendors.magento.client import Magento
from connectors.vendors.magento.gallery import MagentoGallery
from connectors.vendors.magento.hooks import MagentoHooks
from connectors.vendors.magento.source import MagentoSource
from connectors.vendors.registry import Vendor


def open_vendor(connection: Connection) -> Vendor:
    """Raises SettingsError for a missing token."""
    client = Magento(connection)
    return Vendor(
        source=MagentoSource(client, connection),
        gallery=MagentoGallery(client, people=connection.people, read_back=connection.option("read-back", "yes") != "no"),
        inbound=MagentoHooks(connection),
    )
