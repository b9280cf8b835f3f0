"""Pictures onto a product: into the media library first, then one save of the product with all of its pictures."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from connectors.vendors.api import Api, Refused
from connectors.vendors.base import Picture, Placing, Shown
from connectors.vendors.connection import Connection
from connectors.vendors.woocommerce.client import NOT_FOUND, Woo, split
from connectors.vendors.woocommerce.pictures import SCALED, UNKEPT, mark_of, shown
from studio.errors import SettingsError, VendorError, VendorRefused, VendorUnavailable


class WooGallery:
    """A product's `images`, or a variation's one `image`.

    A save replaces the whole gallery, so it is read right before it and everybody's pictures are named by their ids; a picture
    that somebody adds within those milliseconds leaves the gallery, though not the library. WooCommerce cannot hide a picture:
    with `people: hide` theirs stay behind ours. What we take off stays in the library, for a rollback and for pages that show it.
    """

    def __init__(self, client: Woo, connection: Connection) -> None:
        self._client, self._assets = client, connection.option("assets")
        self._reads_back = connection.option("read-back", "yes") != "no"
        if self._assets and "{digest}" not in self._assets:
            raise SettingsError(f"connections.{connection.name}.options.assets: the address needs a {{digest}}")

    def read(self, ref: str) -> tuple[Shown, ...]:
        """Raises ProductGone. What was uploaded and not arranged is not there."""
        return shown(self._images(ref))

    def add(self, ref: str, picture: Picture) -> str:
        """Into the library, where shoppers do not see it; without an application password the shop fetches it and shows it last.
        Raises SettingsError when neither is set."""
        if self._client.wordpress:
            return self._found(self._client.wordpress, picture) or self._upload(self._client.wordpress, picture)
        if not self._assets:
            raise SettingsError(f"{self._client.name}: needs secrets user and password, or option assets")
        return self._fetched(ref, picture)

    def arrange(self, ref: str, order: Sequence[Placing]) -> None:
        """All pictures in one save; ours that are not named leave the gallery with it. Raises VendorRefused for more than one
        picture on a variation, and for a text that the shop would not keep as it is."""
        _, variation = split(ref)
        changed = next((placing.picture for placing in order if placing.picture and UNKEPT.search(placing.picture.alt)), None)
        if changed:
            raise VendorRefused(f"{changed.name}: the shop would change its text: it has tags, %20 or the like, or extra spaces")
        wanted = [_named(placing) for placing in order]
        if variation:
            if len(order) > 1:
                raise VendorRefused(f"{self._client.name}: a variation of WooCommerce shows one picture, not {len(order)}")
            self._client.change(ref, {"image": wanted[0]}) if wanted else None
            return
        self._clear_texts(order)
        named = {placing.id for placing in order}
        there = self._images(ref)
        gone = {placing.id for placing in order if placing.picture is None} - {str(image["id"]) for image in there}
        rest = [{"id": int(i["id"])} for i in there if str(i["id"]) not in named and not mark_of(str(i.get("src") or ""))]
        self._save(ref, [image for image in wanted if str(image["id"]) not in gone] + rest)

    def remove(self, ref: str, ids: Sequence[str]) -> None:
        """Off the product; they stay in the library."""
        there = self._images(ref)
        kept = [{"id": int(image["id"])} for image in there if str(image["id"]) not in ids]
        if len(kept) == len(there):
            return
        if split(ref)[1]:
            self._client.change(ref, {"image": {"id": 0}})
        else:
            self._save(ref, kept)

    def fetch(self, shown: Shown) -> bytes | None:
        """None where WordPress made a copy of its own, and with option `read-back: "no"`: plug-ins and CDNs may re-encode all."""
        if not self._reads_back or SCALED.search(shown.url):
            return None
        try:
            return self._client.api.call("GET", shown.url, authorised=False).content
        except Refused as error:
            if error.status == NOT_FOUND:
                raise VendorUnavailable(f"{self._client.name}: {shown.url} is not there yet") from None
            raise

    def _clear_texts(self, order: Sequence[Placing]) -> None:
        """A save of the product takes no empty text; the library does."""
        for placing in order:
            if placing.picture and not placing.picture.alt and self._client.wordpress:
                self._client.wordpress.call("POST", f"wp-json/wp/v2/media/{placing.id}", json={"alt_text": ""}, repeatable=True)

    def _images(self, ref: str) -> list[dict[str, Any]]:
        item = self._client.product(ref)
        found = item["images"] if "images" in item else [item.get("image")]
        images = [image for image in found or [] if isinstance(image, dict) and image.get("id")]
        if split(ref)[1] and images:
            parent = {image.get("id") for image in self._client.product(split(ref)[0]).get("images") or []}
            images = [image for image in images if image["id"] not in parent]
        return images

    def _save(self, ref: str, images: Sequence[dict[str, Any]]) -> None:
        self._client.change(ref, {"images": list(images)})

    def _found(self, wordpress: Api, picture: Picture) -> str:
        """What an earlier call left in the library, though its answer was lost."""
        params = {
            "search": f"packshot-{picture.mark}",
            "media_type": "image",
            "_fields": "id,source_url",
            "orderby": "id",
            "order": "asc",
        }
        found = wordpress.json("GET", "wp-json/wp/v2/media", params=params)
        same = [item for item in found if isinstance(item, dict) and mark_of(str(item.get("source_url"))) == picture.mark]
        return str(same[0]["id"]) if same else ""

    def _upload(self, wordpress: Api, picture: Picture) -> str:
        name = picture.name.encode("ascii", "ignore").decode().replace('"', "").replace("\\", "")
        headers = {"content-type": picture.media_type, "content-disposition": f'attachment; filename="{name}"'}
        made = wordpress.json("POST", "wp-json/wp/v2/media", content=picture.data(), headers=headers)
        if not isinstance(made, dict) or not made.get("id"):
            raise VendorError(f"{self._client.name}: the upload of {picture.name} answered no id")
        return str(made["id"])

    def _fetched(self, ref: str, picture: Picture) -> str:
        """The shop keeps the last part of the address as the file's name, and takes the file's kind from its extension."""
        extension = mimetypes.guess_extension(picture.media_type) or ""
        address = self._assets.replace("{digest}", picture.digest).replace("{shard}", picture.digest[:2])
        address = address.replace("{extension}", extension).replace("{name}", quote(picture.name))
        image = {"src": address, "alt": picture.alt}
        if split(ref)[1]:
            made = [self._client.change(ref, {"image": image}, repeatable=False).get("image") or {}]
        else:
            images = [*({"id": int(known["id"])} for known in self._images(ref)), image]
            made = self._client.change(ref, {"images": images}, repeatable=False).get("images") or []
        added = [str(known["id"]) for known in made if mark_of(str(known.get("src") or "")) == picture.mark]
        if not added:
            raise VendorRefused(f"{self._client.name}: the shop did not take {picture.name} from {address.partition('?')[0]}")
        return added[-1]


def _named(placing: Placing) -> dict[str, Any]:
    """By id. Text of others is left alone; the shop ignores an empty one."""
    return {"id": int(placing.id)} | ({"alt": placing.picture.alt} if placing.picture else {})
