"""WooCommerce 8 and later by REST (`wc/v3`), pictures by WordPress' own (`wp/v2`).

Secrets: `key` and `secret` of a REST key with write access; `user` and `password` (an application password) to upload pictures.
Without these two, option `assets` is an address that the shop can read our pictures at, with their extension, such as
`https://cdn.example/assets/{shard}/{digest}{extension}`: the shop fetches them itself. Option `dimension-unit` where the key may
not read the shop's settings; `read-back` "no" where a plug-in or CDN re-encodes pictures. Inbound secrets: the webhook's secret.
"""

from __future__ import annotations

from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor
from connectors.vendors.woocommerce.client import Woo
from connectors.vendors.woocommerce.gallery import WooGallery
from connectors.vendors.woocommerce.hooks import WooHooks
from connectors.vendors.woocommerce.source import WooSource


def open_vendor(connection: Connection) -> Vendor:
    """Raises SettingsError for missing secrets, and for an http address on the public network."""
    client = Woo(connection)
    return Vendor(source=WooSource(client, connection), gallery=WooGallery(client, connection), inbound=WooHooks())
