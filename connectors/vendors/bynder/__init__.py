"""Bynder, asset bank API v4 and file service v7 (the vendor's OpenAPI files and `bynder-js-sdk`, read 2026-11-23).

`address` is the portal's; secrets `client-id` and `client-secret` of an OAuth2 app with the client-credentials grant (scopes
asset:read, asset:write; its user needs MEDIAUPLOAD, MEDIAEDIT, MEDIAREMOVE), or `token`, a permanent token. Options: `brand`, the
id of the brand that assets are saved to; `tags`, more tags for every picture; `metaproperties`, what we say of a picture and the
id of the text metaproperty that it goes into (`sku=<id>, template=<id>, slot=<id>`).

A DAM has no products: `ref` is the caller's own name for one, usually its SKU, and every product exists. There is no inbound
side: Bynder documents no signature for what it posts (webhooks, 2026-08-13), so reconciliation finds what people changed. Not
verified against the vendor: how long lists lag behind uploads (its pages advise 3 to 5 s), what a save answers while the file
service still takes a file in (303 is documented for the older upload), and whether finalising needs `sha256`.
"""

from __future__ import annotations

from connectors.vendors.bynder.client import Client
from connectors.vendors.bynder.gallery import BynderGallery, Filing
from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor


def open_vendor(connection: Connection) -> Vendor:
    """Raises SettingsError without credentials or a brand."""
    return Vendor(gallery=BynderGallery(Client(connection), Filing.of(connection)))
