"""Vendure, Admin API (GraphQL), tested with the real 3.7.3.

`address` is the server's, e.g. `https://shop.example`; secrets `user` and `password` of an administrator of our own, or `key`,
an API key. Its role needs ReadProduct (or ReadCatalog), UpdateProduct (UpdateCatalog), ReadAsset, CreateAsset and UpdateAsset.
Options: `path` of the Admin API (`admin-api`); `channel`, a channel's token; `language`, e.g. `de`; `alt`, a custom field of
assets (a plain string) that holds the alternative text; `author`, whose changes are our own (the user's name). Messages come from
a plugin of the shop's, because Vendure sends none (`hooks.py`); `hook_secrets` are its `whsec_...`.
"""

from __future__ import annotations

from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor
from connectors.vendors.vendure.cells import mapping_of
from connectors.vendors.vendure.client import Client
from connectors.vendors.vendure.gallery import VendureGallery
from connectors.vendors.vendure.hooks import VendureInbound
from connectors.vendors.vendure.query import queries_for
from connectors.vendors.vendure.source import VendureSource


def open_vendor(connection: Connection) -> Vendor:
    """Raises SettingsError without credentials, InputError for a mapping that cannot be read."""
    client, mapping = Client(connection), mapping_of(connection)
    queries = queries_for(connection, mapping)
    return Vendor(
        source=VendureSource(client, mapping, queries),
        gallery=VendureGallery(client, queries),
        inbound=VendureInbound(connection.option("author") or client.user),
    )
