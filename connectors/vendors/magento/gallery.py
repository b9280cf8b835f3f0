"""Pictures onto a product: hidden entries first, then one save of the product that shows them all."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from connectors.vendors.api import Refused
from connectors.vendors.base import Picture, Placing, Shown
from connectors.vendors.magento.bulk import save_many
from connectors.vendors.magento.client import NOT_FOUND, Magento, is_missing
from connectors.vendors.magento.media import STAGED, Entry, arranged, shown, without
from studio.errors import VendorError, VendorUnavailable

MAX_NAME = 90
"""Characters of a file name; a longer one was refused until Magento 2.3 ("Filename is too long")."""
_LAST = 9999


class MagentoGallery:
    """A product's media entries; refs are SKUs.

    A save of the product replaces its gallery, so entries are read right before it; a picture that somebody adds within those
    milliseconds can be lost: the interface has no condition to prevent that. A picture that was hidden for `people: hide` stays
    hidden when the setting changes, because nothing tells who hid it.
    """

    def __init__(self, client: Magento, *, people: str = "after", read_back: bool = True) -> None:
        self._client, self._hide, self._reads_back = client, people == "hide", read_back

    def read(self, ref: str) -> tuple[Shown, ...]:
        """Hidden ones too. Raises ProductGone."""
        return shown(self._entries(ref), self._client.media)

    def add(self, ref: str, picture: Picture) -> str:
        """A hidden entry without uses, last of all."""
        known = next((other.id for other in self.read(ref) if other.mark == picture.mark), "")
        if known:
            return known
        content = {
            "base64_encoded_data": base64.b64encode(picture.data()).decode(),
            "type": picture.media_type,
            "name": _short(picture.name),
        }
        entry = {"media_type": "image", "label": STAGED, "position": _LAST, "disabled": True, "types": [], "content": content}
        return str(self._client.of_product("POST", ref, "/media", json={"entry": entry}))

    def arrange(self, ref: str, order: Sequence[Placing]) -> None:
        """Order, texts, uses and visibility in one save."""
        self._save(ref, arranged(self._entries(ref), order, hide=self._hide))

    def arrange_many(self, orders: Mapping[str, Sequence[Placing]]) -> dict[str, VendorError]:
        """`arrange` for many products by one asynchronous bulk call; what went wrong, by ref. Needs the shop's queue consumer
        `async.operations.all`. Raises VendorUnavailable when the shop does not finish in time: all of it may be repeated."""
        wrong: dict[str, VendorError] = {}
        ready: dict[str, list[Entry]] = {}
        for ref, order in orders.items():
            try:
                ready[ref] = arranged(self._entries(ref), order, hide=self._hide)
            except VendorError as error:
                wrong[ref] = error
        return wrong | save_many(self._client, ready)

    def remove(self, ref: str, ids: Sequence[str]) -> None:
        """Take entries off, all at once for shoppers: one save hides them and hands on their uses, then they are deleted."""
        entries = self._entries(ref)
        hidden = without(entries, ids)
        if hidden is not None:
            self._save(ref, hidden)
        for entry in sorted({str(entry["id"]) for entry in entries} & set(ids)):
            try:
                self._client.of_product("DELETE", ref, f"/media/{entry}")
            except VendorError as error:
                if entry in {other.id for other in self.read(ref)}:
                    raise error from None

    def fetch(self, shown: Shown) -> bytes | None:
        """The file as it was taken in: pages show resized copies of it. None without an address of media (SaaS), or where
        that is not wanted."""
        if not shown.url or not self._reads_back:
            return None
        try:
            return self._client.api.call("GET", shown.url, authorised=False).content
        except Refused as error:
            if error.status == NOT_FOUND and is_missing(error):
                raise VendorUnavailable(f"{self._client.name}: {shown.url} is not there yet") from None
            raise

    def _entries(self, ref: str) -> list[Entry]:
        found = self._client.of_product("GET", ref, "/media")
        if not isinstance(found, list) or not all(isinstance(entry, dict) and "id" in entry for entry in found):
            raise VendorError(f"{self._client.name}: the media of {ref} are no list")
        return found

    def _save(self, ref: str, entries: Sequence[Entry]) -> None:
        self._client.of_product("PUT", ref, json={"product": {"sku": ref, "media_gallery_entries": list(entries)}})


def _short(name: str) -> str:
    """The end of a name, which holds the mark."""
    return name[-MAX_NAME:].lstrip("-.")
