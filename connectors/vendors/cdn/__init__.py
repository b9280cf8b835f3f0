"""An S3 bucket that a CDN, or a shop's own front, reads from.

`address` is `s3://bucket/prefix`. Options: `public`, the address shoppers know that prefix by; `endpoint` and `region` of a
store that is not AWS; `alias-ttl`, the seconds that names which change may be cached (300); `check: origin` reads back from the
bucket where the CDN re-encodes pictures. Secrets `key-id` and `secret-key`, else boto3's usual chain. A product's ref is its SKU.
"""

from __future__ import annotations

from connectors.vendors.cdn.gallery import CdnGallery, Public
from connectors.vendors.connection import Connection
from connectors.vendors.objects import Objects
from connectors.vendors.registry import Vendor
from studio.errors import SettingsError

MAX_TTL = 86_400
"""Seconds that an alias may be cached."""


def open_vendor(connection: Connection) -> Vendor:
    """Raises SettingsError for an address, an option or a pair of keys that is none."""
    ttl = connection.option("alias-ttl", "300")
    if not (ttl.isascii() and ttl.isdigit() and 0 < len(ttl) <= len(str(MAX_TTL)) and int(ttl) <= MAX_TTL):
        raise SettingsError(f"connections.{connection.name}.options.alias-ttl is 0 to {MAX_TTL} seconds")
    check = connection.option("check", "public")
    if check not in ("public", "origin"):
        raise SettingsError(f"connections.{connection.name}.options.check is public or origin")
    public = connection.option("public")
    if public and not public.startswith(("https://", "http://")):
        raise SettingsError(f"connections.{connection.name}.options.public is not an http or https address")
    front = Public(connection, public) if public else None
    return Vendor(gallery=CdnGallery(Objects(connection), front, ttl_s=int(ttl), through_front=check == "public"))
