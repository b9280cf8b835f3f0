"""Pictures into a Bynder asset bank, found again by tags."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.vendors.api import Refused
from connectors.vendors.base import Picture, Placing, Shown, mark_in
from connectors.vendors.bynder.client import Client
from connectors.vendors.connection import Connection
from connectors.vendors.places import in_places
from studio.errors import SettingsError, VendorError, VendorRefused, VendorUnavailable

LIMIT = 1000
"""Assets a page; asset management API, 2026-08-13."""
LIVE = "packshot-live"
_PLACE = re.compile(r"packshot-place-(\d{1,4})")
_ID = re.compile(r"[0-9A-Fa-f-]{32,40}")
_OURS = re.compile(r"packshot-(live|place-\d{1,4}|product-[0-9a-f]{24}|[0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Filing:
    """Where assets are saved and what is said of them."""

    brand: str
    tags: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    """Ids of metaproperties by the name of what goes into them."""

    @classmethod
    def of(cls, connection: Connection) -> Filing:
        """As the options say. Raises SettingsError."""
        where = f"connections.{connection.name}.options"
        brand = connection.option("brand")
        if not _ID.fullmatch(brand):
            raise SettingsError(f"{where}.brand is not the id of a brand")
        tags = tuple(tag.strip() for tag in connection.option("tags").split(",") if tag.strip())
        pairs = [pair.partition("=") for pair in connection.option("metaproperties").split(",") if pair.strip()]
        if any(not name.strip() or not _ID.fullmatch(key.strip()) for name, _, key in pairs):
            raise SettingsError(f"{where}.metaproperties is not like sku=<id>, template=<id>")
        return cls(brand, tags, {name.strip(): key.strip() for name, _, key in pairs})

    def facts(self, picture: Picture) -> dict[str, str]:
        """Fields of a picture: its description is the alt text, details go into metaproperties."""
        said = {
            f"metaproperty.{key}": picture.details[name] for name, key in self.properties.items() if picture.details.get(name)
        }
        return {"description": picture.alt, **said}


class BynderGallery:
    """Tags say whose a picture is (`packshot-product-<digest of ref>`), which asset (`packshot-<mark>`, in the name too), its
    place and whether it is live (`packshot-place-<n>`, `packshot-live`).

    `add` saves an asset without the last two; `arrange` changes one asset at a time, front to back, as the API has no call for
    several: who lists by `packshot-live` may for seconds see a part of the set. Tags and metaproperties that people added stay.
    Assets are never made public, which could not be taken back. Assets of people are neither listed nor touched, unless they
    carry the product's tag: then they are listed and left alone.
    """

    def __init__(self, client: Client, filing: Filing) -> None:
        self._client, self._filing = client, filing

    def read(self, ref: str) -> tuple[Shown, ...]:
        """As the portal's index has it, which lags behind by seconds."""
        assets = sorted(self._assets(tag_of(ref)), key=lambda asset: (_waits(asset), str(asset.get("dateCreated")), asset["id"]))
        return tuple(_shown(asset, place) for place, asset in enumerate(in_places(assets, _place)))

    def add(self, ref: str, picture: Picture) -> str:
        """Raises VendorRefused for a file that the portal does not take."""
        for shown in self.read(ref):
            if shown.mark == picture.mark:
                return shown.id
        file = self._client.upload(picture.name, picture.data())
        tags = ",".join((tag_of(ref), f"packshot-{picture.mark}", *self._filing.tags))
        stem = picture.name.rpartition(".")[0] or picture.name
        return self._client.save(file, {"brandId": self._filing.brand, "name": stem, "tags": tags, **self._filing.facts(picture)})

    def arrange(self, ref: str, order: Sequence[Placing]) -> None:
        """One call for each asset whose place or text is another. Raises VendorUnavailable where one is not there any more."""
        for place, placing in enumerate(order):
            picture = placing.picture
            if picture is None:
                continue
            asset = self._asset(placing.id)
            if asset is None:
                raise VendorUnavailable(f"{placing.id} is not there any more")
            own = (tag_of(ref), f"packshot-{picture.mark}", LIVE, f"packshot-place-{place}")
            tags = [*own, *self._filing.tags, *(tag for tag in _tags(asset) if not _OURS.fullmatch(tag))]
            if set(tags) != set(_tags(asset)) or picture.alt != (asset.get("description") or ""):
                fields = {"tags": ",".join(dict.fromkeys(tags)), **self._filing.facts(picture)}
                self._client.call("POST", _path(placing.id), data=fields, repeatable=True)

    def remove(self, ref: str, ids: Sequence[str]) -> None:
        """Into the portal's trash, one call each. Raises VendorRefused for an asset without the product's tag."""
        for key in ids:
            asset = self._asset(key)
            if asset is None:
                continue
            if tag_of(ref) not in _tags(asset):
                raise VendorRefused(f"{key} is no picture of {ref}")
            try:
                self._client.call("DELETE", _path(key))
            except Refused as refused:
                if refused.status != 404:
                    raise

    def fetch(self, shown: Shown) -> bytes | None:
        """The original file, from the address that the portal hands out for it."""
        said = self._client.json("GET", f"{_path(shown.id)}/download")
        url = said.get("s3_file") if isinstance(said, dict) else None
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise VendorError(f"{shown.id}: the portal names no file")
        return self._client.call("GET", url, authorised=False).content

    def _asset(self, key: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._client.json("GET", _path(key))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        return found

    def _assets(self, tag: str) -> Iterable[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for page in range(1, 10):
            asked = {"tags": tag, "limit": LIMIT, "page": page, "orderBy": "dateCreated asc"}
            try:
                some = self._client.json("GET", "api/v4/media/", params=asked) or []
            except Refused as refused:
                if refused.status != 404:
                    raise
                some = []
            found |= {asset["id"]: asset for asset in some if tag in _tags(asset)}
            if len(some) < LIMIT:
                break
        return found.values()


def tag_of(ref: str) -> str:
    """The tag of a product's pictures: refs may hold commas, which tags cannot."""
    return f"packshot-product-{hashlib.sha256(ref.encode()).hexdigest()[:24]}"


def _tags(asset: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(tag) for tag in asset.get("tags") or ())


def _place(asset: Mapping[str, Any]) -> int | None:
    """Where we put it; None for people's pictures and those that were not arranged yet."""
    found = [int(match[1]) for tag in _tags(asset) if (match := _PLACE.fullmatch(tag))]
    return min(found, default=None)


def _waits(asset: Mapping[str, Any]) -> bool:
    """Whether it is one of ours that was not arranged yet: it comes last."""
    return bool(_mark(asset)) and LIVE not in _tags(asset)


def _mark(asset: Mapping[str, Any]) -> str:
    marks = [mark_in(tag) for tag in _tags(asset) if _OURS.fullmatch(tag)]
    return next((mark for mark in marks if mark), "") or mark_in(str(asset.get("name") or ""))


def _shown(asset: Mapping[str, Any], place: int) -> Shown:
    mark, thumbnails = _mark(asset), asset.get("thumbnails") or {}
    return Shown(
        id=str(asset["id"]),
        url=str(asset.get("original") or thumbnails.get("webimage") or ""),
        position=place,
        alt=str(asset.get("description") or ""),
        mark=mark,
        placed=not mark or LIVE in _tags(asset),
    )


def _path(key: str) -> str:
    if not _ID.fullmatch(key):
        raise VendorRefused(f"{key[:60]!r} is no id of an asset")
    return f"api/v4/media/{key}"
