"""Akeneo PIM, REST API (swagger file and documentation of akeneo/pim-api-docs, 2026-08-18).

`address` is the PIM's; secrets `client-id`, `client-secret`, `username`, `password` of a connection. Options:
`channel` and `locale` whose values are read and written (without them, values that have neither); `identifier`, the attribute
with the SKU (`sku`); `time-zone` of the PIM's server (`UTC`, as in the cloud); `photos`, image attributes to read (default: all
that are not ours); for publishing `images`, the image attributes that are ours in their order, `alts`, as many text attributes,
and `staging`, one more image attribute where a file waits; `author`, the user whose changes are our own, for events.

Pictures go into attributes of products, which every edition has. The Asset Manager is not in the Community Edition and is not
used here.
"""

from __future__ import annotations

from connectors.vendors.akeneo.cells import Reading, mapping_of
from connectors.vendors.akeneo.client import Client
from connectors.vendors.akeneo.gallery import AkeneoGallery, Slots
from connectors.vendors.akeneo.hooks import AkeneoInbound
from connectors.vendors.akeneo.source import AkeneoSource
from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor


def open_vendor(connection: Connection) -> Vendor:
    """No gallery where `images` is not set. Raises SettingsError, InputError for a mapping that cannot be read."""
    client, slots, reading = Client(connection), Slots.of(connection), Reading.of(connection)
    return Vendor(
        source=AkeneoSource(client, mapping_of(connection), reading, slots),
        gallery=AkeneoGallery(client, slots, reading) if slots.images else None,
        inbound=AkeneoInbound(connection.option("author")),
    )
