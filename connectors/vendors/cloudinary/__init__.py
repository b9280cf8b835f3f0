"""Cloudinary, Upload and Admin API v1_1 (signatures as in the `cloudinary` package 1.46.3; pages read 2026-11-23).

`address` is `https://api.cloudinary.com/v1_1/<cloud>` (`api-eu`, `api-ap` in other regions); secrets `key` and `secret`, the API
key's; `hook_secrets` are API secrets too. Options: `prefix` of our public ids (`packshot`); `tags`, more tags for every picture;
`folders: dynamic` where the account has dynamic folders; `algorithm: sha256` where the account signs with it; `read-back: no`
where the account optimises pictures by default, so that what is delivered is not what was sent.

A DAM has no products: `ref` is the caller's own name for one, usually its SKU, and every product exists. Not verified against the
vendor: how long lists lag behind uploads, the size limit of the plan, and who `triggered_by` names in notifications.
"""

from __future__ import annotations

from connectors.vendors.cloudinary.client import Client
from connectors.vendors.cloudinary.gallery import CloudinaryGallery
from connectors.vendors.cloudinary.hooks import CloudinaryInbound
from connectors.vendors.cloudinary.naming import Naming
from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor


def open_vendor(connection: Connection) -> Vendor:
    """Raises SettingsError without key or secret, with another kind of address or an option that is none."""
    naming = Naming.of(connection)
    gallery = CloudinaryGallery(Client(connection), naming, read_back=connection.option("read-back") != "no")
    return Vendor(gallery=gallery, inbound=CloudinaryInbound(naming))
