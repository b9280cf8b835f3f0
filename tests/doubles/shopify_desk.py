"""A connection to the double shop, and the pictures that tests publish to it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image

from connectors.publications import Item, Publications
from connectors.publisher import Publisher
from connectors.vendors.base import marked
from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor
from connectors.vendors.shopify import open_vendor
from studio.keys import digest_bytes
from tests.doubles.shopify import TOKEN, Shop
from tests.doubles.shopify_parts import Goods


def jpeg(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 40, 90)).save(out, "JPEG")
    return out.getvalue()


BLOBS = {digest_bytes(data): data for data in (jpeg(shade) for shade in range(0, 120, 10))}
DIGESTS = list(BLOBS)
HUMAN = jpeg(250)


def item(n: int, alt: str = "", variants: tuple[str, ...] = (), name: str = "mug.jpg") -> Item:
    return Item(
        digest=DIGESTS[n], media_type="image/jpeg", name=marked(name, DIGESTS[n]), alt=alt or f"view {n}", variants=variants
    )


def opened(shop: Shop, token: str = TOKEN, **more: Any) -> Vendor:
    secrets = {"token": token}
    settings = Connection(name="acme", vendor="shopify", address=shop.url, secrets=secrets, allow_private=True, **more)
    return open_vendor(settings, sleep=shop.sleep)


class Desk:
    """One shop's publishers; `new` is another process with the same records."""

    def __init__(self, shop: Shop, folder: Path, people: Any = "after") -> None:
        self.shop, self.people = shop, people
        self.records = Publications(f"sqlite:///{folder / 'records.db'}")

    def new(self) -> Publisher:
        gallery = opened(self.shop).gallery
        assert gallery
        return Publisher("acme", gallery, self.records, BLOBS.__getitem__, people=self.people, sleep=self.shop.sleep)


def names(shop: Shop, goods: Goods) -> list[str]:
    return [shop.files[ident].name for ident in goods.media]
