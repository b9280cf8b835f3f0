"""Pictures onto a BigCommerce product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.vendors.api import Refused
from connectors.vendors.base import Picture, Placing, Shown
from connectors.vendors.bigcommerce.cells import ordered
from connectors.vendors.bigcommerce.client import Client
from connectors.vendors.bigcommerce.source import LIMIT, shown
from studio.errors import ProductGone, VendorRefused

MAX_BYTES = 8 << 20
"""Of a picture; create a product image, 2026-04-01."""
MAX_IMAGES = 1000
"""Of a product; the same page."""
_LAST = 100_000
"""A `sort_order` behind everything that counts from 0."""
_GONE = (404, 410)


class BigCommerceGallery:
    """Alt text is `description`. A picture is visible as soon as it is added, as the last one; on a product without pictures the
    first becomes its thumbnail at once. The store cannot hide pictures, so `people: hide` leaves them behind ours."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def read(self, ref: str) -> tuple[Shown, ...]:
        """Raises ProductGone."""
        return tuple(shown(ordered(self._images(ref))))

    def add(self, ref: str, picture: Picture) -> str:
        """Raises VendorRefused for more than 8 MB and more than 1,000 pictures, ProductGone."""
        there = self.read(ref)
        for other in there:
            if other.mark == picture.mark:
                return other.id
        data = picture.data()
        if len(data) > MAX_BYTES:
            raise VendorRefused(f"{picture.name}: {len(data)} bytes, BigCommerce takes {MAX_BYTES}")
        if len(there) >= MAX_IMAGES:
            raise VendorRefused(f"{picture.name}: the product has {len(there)} pictures, BigCommerce allows {MAX_IMAGES}")
        answer = self._client.json(
            "POST",
            f"{_path(ref)}/images",
            data={"sort_order": str(_LAST), "is_thumbnail": "false", "description": picture.alt},
            files={"image_file": (picture.name, data, picture.media_type)},
        )
        return str(answer["data"]["id"])

    def arrange(self, ref: str, order: Sequence[Placing]) -> None:
        """One change of the product with all its pictures. A store that passes over pictures there gets them one by one, front
        to back: what is placed pushes back only those behind it."""
        images = self._images(ref)
        texts = {placing.id: placing.picture.alt for placing in order if placing.picture}
        named = [placing.id for placing in order]
        rest = [str(image["id"]) for image in ordered(images) if str(image["id"]) not in named]
        wanted = [_entry(key, place, texts) for place, key in enumerate([*named, *rest])]
        try:
            self._client.call("PUT", _path(ref), json={"images": wanted})
        except Refused as refused:
            if refused.status in _GONE:
                raise ProductGone(f"product {ref} is not there any more") from None
            if refused.status != 422:
                raise
        there = {image["id"]: image for image in self._images(ref)}
        for entry in wanted:
            image = there.get(entry["id"])
            if image is not None and any(image.get(name) != value for name, value in entry.items()):
                change = {name: value for name, value in entry.items() if name != "id"}
                self._client.call("PUT", f"{_path(ref)}/images/{entry['id']}", json=change)

    def remove(self, ref: str, ids: Sequence[str]) -> None:
        """One call a picture."""
        for key in ids:
            try:
                self._client.call("DELETE", f"{_path(ref)}/images/{int(key)}")
            except Refused as refused:
                if refused.status not in _GONE:
                    raise

    def fetch(self, shown: Shown) -> bytes | None:
        """None: the store re-encodes and resizes what shoppers get."""
        return None

    def _images(self, ref: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, MAX_IMAGES // LIMIT + 2):
            try:
                some = self._client.data(f"{_path(ref)}/images", page=page, limit=LIMIT)
            except Refused as refused:
                if refused.status in _GONE:
                    raise ProductGone(f"product {ref} is not there any more") from None
                raise
            found += some
            if len(some) < LIMIT:
                break
        return found


def _entry(key: str, place: int, texts: dict[str, str]) -> dict[str, Any]:
    text = {"description": texts[key]} if key in texts else {}
    return {"id": int(key), "sort_order": place, "is_thumbnail": place == 0, **text}


def _path(ref: str) -> str:
    number, slash, _ = ref.partition("/")
    if slash:
        raise VendorRefused(f"{ref}: a BigCommerce variant has room for one picture, and it is a person's")
    return f"v3/catalog/products/{int(number)}"
