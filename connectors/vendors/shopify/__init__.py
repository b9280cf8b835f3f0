"""Shopify, by its Admin GraphQL API 2026-10."""

from __future__ import annotations

import time
from collections.abc import Callable

from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor
from connectors.vendors.shopify.client import Admin
from connectors.vendors.shopify.gallery import ShopifyGallery
from connectors.vendors.shopify.hooks import ShopifyInbound
from connectors.vendors.shopify.source import ShopifyCatalogue


def open_vendor(connection: Connection, *, sleep: Callable[[float], None] = time.sleep) -> Vendor:
    """Secret `token`, with the scopes read and write of products and files. Raises SettingsError, InputError (the mapping)."""
    shop = Admin(connection, sleep=sleep)
    return Vendor(ShopifyCatalogue(shop, connection), ShopifyGallery(shop), ShopifyInbound(connection))
