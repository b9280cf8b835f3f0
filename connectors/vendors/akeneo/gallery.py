"""Pictures into the image attributes of an Akeneo product."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx

from connectors.vendors.akeneo.cells import Reading
from connectors.vendors.akeneo.client import Client
from connectors.vendors.api import Refused
from connectors.vendors.base import Picture, Placing, Shown, mark_in
from connectors.vendors.connection import Connection
from studio.errors import ProductGone, SettingsError, VendorError, VendorRefused

MEDIA = "api/rest/v1/media-files"
_PRODUCTS = "api/rest/v1/products-uuid"
NAME = 90
"""Characters of a file name that are sent: the last ones, where the mark is. The PIM cuts the end off longer ones."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Slots:
    """Which attributes are ours: image attributes in their order, a text attribute for each, and one where a file waits."""

    images: tuple[str, ...] = ()
    alts: tuple[str, ...] = ()
    staging: str = ""
    photos: tuple[str, ...] = ()
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    @classmethod
    def of(cls, connection: Connection) -> Slots:
        """As the options say. Raises SettingsError."""
        names = {key: _names(connection.option(key)) for key in ("images", "alts", "photos")}
        staging, where = connection.option("staging"), f"connections.{connection.name}.options"
        if names["images"] and (len(names["alts"]) != len(names["images"]) or not staging):
            raise SettingsError(f"{where}: images needs as many text attributes in alts, and an image attribute in staging")
        if len(set(taken := [*names["images"], *names["alts"], *names["photos"], *_names(staging)])) != len(taken):
            raise SettingsError(f"{where}: an attribute is named twice in images, alts, staging and photos")
        try:
            zone = ZoneInfo(connection.option("time-zone", "UTC"))
        except (ZoneInfoNotFoundError, ValueError):
            raise SettingsError(f"{where}.time-zone is no time zone like Europe/Paris") from None
        return cls(names["images"], names["alts"], staging, names["photos"], zone)

    @property
    def ours(self) -> frozenset[str]:
        """Image attributes that are not the source's."""
        return frozenset((*self.images, self.staging))


class AkeneoGallery:
    """`add` puts a file into the staging attribute, where it stays until the next; `arrange` is one change of the product that
    fills our attributes in order. A file that a person put into one of them stays there, is not listed, and ours pass it by.

    A picture's id is its file code, into which the PIM writes our file name with `_` for `-`. Products are written by uuid, but
    files are uploaded by identifier, which is all that the API documents: a product without one is refused.
    """

    def __init__(self, client: Client, slots: Slots, reading: Reading) -> None:
        self._client, self._slots, self._reading = client, slots, reading
        self._attribute = lru_cache(maxsize=256)(self._attribute_now)

    def read(self, ref: str) -> tuple[Shown, ...]:
        """Pictures of ours. Raises ProductGone."""
        return pictures_of(self._product(ref), self._slots, self._reading)

    def add(self, ref: str, picture: Picture) -> str:
        """Raises VendorRefused for a product without an identifier and for attributes that are no images, ProductGone."""
        product = self._product(ref)
        for other in pictures_of(product, self._slots, self._reading):
            if other.mark == picture.mark:
                return other.id
        identifier = (self._reading.value(product.get("values") or {}, self._reading.identifier) or {}).get("data")
        if not identifier:
            raise VendorRefused(f"{ref}: the product has no {self._reading.identifier}, and files are uploaded by it")
        answer = self._client.call("POST", MEDIA, **self._upload(str(identifier), picture))
        code = httpx.URL(answer.headers.get("location", "")).path.partition(f"/{MEDIA}/")[2]
        if mark_in(code.replace("_", "-")) != picture.mark:
            raise VendorError(f"{picture.name}: the PIM does not say where it put the file")
        return code

    def arrange(self, ref: str, order: Sequence[Placing]) -> None:
        """Raises VendorRefused for more pictures than attributes that no person has used, ProductGone."""
        texts = [(placing.id, placing.picture.alt if placing.picture else "") for placing in order]
        self._fill(ref, self._product(ref).get("values") or {}, texts, None)

    def remove(self, ref: str, ids: Sequence[str]) -> None:
        """One change of the product, in which the others move up; none where they are gone already."""
        product = self._product(ref)
        values, there = product.get("values") or {}, pictures_of(product, self._slots, self._reading)
        placed = {self._held(values, name) for name in self._slots.images}
        if not any(shown.id in ids for shown in there):
            return
        waiting = self._held(values, self._slots.staging)
        kept = [(shown.id, shown.alt or "") for shown in there if shown.id in placed and shown.id not in ids]
        self._fill(ref, values, kept, waiting if waiting not in ids else None)

    def fetch(self, shown: Shown) -> bytes | None:
        """The file as it was sent."""
        return self._client.call("GET", f"{MEDIA}/{shown.id}/download").content

    def _product(self, ref: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._client.json("GET", _path(ref))
        except Refused as refused:
            if refused.status == 404:
                raise ProductGone(f"product {ref} is not there any more") from None
            raise
        return found

    def _fill(self, ref: str, values: Mapping[str, Any], pictures: list[tuple[str, str]], waiting: str | None) -> None:
        """These pictures and their texts into the attributes that no person has used, and nothing into the rest of them."""
        free = [place for place, name in enumerate(self._slots.images) if not self._taken(values, name)]
        if len(pictures) > len(free):
            raise VendorRefused(f"{ref}: {len(pictures)} pictures for {len(free)} free attributes; add some to options.images")
        change = {self._slots.staging: self._value(self._slots.staging, waiting)}
        for place, (code, text) in zip(free, [*pictures, *[("", "")] * (len(free) - len(pictures))], strict=True):
            image, alt = self._slots.images[place], self._slots.alts[place]
            change |= {image: self._value(image, code or None), alt: self._value(alt, text or None)}
        # A change of a uuid that is gone would make a new product: whoever calls has just read it.
        self._client.call("PATCH", _path(ref), json={"values": change}, repeatable=True)

    def _upload(self, identifier: str, picture: Picture) -> dict[str, Any]:
        staging = self._slots.staging
        where = {"identifier": identifier, "attribute": staging, **self._reading.scoped(self._attribute(staging))}
        file = (picture.name[-NAME:], picture.data(), picture.media_type)
        return {"files": {"product": (None, json.dumps(where)), "file": file}}

    def _taken(self, values: Mapping[str, Any], attribute: str) -> bool:
        """Whether a person's file is there."""
        code = self._held(values, attribute)
        return bool(code and not _mark(code))

    def _held(self, values: Mapping[str, Any], attribute: str) -> str | None:
        """The file code in an attribute."""
        data = (self._reading.value(values, attribute) or {}).get("data")
        return str(data) if data else None

    def _value(self, attribute: str, data: str | None) -> list[dict[str, Any]]:
        return [{**self._reading.scoped(self._attribute(attribute)), "data": data}]

    def _attribute_now(self, code: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._client.json("GET", f"api/rest/v1/attributes/{code}")
        except Refused as refused:
            raise VendorRefused(f"attribute {code}: {refused.message}") from None
        wanted = ("pim_catalog_image",) if code in self._slots.ours else ("pim_catalog_text", "pim_catalog_textarea")
        if found.get("type") not in wanted:
            raise VendorRefused(f"attribute {code} is {found.get('type')}, not {' or '.join(wanted)}")
        return found


def pictures_of(product: Mapping[str, Any], slots: Slots, reading: Reading) -> tuple[Shown, ...]:
    """Ours in their order, the one that waits last."""
    values, found = product.get("values") or {}, list[Shown]()
    for image, alt in zip((*slots.images, slots.staging), (*slots.alts, ""), strict=True):
        value = reading.value(values, image) or {}
        code = str(value.get("data") or "")
        if not _mark(code) or code in {shown.id for shown in found}:
            continue
        text = (reading.value(values, alt) or {}).get("data") or ""
        link = ((value.get("_links") or {}).get("download") or {}).get("href", "")
        found.append(Shown(code, link, len(found), text, _mark(code)))
    return tuple(found)


def _mark(code: str) -> str:
    """The PIM writes `_` for `-` in file codes."""
    return mark_in(code.rpartition("/")[2].replace("_", "-"))


def _path(ref: str) -> str:
    if not _UUID.fullmatch(ref):
        raise VendorRefused(f"{ref[:60]!r} is no uuid of a product")
    return f"{_PRODUCTS}/{ref}"


def _names(option: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in option.split(",") if name.strip())
