"""`Sheet`: a product's gallery as one JSON file in the bucket, which is what pages are built from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain, count

from pydantic import Field, ValidationError

from connectors.names import safe_name
from connectors.vendors.base import Picture
from studio.errors import VendorRefused
from studio.product import Frozen

NAME = "gallery.json"
MAX_BYTES = 4 << 20
"""Of a sheet."""
_EXTENSIONS = {
    "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/avif": "avif", "application/pdf": "pdf",
}  # fmt: skip


class Entry(Frozen):
    """A picture in its place. `key` is its object, `digest` and `alias` are empty for a picture that is not ours."""

    key: str
    url: str = ""
    alt: str = ""
    types: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    digest: str = ""
    tag: str = ""
    """ETag of its object when it was arranged."""
    media_type: str = ""
    alias: str = ""
    """Name of the object beside the sheet that always holds this place's newest picture."""


class Sheet(Frozen):
    """The pictures in order. `aliases` are names of ours beside the sheet with their ETags; `settled` once all are right."""

    version: int = 1
    pictures: tuple[Entry, ...] = ()
    aliases: dict[str, str] = Field(default_factory=dict)
    settled: bool = True


def written(sheet: Sheet) -> bytes:
    """UTF-8 JSON, the same bytes for the same sheet."""
    return json.dumps(sheet.model_dump(mode="json"), ensure_ascii=False, sort_keys=True).encode()


def understood(data: bytes, where: str) -> Sheet:
    """Raises VendorRefused for what is no sheet of ours: nobody's file is written over."""
    try:
        return Sheet.model_validate_json(data)
    except ValidationError:
        raise VendorRefused(f"{where} is no gallery of ours; move it away") from None


def extension_of(media_type: str) -> str:
    """Raises VendorRefused for a type that no shop shows."""
    if media_type not in _EXTENSIONS:
        raise VendorRefused(f"{media_type}: no picture for a shop")
    return _EXTENSIONS[media_type]


def asset_key(digest: str, media_type: str) -> str:
    """`assets/<first two digits>/<digest>.<extension>`: never written again with other bytes."""
    return f"assets/{digest[:2]}/{digest}.{extension_of(media_type)}"


def folder_of(ref: str) -> str:
    """Where a product's sheet and aliases are."""
    return f"products/{safe_name(ref)}/"


def alias_names(pictures: Sequence[Picture | None]) -> list[str]:
    """`<template>.<destination>.<slot>.<extension>` of each picture's details, "" for one that is not ours.

    Without the template's version, so that a new one keeps the name. Without a slot its place, counted from 1; where two would
    have the same name, the later one has its place after it.
    """
    names: list[str] = []
    for place, picture in enumerate(pictures, 1):
        if picture is None:
            names.append("")
            continue
        extension = extension_of(picture.media_type)
        said = picture.details
        parts = [said.get("template", "").partition("@")[0], said.get("destination", ""), said.get("slot", "") or str(place)]
        stem = safe_name(".".join(part for part in parts if part))
        free = (f"{stem}{suffix}.{extension}" for suffix in chain([""], (f".{number}" for number in count(place))))
        names.append(next(name for name in free if name not in names))
    return names
